"""The history sweep against git itself: the same findings in the same objects, whatever shape the database has."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Accounting, ProblemCode, Source
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.objects import database
from keysweep.sources.history.objects.database import sweep_history
from keysweep.sources.history.objects.pieces import PackPiece
from keysweep.sources.history.objects.plan import plan
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.objects.sweep import sweep
from tests.repositories import Repository, environment
from tests.sources.history_reference import holder, reference

WORDS = (
    "account",
    "bucket",
    "client",
    "config",
    "count",
    "data",
    "error",
    "event",
    "handler",
    "secret",
    "aws",
    "key",
)


def source(rng: random.Random, lines: int) -> list[str]:
    return [
        f"{rng.choice(WORDS)}_{rng.randrange(1000)} = {rng.choice(WORDS)}({rng.random()})" for _ in range(lines)
    ]


def leak(rng: random.Random) -> str:
    one, two = key_id(rng), secret(rng)
    return rng.choice(
        (
            f"aws_access_key_id = {one}\naws_secret_access_key = {two}",
            f"# {one}",
            f'secret_access_key = "{two}"',
            f'client = boto3.client("s3", "{one}", "{two}")',
            f"AKIA is a prefix, {one[:12]} only a part",
        )
    )


def evolve(repository: Repository, rng: random.Random, commits: int) -> None:
    """Files of very different sizes that change here and there, and sometimes get or lose a key."""
    files = {f"f{number}.py": source(rng, rng.choice((5, 60, 900))) for number in range(6)}
    for number in range(commits):
        for name in rng.sample(sorted(files), 2):
            lines = files[name]
            for _ in range(rng.randrange(1, 5)):
                at = rng.randrange(len(lines) + 1)
                if rng.random() < 0.15:
                    lines.insert(at, leak(rng))
                elif rng.random() < 0.3 and lines:
                    del lines[at : at + rng.randrange(1, 20)]
                else:
                    lines[at:at] = source(rng, rng.randrange(1, 8))
            repository.write(name, "\n".join(lines))
        if rng.random() < 0.1:
            repository.write(f"dir/{key_id(rng)}.txt", "named after a key")
        if rng.random() < 0.1:
            repository.write("image.bin", rng.randbytes(3000) + leak(rng).encode() + rng.randbytes(3000))
        repository.git("add", "-A")
        repository.commit(f"change {number}" if rng.random() < 0.9 else f"change {leak(rng)}")


def compare(path: Path, jobs: int = 1) -> int:
    """Hold a sweep to what git shows; returns how many findings there are."""
    expected, count = reference(path)
    swept = sweep_history(find_stores(os.fspath(path)), jobs=jobs)
    assert swept.problems == ()
    assert (swept.listed_objects, swept.scanned_objects) == (count, count)
    assert {(finding.fingerprint, holder(finding)) for finding in swept.findings} == expected
    return len(expected)


def packed(repository: Repository) -> Repository:
    repository.git("repack", "-adfq", "--depth=50", "--window=50")
    return repository


@pytest.mark.parametrize("seed", range(6))
def test_loose_objects_are_all_scanned(tmp_path: Path, seed: int) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(seed), 12)
    assert compare(repository.path)


@pytest.mark.parametrize("seed", range(12))
def test_deep_delta_trees_are_scanned_as_if_each_version_stood_alone(tmp_path: Path, seed: int) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(seed), 40)
    assert compare(packed(repository).path) > 3


@pytest.mark.parametrize("seed", range(4))
def test_delta_trees_that_are_cut_into_pieces_lose_nothing(tmp_path: Path, seed: int) -> None:
    """As happens to trees of gigabytes, here with pieces of kilobytes."""
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(100 + seed), 40)
    expected, count = reference(packed(repository).path)
    todo = plan(find_stores(os.fspath(repository.path)), 3000)
    pieces = (*todo.contents, *todo.structure)
    assert any(isinstance(piece, PackPiece) and piece.stops for piece in pieces)
    swept = [sweep(piece, Limits(), Options()) for piece in pieces]
    found = {(finding.fingerprint, holder(finding)) for each in swept for finding in each.findings}
    assert found == expected
    assert sum(each.scanned_objects for each in swept) == count


def test_deltas_that_name_their_base_are_followed(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(21), 30)
    repository.git("config", "repack.useDeltaBaseOffset", "false")
    assert compare(packed(repository).path)


def test_several_packs_and_what_stands_in_more_than_one_are_scanned_once(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(22)
    for _ in range(3):
        evolve(repository, rng, 10)
        repository.git("repack", "-dq")
    everything = repository.git("rev-list", "--objects", "--all").split(b"\n")
    names = b"\n".join(line.split(b" ")[0] for line in everything if line)
    repository.git("pack-objects", "-q", ".git/objects/pack/pack-again", stdin=names)
    evolve(repository, rng, 3)
    assert compare(repository.path)
    expected = len(repository.git("cat-file", "--batch-all-objects", "--batch-check").splitlines())
    assert scan_history(os.fspath(repository.path)).objects == Accounting(expected, expected, 0)


def test_sha256_repositories_are_read(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r", options=("--object-format=sha256",))
    evolve(repository, random.Random(23), 20)
    assert compare(packed(repository).path)


def test_what_is_borrowed_from_an_alternate_is_scanned_too(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(24), 15)
    packed(origin)
    subprocess.run(
        ["git", "clone", "-q", "--shared", os.fspath(origin.path), os.fspath(tmp_path / "clone")],
        env=environment(), check=True,
    )  # fmt: skip
    clone = Repository(tmp_path / "clone")
    evolve(clone, random.Random(25), 5)
    assert compare(clone.path)


def test_thin_packs_that_were_completed_are_read(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    rng = random.Random(26)
    evolve(origin, rng, 10)
    packed(origin)
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--no-local", "-c", "protocol.file.allow=always", os.fspath(origin.path)]
    subprocess.run([*command, os.fspath(clone)], env=environment(), check=True)
    evolve(origin, rng, 5)
    copied = Repository(clone)
    copied.git("-c", "fetch.unpackLimit=1", "fetch", "-q")
    assert compare(clone)


def test_stashes_notes_tags_worktrees_and_unreachable_objects_are_scanned(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(27)
    evolve(repository, rng, 5)
    repository.git("notes", "add", "-m", f"note {key_id(rng)} {secret(rng)}")
    repository.git("tag", "-a", "v1", "-m", f"tag with {leak(rng)}\nsecret_key = {secret(rng)}")
    repository.write("f0.py", leak(rng))
    repository.git("stash", "-q")
    repository.git("hash-object", "-w", "--stdin", stdin=f"aws_secret_access_key = {secret(rng)}".encode())
    repository.git("worktree", "add", "-q", os.fspath(tmp_path / "tree"), "-b", "other")
    assert compare(repository.path)
    assert compare(tmp_path / "tree")


def test_replaced_objects_are_scanned_as_they_are(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a", "nothing")
    one = repository.commit()
    repository.stage("a", leak(random.Random(28)))
    two = repository.commit()
    repository.git("replace", two, one)
    assert compare(packed(repository).path) == compare(repository.path) > 0


@pytest.mark.parametrize("jobs", [2, 3])
def test_a_large_database_gives_the_same_with_workers(tmp_path: Path, jobs: int) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(29)
    stream = [b"blob\nmark :1\ndata 5\nhello\n"]
    for number in range(2, 4002):
        text = f"{rng.random()} {leak(rng) if number % 500 == 0 else ''}".encode()
        stream.append(b"blob\nmark :%d\ndata %d\n%s\n" % (number, len(text), text))
        stream.append(b"commit refs/heads/main\ncommitter A <a@example.net> %d +0000\ndata 1\nx\n" % number)
        stream.append(b"M 100644 :%d f%d\n" % (number, number % 50))
    repository.git("fast-import", "--quiet", stdin=b"".join(stream))
    assert compare(repository.path, jobs)


def test_a_leak_in_the_last_contents_is_placed_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees and commits are dealt before it comes back, so that nobody gathered what they say."""
    repository, rng = Repository(tmp_path / "r"), random.Random(3)
    repository.stage("last.ini", f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {secret(rng)}\n")
    repository.commit("the last")
    packed(repository)
    whole = scan_history(os.fspath(repository.path), jobs=1)
    monkeypatch.setattr(database, "_POOL_FROM_OBJECTS", 0)
    monkeypatch.setattr(database, "_FEW_PIECES", 0)
    assert scan_history(os.fspath(repository.path), jobs=2) == whole
    assert whole.findings[-1].exposures


def cloned(origin: Repository, path: Path, *options: str) -> Repository:
    origin.git("config", "uploadpack.allowFilter", "true")
    command = ["git", "clone", "-q", *options, f"file://{origin.path}", os.fspath(path)]
    subprocess.run(command, env=environment() | {"GIT_ALLOW_PROTOCOL": "file"}, check=True)
    return Repository(path)


def problems(repository: Repository) -> list[tuple[str, str]]:
    return [(each.code.value, each.message) for each in scan_history(os.fspath(repository.path)).problems]


def test_a_shallow_clone_is_scanned_as_far_as_it_goes(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(30), 12)
    cloned(origin, tmp_path / "clone", "--depth=3")
    assert compare(tmp_path / "clone")


@pytest.mark.parametrize("holds", ["nothing", key_id(random.Random(36))])
def test_a_shallow_clone_is_incomplete_until_all_is_fetched(tmp_path: Path, holds: str) -> None:
    origin = Repository(tmp_path / "origin")
    for number in range(4):
        origin.stage("a", f"{holds} {number}\n")
        origin.commit(f"{number}")
    clone = cloned(origin, tmp_path / "clone", "--depth=2")
    ((code, message),) = problems(clone)
    assert code == "missing-object"
    assert "this clone is shallow and lacks commits" in message
    kept = (clone.path / ".git/shallow").read_bytes()
    clone.git("fetch", "-q", "--unshallow")
    assert problems(clone) == []
    (clone.path / ".git/shallow").write_bytes(kept + b"\xff --all\n")  # what it says is missing is here
    assert problems(clone) == []


def test_a_commit_of_any_size_hides_no_end_of_a_shallow_clone(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(37), 3)
    origin.git("commit", "-q", "--allow-empty", "-F", "-", stdin=b"words\n" * 300_000)
    assert "this clone is shallow" in problems(cloned(origin, tmp_path / "clone", "--depth=1"))[0][1]


@pytest.mark.parametrize("shape", ["directory", "nonsense"])
def test_where_git_notes_that_a_clone_is_shallow_can_stand_anything(tmp_path: Path, shape: str) -> None:
    """It costs no finding."""
    repository, rng = Repository(tmp_path / "r"), random.Random(38)
    repository.stage("a.ini", f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {secret(rng)}\n")
    head = repository.commit("first")
    tree = repository.git("rev-parse", "HEAD^{tree}").decode().strip()
    odd = f"tree {tree}\nparent ".encode() + b"\xff\xfe\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n"
    named = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=odd).decode()
    note = repository.path / ".git/shallow"
    if shape == "directory":
        note.mkdir()
    else:
        note.write_text(f"{named}{head}\n--all\n\u2028\n", encoding="utf-8")
    assert scan_history(os.fspath(repository.path)).findings


def test_as_many_commits_as_there_are_make_no_clone_incomplete(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(33), 3)
    clone = cloned(origin, tmp_path / "clone", "--depth=1000")
    (clone.path / ".git/shallow").write_bytes(origin.git("rev-list", "--max-parents=0", "HEAD"))
    assert problems(clone) == []


def test_a_rescan_of_a_shallow_clone_is_no_less_incomplete(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(34), 12)
    clone = cloned(origin, tmp_path / "clone", "--depth=3")
    first, again = (scan_history(os.fspath(clone.path), cached=True) for _ in range(2))
    assert again.problems == first.problems
    assert len(first.problems) == 1


def test_a_partial_clone_never_fetches(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(31), 12)
    clone = cloned(origin, tmp_path / "clone", "--no-checkout", "--filter=blob:none")
    before = len(clone.git("cat-file", "--batch-all-objects", "--batch-check").splitlines())
    scan_history(os.fspath(clone.path))
    assert len(clone.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()) == before
    compare(clone.path)


@pytest.mark.parametrize("left", ["blob:none", "tree:0"])
def test_a_partial_clone_is_incomplete_until_it_has_all(tmp_path: Path, left: str) -> None:
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(35), 12)
    clone = cloned(origin, tmp_path / "clone", "--no-checkout", f"--filter={left}")
    ((code, message),) = problems(clone)
    assert code == "missing-object"
    assert "this is a partial clone" in message
    clone.git("-c", "protocol.file.allow=always", "rev-list", "--objects", "--all")  # which fetches one by one
    assert list((clone.path / ".git/objects/pack").glob("*.promisor"))
    assert problems(clone) == []


