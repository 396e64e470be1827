"""Random histories in every shape that git stores them in, swept and held to a scan of every object by itself.

`HISTORY_EXAMPLES=200 pytest tests/sources/test_history_shapes.py` tries that many other ones of each shape.
"""

from __future__ import annotations

import base64
import gzip
import io
import os
import random
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fixtures.keys import bedrock_long, key_id, secret, session_token
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Finding, Problem
from keysweep.sources.history.objects.database import sweep_history
from keysweep.sources.history.objects.plan import plan
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.objects.sweep import sweep
from tests.repositories import Repository, environment
from tests.sources.history_reference import holder, scanned

EXAMPLES = int(os.environ.get("HISTORY_EXAMPLES", "6"))
TINY_PIECE_BYTES = 2000
"""Cuts even these small delta trees into several pieces."""

SIZES = (0, 1, 30, 500, 4000, 4200, 15_000, 17_000, 30_000)
"""Of what stands between keys, around the distances at which a version is compared and a piece of it suffices."""
PATHS = ("a.py", "b/c.ini", "b/d.bin", *(f"names/{key_id(random.Random(seed))}.txt" for seed in range(4)))


def filler(rng: random.Random, size: int) -> bytes:
    """Lines of source, or one long line of it."""
    separator = rng.choice((b"\n", b" "))
    words = (b"account", b"bucket", b"client = make(", b"[section]", b"aws_secret", b'"key": {', b"}, ", b"'a'")
    text = separator.join(rng.choice(words) + b"%d" % rng.randrange(10_000) for _ in range(size // 8 + 1))
    return text[:size]


def leak(rng: random.Random) -> bytes:
    one, two = key_id(rng, rng.choice(("AKIA", "ASIA"))), secret(rng)
    forms = (
        f"aws_access_key_id = {one}\naws_secret_access_key = {two}",
        f"# {one}",
        f"AWS_SECRET_ACCESS_KEY={two}",
        two,
        f'{{"AccessKeyId": "{one}", "SecretAccessKey": "{two}", "SessionToken": "{session_token(rng)}"}}',
        f"{one[:12]} is only a part",
        bedrock_long(rng),
        base64.b64encode(f"id: {one}\nsecret_access_key: {two}\n".encode()).decode(),
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential={one}%2F20240101%2Fus-east-1%2Fs3%2Faws4_request"
        f"&X-Amz-Date=20240101T000000Z&X-Amz-Expires=60&X-Amz-Signature={rng.getrandbits(256):064x}",
    )
    return rng.choice(forms).encode()


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("inner.txt"), content)
    return stream.getvalue()


WRAPPINGS: tuple[Callable[[bytes], bytes], ...] = (
    *[lambda content: content] * 8,
    lambda content: gzip.compress(content, mtime=0),
    zipped,
    lambda content: b"\xff\xfe" + content.decode("latin-1").encode("utf-16-le"),
    base64.encodebytes,
    lambda content: gzip.compress(content, mtime=0)[:-9],
    lambda content: b"\0\1\2" + content,
)


@dataclass
class Story:
    """A history while it is made up, as commands to `git fast-import`."""

    rng: random.Random
    _files: dict[str, list[bytes]] = field(default_factory=dict)
    _branches: dict[str, str] = field(default_factory=dict)
    """What `git fast-import` calls them: by `^0` where another run of it made them."""
    _commits: int = 0

    def go_on(self, repository: Repository, commits: int, *, loose: bool = False) -> None:
        """Add so many commits, in a new pack or loose."""
        self._branches = {branch: f"refs/heads/{branch}^0" for branch in self._branches}
        commands = b"".join(each for _ in range(commits) for each in self._commit())
        limit = f"fastimport.unpackLimit={100_000 if loose else 1}"
        repository.git("-c", limit, "fast-import", "--quiet", "--force", stdin=commands)

    def _commit(self) -> Iterator[bytes]:
        rng = self.rng
        self._commits += 1
        branch = rng.choice(("main", "main", "side")) if self._branches else "main"
        signature = f"A <a@example.net> {1_700_000_000 + self._commits} +0000\n".encode()
        yield f"commit refs/heads/{branch}\n".encode() + b"committer " + signature
        yield data(leak(rng) if rng.random() < 0.1 else b"a change")
        if self._branches.get(branch, "").endswith("^0"):
            yield f"from {self._branches[branch]}\n".encode()
        for other, name in self._branches.items():
            if other != branch and rng.random() < 0.2:
                yield f"merge {name}\n".encode()
        self._branches[branch] = f"refs/heads/{branch}"
        for path in rng.sample(PATHS, rng.randrange(1, 3)):
            yield f"M 100644 inline {path}\n".encode() + data(self._changed(path))
        if rng.random() < 0.1:
            yield f"D {rng.choice(PATHS)}\n".encode()
        if rng.random() < 0.1:
            yield f"tag t{self._commits}\nfrom refs/heads/{branch}\n".encode()
            yield b"tagger " + signature + data(leak(rng))
        if rng.random() < 0.1:
            yield f"commit refs/notes/n{self._commits}\n".encode() + b"committer " + signature + data(b"a note")
            yield f"N inline refs/heads/{branch}\n".encode() + data(leak(rng))

    def _changed(self, path: str) -> bytes:
        """The next version of a file: blocks put in, taken out, moved, swapped or doubled."""
        rng = self.rng
        blocks = self._files.setdefault(path, [])
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(blocks) + 1)
            what = rng.random()
            if what < 0.5 or len(blocks) < 2:
                blocks.insert(at, leak(rng) if rng.random() < 0.4 else filler(rng, rng.choice(SIZES)))
            elif what < 0.6:
                del blocks[at : at + 1]
            elif what < 0.7:
                blocks.insert(at, blocks.pop(rng.randrange(len(blocks))))
            elif what < 0.8:
                one, two = rng.sample(range(len(blocks)), 2)
                blocks[one], blocks[two] = blocks[two], blocks[one]
            elif what < 0.9 and len(blocks) < 12:
                blocks.insert(at, rng.choice(blocks))
            elif at < len(blocks):
                cut = rng.randrange(len(blocks[at]) + 1)
                blocks[at] = (
                    blocks[at][:cut] + rng.choice((b"", b"x", b"\n")) + blocks[at][cut + rng.randrange(3) :]
                )
        content = rng.choice((b"\n", b"\n", b" ", b"")).join(blocks)
        return rng.choice(WRAPPINGS)(content)