def test_a_partial_clone_that_git_takes_for_a_shallow_one_as_well_is_no_less_incomplete(tmp_path: Path) -> None:
    """Its commits are here, so that it lacks none; but git does not look at their files."""
    origin = Repository(tmp_path / "origin")
    evolve(origin, random.Random(39), 12)
    clone = cloned(origin, tmp_path / "clone", "--filter=blob:none", "--no-tags", "--single-branch")
    clone.git("-c", "protocol.file.allow=always", "fetch", "-q", "--depth=1", "--no-tags")
    assert (clone.path / ".git/shallow").exists()
    assert any("this is a partial clone" in message for _, message in problems(clone))


def test_what_a_partial_clone_lacks_of_what_a_branch_once_was_counts(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    for name in ("kept", "left"):
        origin.stage(name, f"{name}\n")
        origin.commit(name)
    clone = cloned(origin, tmp_path / "clone", "--no-checkout", "--filter=blob:none")
    origin.git("reset", "-q", "--hard", "HEAD~1")
    allowed = ("-c", "protocol.file.allow=always")
    clone.git(*allowed, "fetch", "-q")
    clone.git(*allowed, "reset", "-q", "--hard", "origin/main")
    assert len(problems(clone)) == 1
    clone.git("reflog", "expire", "--expire=now", "--all")
    clone.git("update-ref", "-d", "ORIG_HEAD")
    assert problems(clone) == []


def test_a_leak_is_told_with_its_commits_paths_and_refs(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(32)
    one, two = key_id(rng), secret(rng)
    pair = f"aws_access_key_id = {one}\naws_secret_access_key = {two}\n"
    repository.stage("README", "clean\n")
    repository.commit("first")
    repository.stage("conf/a.ini", "# comment\n" + pair)
    brought = repository.commit("add configuration")
    repository.stage("conf/a.ini", "# comment\n# another\n" + pair)
    repository.commit("touch it")
    repository.git("branch", "feature")
    repository.git("mv", "conf/a.ini", "conf/b.ini")
    moved = repository.commit("rename it")
    repository.git("rm", "-q", "conf/b.ini")
    taken = repository.commit("remove it")
    (finding,) = scan_history(os.fspath(repository.path)).findings
    assert (finding.key_id, finding.origin.path, finding.origin.commit) == (one, "conf/a.ini", brought)
    assert finding.place.line == 2
    first, second = finding.exposures
    assert (first.path, [each.id for each in first.introduced]) == ("conf/a.ini", [brought])
    assert [each.id for each in first.removed] == [moved]
    assert first.refs == ("refs/heads/feature",)
    assert first.introduced[0].author == "A Tester"
    assert first.introduced[0].subject == "add configuration"
    assert (second.path, [each.id for each in second.introduced]) == ("conf/b.ini", [moved])
    assert ([each.id for each in second.removed], second.refs) == ([taken], ())


def test_a_name_with_a_line_end_is_in_the_refs_that_have_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a\nb", f"secret_access_key = '{secret(random.Random(12))}'\n")
    repository.commit()
    (finding,) = scan_history(os.fspath(repository.path)).findings
    assert finding.exposures[0].refs == ("HEAD", "refs/heads/main")


def test_a_leak_is_told_with_the_line_it_had_when_it_came(tmp_path: Path) -> None:
    """Versions that differ only far above it are scanned once; the first of them is not the first that is packed."""
    repository = Repository(tmp_path / "r")
    rng = random.Random(38)
    tail = ["", *source(rng, 300), f"aws_access_key_id = {key_id(rng)}", f"aws_secret_access_key = {secret(rng)}"]
    head = source(rng, 300)
    lines = []
    for number in range(5):
        head += source(rng, 10)
        repository.stage("a.py", "\n".join(head + tail))
        repository.commit(f"change {number}")
        lines.append(len(head) + 302)
    (finding,) = scan_history(os.fspath(packed(repository).path)).findings
    assert finding.place.line == lines[0]
    content = repository.git("cat-file", "blob", finding.origin.blob or "")
    assert content[finding.place.offset :].startswith((finding.key_id or "").encode())


def test_a_leak_that_only_a_merge_brought_is_told(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a", "one\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("b", "two\n")
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.stage("c", "three\n")
    repository.commit()
    repository.git("merge", "-q", "--no-commit", "side")
    rng = random.Random(33)
    repository.stage("evil", f"{key_id(rng)}:{secret(rng)}\n")
    merge = repository.commit("merge")
    (finding,) = scan_history(os.fspath(repository.path)).findings
    assert (finding.origin.path, finding.origin.commit) == ("evil", merge)


def test_a_key_in_a_message_names_its_commit_and_one_in_no_commit_its_object(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(34)
    repository.stage("a", "one\n")
    said = repository.commit(f"deploy with {key_id(rng)} {secret(rng)}")
    blob = repository.git("hash-object", "-w", "--stdin", stdin=f"aws_secret_key={secret(rng)}\n".encode())
    by_source = {finding.origin.source: finding for finding in scan_history(os.fspath(repository.path)).findings}
    message, lost = by_source[Source.COMMIT_MESSAGE], by_source[Source.HISTORY]
    assert (message.origin.commit, message.exposures[0].path) == (said, "(commit message)")
    assert lost.origin.path == f"(object {blob.decode()[:12]})"
    assert lost.exposures == ()


def pack_of(repository: Repository) -> Path:
    (pack,) = (repository.path / ".git/objects/pack").glob("*.pack")
    os.chmod(pack, 0o600)
    os.chmod(pack.with_suffix(".idx"), 0o600)
    return pack


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a truncated pack": lambda pack: os.truncate(pack, pack.stat().st_size * 2 // 3),
    "an empty pack": lambda pack: pack.write_bytes(b""),
    "a truncated index": lambda pack: os.truncate(pack.with_suffix(".idx"), 1500),
    "an index of noise": lambda pack: pack.with_suffix(".idx").write_bytes(random.Random(1).randbytes(5000)),
    "flipped bits": lambda pack: flip(pack),
}


def flip(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    for at in range(200, len(content) - 30, 997):
        content[at] ^= 0x10
    pack.write_bytes(content)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_pack_is_never_clean_and_hides_nothing_beside_it(tmp_path: Path, name: str) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(35), 20)
    packed(repository)
    rng = random.Random(36)
    one = key_id(rng)
    repository.stage("beside.ini", f"aws_access_key_id = {one}\naws_secret_access_key = {secret(rng)}\n")
    repository.commit()
    DAMAGES[name](pack_of(repository))
    result = scan_history(os.fspath(repository.path))
    assert ProblemCode.DAMAGED in {problem.code for problem in result.problems}
    assert one in {finding.key_id for finding in result.findings}
    assert result.objects
    assert result.objects.listed == result.objects.scanned + result.objects.skipped
    unread = [problem for problem in result.problems if problem.message.startswith("cannot be read")]
    assert result.objects.skipped == len(unread)


def test_a_delta_that_lies_about_sizes_or_promises_too_much_is_reported(tmp_path: Path) -> None:
    """The last object of a pack made by hand is a delta of the first, which claims a result of a terabyte."""
    repository = Repository(tmp_path / "r")
    base = b"hello world " * 10
    delta = bytes([len(base)]) + b"\x80\x80\x80\x80\x80\x20" + bytes([0x90, len(base)])
    entries = [entry(3, base)]
    entries.append(entry(6, delta, ofs(len(entries[0]))))
    write_pack(repository, entries, [b"\x11" * 20, b"\x22" * 20])
    result = scan_history(os.fspath(repository.path))
    said = {problem.code: problem.message for problem in result.problems}
    assert said.keys() == {ProblemCode.DAMAGED, ProblemCode.LIMIT}
    assert said[ProblemCode.LIMIT].startswith("is stored as a delta that makes 1048576 MiB")


def test_a_pack_without_its_index_is_never_clean(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(39), 3)
    pack_of(packed(repository)).with_suffix(".idx").unlink()
    result = scan_history(os.fspath(repository.path))
    assert result.objects == Accounting(0, 0, 0)
    (problem,) = result.problems
    assert "it has no index" in problem.message


def entry(kind: int, content: bytes, between: bytes = b"") -> bytes:
    size = len(content)
    header = [kind << 4 | size & 15]
    size >>= 4
    while size:
        header[-1] |= 128
        header.append(size & 127)
        size >>= 7
    return bytes(header) + between + zlib.compress(content)


def ofs(distance: int) -> bytes:
    digits = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        digits.append(128 | distance & 127)
    return bytes(reversed(digits))


def write_pack(repository: Repository, entries: list[bytes], names: list[bytes]) -> None:
    """A pack and its version 2 index, without true checksums: nobody looks at those before `git fsck`."""
    place = repository.path / ".git/objects/pack"
    place.mkdir(exist_ok=True)
    offsets, at = [], 12
    for each in entries:
        offsets.append(at)
        at += len(each)
    pack = b"PACK" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big") + b"".join(entries) + bytes(20)
    (place / "pack-made.pack").write_bytes(pack)
    ordered = sorted(zip(names, offsets, strict=True))
    fanout = b"".join(sum(name[0] <= byte for name, _ in ordered).to_bytes(4, "big") for byte in range(256))
    index = b"\xfftOc" + (2).to_bytes(4, "big") + fanout + b"".join(name for name, _ in ordered)
    index += bytes(4 * len(ordered)) + b"".join(offset.to_bytes(4, "big") for _, offset in ordered) + bytes(40)
    (place / "pack-made.idx").write_bytes(index)


def test_a_repository_that_is_none_is_refused(tmp_path: Path) -> None:
    from keysweep.errors import GitError

    with pytest.raises(GitError, match="not a git repository"):
        scan_history(os.fspath(tmp_path))


def test_the_configuration_of_the_repository_runs_nothing(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    evolve(repository, random.Random(37), 4)
    touched = tmp_path / "touched"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {touched}\n")
    script.chmod(0o755)
    for key in ("gpg.program", "core.fsmonitor", "diff.external", "core.pager", "core.sshCommand"):
        repository.git("config", key, os.fspath(script))
    repository.git("config", "log.showSignature", "true")
    shutil.rmtree(repository.path / ".git/hooks", ignore_errors=True)
    (repository.path / ".git/hooks").mkdir()
    assert scan_history(os.fspath(repository.path)).problems == ()
    assert not touched.exists()