def data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def repacked(repository: Repository, rng: random.Random, *options: str) -> Path:
    depth, window = rng.choice((1, 5, 50)), rng.choice((2, 10, 50))
    repository.git(*options, "repack", "-adfq", f"--depth={depth}", f"--window={window}")
    return repository.path


def loose(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 8, loose=True)
    return repository.path


def one_pack(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 25)
    return repacked(repository, story.rng)


def one_pack_as_imported(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 25)
    return repository.path


def deltas_that_name_their_base(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 25)
    return repacked(repository, story.rng, "-c", "repack.useDeltaBaseOffset=false")


def several_packs_that_overlap(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    for _ in range(3):
        story.go_on(repository, 6)
        names = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").splitlines()
        some = b"\n".join(story.rng.sample(names, len(names) // 2))
        repository.git("pack-objects", "-q", ".git/objects/pack/pack", stdin=some)
    story.go_on(repository, 2, loose=True)
    return repository.path


def a_midx_with_bitmaps_and_a_graph(story: Story, place: Path) -> Path:
    path = several_packs_that_overlap(story, place)
    repository = Repository(path)
    repository.git("multi-pack-index", "write", "--bitmap")
    repository.git("commit-graph", "write", "--reachable")
    return path


def a_kept_pack_and_one_with_bitmaps(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 10)
    for pack in (repository.path / ".git/objects/pack").glob("*.pack"):
        pack.with_suffix(".keep").touch()
    story.go_on(repository, 10)
    return repacked(repository, story.rng, "-c", "repack.writeBitmaps=true")


def a_cruft_pack(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 12)
    repository.git("update-ref", "-d", "refs/heads/side")
    repository.git("hash-object", "-w", "--stdin", stdin=leak(story.rng))
    repository.git("reflog", "expire", "--expire=all", "--all")
    repository.git("repack", "-dq", "--cruft", "--cruft-expiration=never")
    return repository.path


def fetched(origin: Repository, clone: Path, *options: str) -> Repository:
    command = ["git", "clone", "-q", "--mirror", *options, origin.path.as_uri(), os.fspath(clone)]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    return Repository(clone, options=("--bare",))


def a_thin_pack_that_was_completed(story: Story, place: Path) -> Path:
    origin = Repository(place / "origin")
    story.go_on(origin, 12)
    clone = fetched(origin, place / "clone")
    story.go_on(origin, 6)
    clone.git("-c", "fetch.unpackLimit=1", "fetch", "-q")
    return clone.path


def a_chain_of_alternates(story: Story, place: Path) -> Path:
    last = Repository(place / "0")
    story.go_on(last, 6)
    for number in range(1, 4):
        clone = Repository(place / str(number))
        alternates = clone.path / ".git/objects/info/alternates"
        alternates.write_text(f"# borrowed\n../../../{number - 1}/.git/objects\n")
        tips = last.git("for-each-ref", "--format=create %(refname) %(objectname)")
        clone.git("update-ref", "--stdin", stdin=tips)
        story.go_on(clone, 4, loose=number % 2 == 0)
        last = clone
    return last.path


def a_worktree_with_a_stash(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 6)
    repository.git("worktree", "add", "-q", "--detach", os.fspath(place / "tree"), "main")
    tree = Repository(place / "tree")
    tree.write("a.py", leak(story.rng))
    tree.git("add", "-A")
    tree.git("stash", "-q")
    return tree.path


def replaced_and_grafted(story: Story, place: Path) -> Path:
    repository = Repository(place / "r")
    story.go_on(repository, 12)
    commits = repository.git("rev-list", "--all").decode().split()
    blobs = repository.git("ls-tree", "-r", "--format=%(objectname)", "main").decode().split()
    repository.git("replace", "-f", commits[0], commits[-1])
    repository.git("replace", "-f", blobs[0], blobs[-1])
    (repository.path / ".git/info/grafts").write_text(f"{commits[2]}\n{commits[1]} {commits[-1]}\n")
    return repository.path


def a_shallow_clone(story: Story, place: Path) -> Path:
    origin = Repository(place / "origin")
    story.go_on(origin, 12)
    return fetched(origin, place / "clone", "--depth=3").path


def a_partial_clone(story: Story, place: Path) -> Path:
    origin = Repository(place / "origin")
    story.go_on(origin, 12)
    origin.git("config", "uploadpack.allowFilter", "true")
    return fetched(origin, place / "clone", f"--filter={story.rng.choice(('blob:none', 'blob:limit=4k'))}").path


def sha256(story: Story, place: Path) -> Path:
    repository = Repository(place / "r", options=("--object-format=sha256",))
    story.go_on(repository, 15)
    return repacked(repository, story.rng) if story.rng.random() < 0.5 else repository.path


def reftable(story: Story, place: Path) -> Path:
    repository = Repository(place / "r", options=("--ref-format=reftable",))
    story.go_on(repository, 10)
    return repacked(repository, story.rng)


HELP_OF_INIT = subprocess.run(["git", "init", "-h"], capture_output=True, check=False).stdout
"""Only git 2.45 and newer keep refs in tables, where a sweep has nothing to do with them."""

SHAPES: tuple[Callable[[Story, Path], Path], ...] = (
    loose,
    one_pack,
    one_pack_as_imported,
    deltas_that_name_their_base,
    several_packs_that_overlap,
    a_midx_with_bitmaps_and_a_graph,
    a_kept_pack_and_one_with_bitmaps,
    a_cruft_pack,
    a_thin_pack_that_was_completed,
    a_chain_of_alternates,
    a_worktree_with_a_stash,
    replaced_and_grafted,
    a_shallow_clone,
    a_partial_clone,
    sha256,
    *((reftable,) if b"--ref-format" in HELP_OF_INIT else ()),
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_sweep_finds_what_scanning_every_object_by_itself_finds(shape: Callable[[Story, Path], Path]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize="HISTORY_EXAMPLES" not in os.environ,
        database=None,
        phases=(Phase.generate,),  # a random history shrinks to another one, not to a smaller one
    )
    @given(seed=st.integers(min_value=0, max_value=1 << 32))
    def holds(seed: int) -> None:
        with tempfile.TemporaryDirectory() as directory:
            compare(shape(Story(random.Random(seed)), Path(directory)))

    holds()


def compare(repository: Path) -> None:
    """Hold a sweep as it is, and one in tiny pieces, to what git shows."""
    expected: set[tuple[str, str]] = set()
    count = 0
    for name, result in scanned(repository):
        count += 1
        expected |= {(each.fingerprint, name) for each in result.findings}
        expected |= {(each.message, name) for each in result.problems}
    swept = sweep_history(find_stores(os.fspath(repository)), jobs=1)
    assert told(swept.findings, swept.problems) == expected
    assert (swept.listed_objects, swept.scanned_objects) == (count, count)
    todo = plan(find_stores(os.fspath(repository)), TINY_PIECE_BYTES)
    tiny = [sweep(piece, Limits(), Options()) for piece in (*todo.contents, *todo.structure)]
    assert {one for each in tiny for one in told(each.findings, each.problems)} == expected
    assert sum(each.scanned_objects for each in tiny) == count


def told(findings: Iterable[Finding], problems: Iterable[Problem]) -> set[tuple[str, str]]:
    named = {(each.fingerprint, holder(each)) for each in findings}
    blamed = {
        (each.message, (each.origin.blob or each.origin.commit or "") if each.origin else "") for each in problems
    }
    return named | blamed
