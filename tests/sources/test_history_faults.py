"""Damage and hostile repositories: a sweep ends, is never clean when something is lost, and finds what is beside it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.errors import GitError, IncompleteError
from keysweep.findings import Problem, ProblemCode, ScanResult
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.objects.database import sweep_history
from keysweep.sources.history.objects.pieces import NamedPiece, PackPiece
from keysweep.sources.history.objects.plan import plan
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.objects.sweep import sweep
from tests.repositories import Repository, environment
from tests.sources.test_history import entry, ofs, pack_of, write_pack

RNG = random.Random(61)
IDS = [key_id(RNG) for _ in range(6)]
SECRETS = [secret(RNG) for _ in range(6)]


def pair(number: int) -> str:
    return f"aws_access_key_id = {IDS[number]}\naws_secret_access_key = {SECRETS[number]}\n"


def text(seed: int, size: int) -> str:
    rng = random.Random(seed)
    return "".join(f"line {rng.random()}\n" for _ in range(size // 24))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A small pack with deltas, a tag and a key in several places, and a loose key beside it."""
    repository = Repository(tmp_path / "r")
    body = text(1, 3000)
    for number in range(4):
        body = body[: 500 * number] + f"change {number}\n" + body[500 * number :]
        repository.write("a.py", body + (pair(0) if number > 1 else ""))
        repository.write(f"conf/{number}.ini", pair(1) if number == 2 else "nothing\n")
        repository.git("add", "-A")
        repository.commit(f"change {number}")
    repository.git("tag", "-a", "v1", "-m", f"secret_access_key = {SECRETS[2]}")
    repository.git("repack", "-adfq", "--depth=10", "--window=10")
    pack_of(repository)
    repository.git("hash-object", "-w", "--stdin", stdin=pair(3).encode())
    return repository


def scanned(repository: Repository) -> ScanResult:
    return scan_history(os.fspath(repository.path), jobs=1)


def key_ids(result: ScanResult) -> set[str | None]:
    return {finding.key_id for finding in result.findings}


def codes(result: ScanResult) -> set[ProblemCode]:
    return {problem.code for problem in result.problems}


def said(result: ScanResult) -> str:
    return "\n".join(
        f"{problem.origin.display if problem.origin else ''} {problem.message}" for problem in result.problems
    )


def copies(repository: Repository, name: str, broken: Iterator[bytes]) -> Iterator[Repository]:
    """The repository with each of the `broken` contents in place of its pack or the index of that."""
    for number, content in enumerate(broken):
        copy = repository.path.with_name(f"copy{number}")
        shutil.copytree(repository.path, copy)
        (target,) = (copy / ".git/objects/pack").glob(f"*.{name}")
        target.write_bytes(content)
        yield Repository(copy)
        shutil.rmtree(copy)


def flipped(content: bytes, step: int, begin: int) -> Iterator[bytes]:
    for at in range(begin, len(content), step):
        yield content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]


@pytest.mark.parametrize(("name", "step", "begin"), [("pack", 61, 0), ("idx", 97, 0), ("idx", 101, 1050)])
def test_a_flipped_bit_is_never_clean_and_hides_nothing_beside_it(
    repository: Repository, name: str, step: int, begin: int
) -> None:
    content = pack_of(repository).with_suffix(f".{name}").read_bytes()
    for copy in copies(repository, name, flipped(content, step, begin)):
        result = scanned(copy)
        assert result.problems
        assert IDS[3] in key_ids(result)


@pytest.mark.parametrize("name", ["pack", "idx"])
def test_a_pack_that_ends_early_is_never_clean_and_hides_nothing_before_that(
    repository: Repository, name: str
) -> None:
    content = pack_of(repository).with_suffix(f".{name}").read_bytes()
    for copy in copies(repository, name, (content[:size] for size in range(0, len(content), len(content) // 25))):
        result = scanned(copy)
        assert result.problems
        assert IDS[3] in key_ids(result)


def test_what_stands_before_the_end_of_a_truncated_pack_is_found_though_git_refuses_all_of_it(
    repository: Repository,
) -> None:
    pack = pack_of(repository)
    os.truncate(pack, pack.stat().st_size - 20)
    assert {IDS[0], IDS[1], IDS[3]} <= key_ids(scanned(repository))


def test_a_blob_whose_type_rots_into_that_of_a_tree_is_not_skipped_in_silence(repository: Repository) -> None:
    (name,) = (
        line.split()[2]
        for line in repository.git("ls-tree", "-r", "HEAD").decode().splitlines()
        if "conf/2" in line
    )
    pack = pack_of(repository)
    index = repository.git("show-index", stdin=pack.with_suffix(".idx").read_bytes()).decode()
    (offset,) = (int(line.split()[0]) for line in index.splitlines() if name in line)
    content = bytearray(pack.read_bytes())
    content[offset] ^= 0x10  # 3, a blob, becomes 2, a tree
    pack.write_bytes(content)
    assert "changed after it was written" in said(scanned(repository))


@pytest.mark.parametrize("index", [b"no index", b"\xfftOc\0\0\0\3" + bytes(2000)])
def test_a_pack_whose_index_cannot_be_read_is_told_with_what_to_do(repository: Repository, index: bytes) -> None:
    pack_of(repository).with_suffix(".idx").write_bytes(index)
    result = scanned(repository)
    assert key_ids(result) == {IDS[3]}
    assert "; `git index-pack` makes a new one" in said(result)


def test_objects_of_a_broken_pack_that_are_elsewhere_too_are_scanned(repository: Repository) -> None:
    pack = pack_of(repository)
    content = pack.read_bytes()
    pack.write_bytes(content[:40])
    repository.git("unpack-objects", "-q", "-r", stdin=content)
    assert {IDS[0], IDS[1], IDS[3]} <= key_ids(scanned(repository))


def test_an_index_of_before_2008_is_read(repository: Repository) -> None:
    pack = pack_of(repository)
    pack.with_suffix(".idx").unlink()
    repository.git("-c", "pack.indexVersion=1", "index-pack", os.fspath(pack))
    swept = sweep_history(find_stores(os.fspath(repository.path)), jobs=1)
    assert (swept.problems, swept.listed_objects) == ((), swept.scanned_objects)
    assert {IDS[0], IDS[1], IDS[3]} <= {finding.key_id for finding in swept.findings}


@pytest.mark.parametrize("suffix", [".pack", ".idx"])
def test_half_a_pack_is_never_clean(repository: Repository, suffix: str) -> None:
    pack_of(repository).with_suffix(suffix).unlink()
    result = scanned(repository)
    assert ProblemCode.DAMAGED in codes(result)
    assert IDS[3] in key_ids(result)


def test_a_pack_that_git_is_still_writing_is_nothing_to_worry_about(repository: Repository) -> None:
    (repository.path / ".git/objects/pack/tmp_pack_Xy12").write_bytes(b"PACK")
    (repository.path / ".git/objects/pack/tmp_idx_Xy12").write_bytes(b"")
    assert scanned(repository).problems == ()


def loose(repository: Repository, content: bytes) -> tuple[str, Path]:
    name = repository.git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
    path = repository.path / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o600)
    return name, path


def test_a_damaged_object_is_told_with_its_path_and_commit(repository: Repository) -> None:
    repository.stage("lost/file.txt", "to be lost\n")
    commit = repository.commit()
    name, path = loose(repository, b"to be lost\n")
    path.write_bytes(b"damage")
    (problem,) = scanned(repository).problems
    assert problem.origin
    assert (problem.origin.path, problem.origin.commit, problem.origin.blob) == ("lost/file.txt", commit, name)
    assert problem.message == "cannot be read; `git fsck` says more"


@pytest.mark.parametrize(
    "damage", [b"", b"damage", zlib.compress(b"blob 5\0hello world"), zlib.compress(b"x 1\0x")]
)
def test_a_damaged_loose_object_is_named_and_the_others_are_read(repository: Repository, damage: bytes) -> None:
    name, path = loose(repository, b"to be lost\n")
    path.write_bytes(damage)
    result = scanned(repository)
    assert [problem.origin and problem.origin.blob for problem in result.problems] == [name]
    assert {IDS[0], IDS[1], IDS[3]} <= key_ids(result)


def test_a_file_where_objects_should_be_hides_no_others(repository: Repository) -> None:
    taken = {path.name for path in (repository.path / ".git/objects").iterdir()}
    free = next(name for name in (f"{number:02x}" for number in range(256)) if name not in taken)
    (repository.path / ".git/objects" / free).write_text("no directory")
    result = scanned(repository)
    assert f"{free} cannot be listed" in said(result)
    assert IDS[3] in key_ids(result)


def test_a_pipe_in_place_of_an_object_is_not_waited_for(repository: Repository) -> None:
    _, path = loose(repository, b"a pipe\n")
    path.unlink()
    os.mkfifo(path)
    result = scanned(repository)
    assert f"{path} is no file" in said(result)
    assert IDS[3] in key_ids(result)


@pytest.mark.parametrize("suffix", ["pack", "idx"])
def test_a_pipe_in_place_of_a_pack_is_refused_because_git_would_wait_for_it(
    repository: Repository, suffix: str
) -> None:
    os.mkfifo(repository.path / f".git/objects/pack/pack-pipe.{suffix}")
    with pytest.raises(IncompleteError, match="is no file, and git would wait"):
        scanned(repository)


def test_deltas_that_make_too_much_are_reported_without_making_it(tmp_path: Path) -> None:
    """A chain in which each delta makes sixteen times as much as the one before."""
    repository = Repository(tmp_path / "r")
    size, last = 1 << 16, 0
    entries, names, at = [entry(3, b"x" * size)], [b"\0" * 20], 0
    offsets = [12]
    for number in range(1, 5):
        at = offsets[-1] + len(entries[-1])
        delta = varint(size) + varint(size * 16) + copy_all(size) * 16
        entries.append(entry(6, delta, ofs(at - offsets[last])))
        offsets.append(at)
        names.append(bytes([number]) * 20)
        last, size = number, size * 16
    write_pack(repository, entries, names)
    result = scan_history(os.fspath(repository.path), jobs=1)
    assert ProblemCode.LIMIT in codes(result)
    assert "git is trusted with 512 MiB" in said(result)


def varint(number: int) -> bytes:
    digits = [number & 127]
    while number := number >> 7:
        digits[-1] |= 128
        digits.append(number & 127)
    return bytes(digits)


def copy_all(size: int) -> bytes:
    """Instructions that copy all of a base."""
    most = 0xFF0000
    pieces = [(start, min(most, size - start)) for start in range(0, size, most)]
    return b"".join(
        b"\xff" + start.to_bytes(4, "little") + length.to_bytes(3, "little") for start, length in pieces
    )


def test_a_long_chain_of_large_versions_with_branches_holds_few_of_them(tmp_path: Path) -> None:
    """Each of forty versions of twenty megabytes has a small sibling that waits for the same base."""
    repository = Repository(tmp_path / "r")
    size = 20 << 20
    entries, names, offsets = [entry(3, b"y" * size)], [b"\0" * 20], [12]
    base = 0
    for number in range(1, 81):
        at = offsets[-1] + len(entries[-1])
        delta = varint(size) + varint(size) + copy_all(size)
        entries.append(entry(6, delta, ofs(at - offsets[base])))
        offsets.append(at)
        names.append(bytes([number]) * 20)
        base = number if number % 2 else base
    write_pack(repository, entries, names)
    code = (
        "import sys; from keysweep.sources.history.objects.database import sweep_history\n"
        "from keysweep.sources.history.objects.stores import find_stores\n"
        "swept = sweep_history(find_stores(sys.argv[1]), jobs=1)\n"
        "status = open('/proc/self/status').read()\n"
        "print(swept.scanned_objects, status.split('VmHWM:')[1].split()[0])"
    )
    command = [sys.executable, "-c", code, os.fspath(repository.path)]
    done = subprocess.run(command, env=environment(), capture_output=True, check=True, text=True)
    count, most_kilobytes = (int(word) for word in done.stdout.split())
    assert count == 81
    assert most_kilobytes < 400_000


def test_a_pack_with_objects_behind_two_gigabytes_is_read(tmp_path: Path) -> None:
    """Between its entries are holes that take no room on the disk."""
    repository = Repository(tmp_path / "r")
    contents = [pair(0), "nothing", pair(1)]
    names = [repository.git("hash-object", "--stdin", stdin=each.encode()).decode().strip() for each in contents]
    gap = 3 << 30
    place = repository.path / ".git/objects/pack"
    place.mkdir(exist_ok=True)
    offsets = [12, 12 + gap, 12 + 2 * gap]
    with (place / "pack-far.pack").open("wb") as stream:
        stream.write(b"PACK" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        for offset, content in zip(offsets, contents, strict=True):
            stream.seek(offset)
            stream.write(entry(3, content.encode()))
        stream.write(bytes(20))
    ordered = sorted(zip(names, offsets, strict=True))
    fanout = b"".join(
        sum(int(name[:2], 16) <= byte for name, _ in ordered).to_bytes(4, "big") for byte in range(256)
    )
    index = b"\xfftOc" + (2).to_bytes(4, "big") + fanout + b"".join(bytes.fromhex(name) for name, _ in ordered)
    far = [offset for _, offset in ordered if offset >> 31]
    index += bytes(12)
    for _, offset in ordered:
        index += (offset if offset not in far else 1 << 31 | far.index(offset)).to_bytes(4, "big")
    index += b"".join(offset.to_bytes(8, "big") for offset in far) + bytes(40)
    (place / "pack-far.idx").write_bytes(index)
    todo = plan(find_stores(os.fspath(repository.path)))
    pieces = [piece for piece in todo.contents if isinstance(piece, PackPiece)]  # checksums of holes take long
    swept = [sweep(piece, Limits(), Options()) for piece in pieces]
    assert sum(each.scanned_objects for each in swept) == todo.listed == 3
    assert {IDS[0], IDS[1]} == {finding.key_id for each in swept for finding in each.findings}


def test_a_blob_of_a_gigabyte_is_scanned_to_its_end(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    block = b"plain words here\n" * (1 << 16)
    with subprocess.Popen(
        ["git", "-c", "core.bigFileThreshold=1m", "-c", "core.compression=1", "hash-object", "-w", "--stdin"],
        cwd=repository.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        assert process.stdin
        for number in range(930):
            process.stdin.write(block)
            if number in (400, 925):
                process.stdin.write(pair(number // 925).encode())
    result = scanned(repository)
    assert key_ids(result) == {IDS[0], IDS[1]}
    assert result.problems == ()


def test_alternates_are_followed_as_far_as_git_follows_them(tmp_path: Path) -> None:
    for number in range(9):
        repository = Repository(tmp_path / str(number))
        repository.git("hash-object", "-w", "--stdin", stdin=f"{number}\n".encode())
        if number:
            alternates = repository.path / ".git/objects/info/alternates"
            alternates.write_text(f"# a comment\n\n{tmp_path}/{number - 1}/.git/objects\n")
    swept = sweep_history(find_stores(os.fspath(repository.path)), jobs=1)
    seen = repository.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
    assert swept.listed_objects == swept.scanned_objects == len(seen) == 7


def test_alternates_in_a_circle_by_links_and_in_quotes_are_followed_once(tmp_path: Path) -> None:
    one, two = Repository(tmp_path / "one"), Repository(tmp_path / 'tw"o')
    one.git("hash-object", "-w", "--stdin", stdin=pair(0).encode())
    two.git("hash-object", "-w", "--stdin", stdin=pair(1).encode())
    (tmp_path / "link").symlink_to(one.path)
    (one.path / ".git/objects/info/alternates").write_text(f'"{tmp_path}/tw\\"o/.git/obj\\145cts"\n')
    (two.path / ".git/objects/info/alternates").write_text(f"{tmp_path}/link/.git/objects\n../objects\n")
    result = scanned(one)
    assert (key_ids(result), result.problems) == ({IDS[0], IDS[1]}, ())


@pytest.mark.parametrize("content", ["/nowhere/objects\n", "x" * 2_000_000, "/nowhere\n" * 100_000])
def test_alternates_that_lead_nowhere_are_one_problem(repository: Repository, content: str) -> None:
    (repository.path / ".git/objects/info/alternates").write_text(content)
    result = scanned(repository)
    assert len(result.problems) == 1
    assert "alternates" in said(result)
    assert IDS[3] in key_ids(result)


def test_hostile_names_of_files_and_refs_are_scanned(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    names = [b"new\nline", b"\x1b[31mred", b"\xff\xfe", b"quote\"'", b"-dash", b" "]
    for number, name in enumerate(names):
        repository.stage(name, pair(number))
    repository.commit()
    for ref in ("refs/heads/-x", "refs/heads/a;b", "refs/odd/ünï", "refs/heads/HEAD"):
        repository.git("update-ref", ref, "HEAD")
    result = scanned(repository)
    assert key_ids(result) == set(IDS)
    assert {finding.origin.path for finding in result.findings} == {os.fsdecode(name) for name in names}


def test_a_graph_or_grafts_that_lie_do_not_change_who_brought_a_key(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a", "nothing\n")
    first = repository.commit()
    repository.stage("a", pair(0))
    brought = repository.commit()
    repository.stage("b", "more\n")
    last = repository.commit()
    (repository.path / ".git/info/grafts").write_text(f"{brought} {last}\n{last} {first}\n")
    (finding,) = scanned(repository).findings
    assert finding.origin.commit == brought


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("core.fsmonitor", "SCRIPT"),
        ("core.alternateRefsCommand", "SCRIPT"),
        ("core.hooksPath", "."),
        ("include.path", "/nowhere"),
        ("core.worktree", "/nowhere"),
        ("uploadpack.packObjectsHook", "SCRIPT"),
        ("diff.external", "SCRIPT"),
        ("extensions.worktreeConfig", "true"),
        ("core.bigFileThreshold", "1"),
        ("core.packedGitWindowSize", "1"),
    ],
)
def test_no_setting_of_the_repository_runs_anything_or_hides_a_key(
    repository: Repository, tmp_path: Path, key: str, value: str
) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/touched\n")
    script.chmod(0o755)
    with (repository.path / ".git/config").open("a") as stream:
        section, _, name = key.partition(".")
        stream.write(f"[{section}]\n\t{name} = {value.replace('SCRIPT', os.fspath(script))}\n")
    result = scanned(repository)
    assert not (tmp_path / "touched").exists()
    assert {IDS[0], IDS[1], IDS[3]} <= key_ids(result)


def test_a_setting_that_git_refuses_ends_in_one_sentence(repository: Repository) -> None:
    with (repository.path / ".git/config").open("a") as stream:
        stream.write("[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tunknown = true\n")
    with pytest.raises(GitError, match="unknown repository extension"):
        scanned(repository)


def test_a_piece_that_kills_its_worker_is_divided_down_to_single_objects(repository: Repository) -> None:
    from keysweep.sources.history.objects.database import _halved

    path = os.fspath(repository.path)
    waiting = [*plan(find_stores(path)).contents, *plan(find_stores(path)).structure]
    alone: list[str] = []
    while waiting:
        piece = waiting.pop()
        parts = _halved(path, piece)
        waiting += parts
        if not parts and isinstance(piece, NamedPiece):
            alone += piece.names
    names = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").decode().split()
    assert sorted(alone) == sorted(names)


def test_packing_anew_between_listing_and_reading_loses_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was loose is packed, and the pack that was listed is gone, when the first piece is swept."""
    from keysweep.sources.history.objects import database

    def plan_and_repack(*arguments: object, **options: object) -> object:
        todo = plan(*arguments, **options)  # type: ignore[arg-type]
        repository.git("repack", "-adfq", "--keep-unreachable", "--depth=1")
        return todo

    monkeypatch.setattr(database, "plan", plan_and_repack)
    result = scanned(repository)
    assert result.problems == ()
    assert {IDS[0], IDS[1], IDS[3]} <= key_ids(result)
    (finding,) = (each for each in result.findings if each.key_id == IDS[1])
    assert [exposure.path for exposure in finding.exposures] == ["conf/2.ini"]


def test_problems_of_what_stands_nowhere_name_the_object(repository: Repository) -> None:
    name, path = loose(repository, b"to be lost\n")
    path.write_bytes(b"damage")
    assert f"(object {name[:12]}) cannot be read" in said(scanned(repository))


def test_findings_stand_alone_where_git_fails_to_tell_of_commits(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keysweep.sources.history.placing import attribution

    whole = scanned(repository)
    for error, code in ((KeyboardInterrupt(), "interrupted"), (GitError("git failed."), "unreadable")):

        def fail(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(attribution, "attribute", fail)
        result = scanned(repository)
        assert {each.fingerprint for each in result.findings} == {each.fingerprint for each in whole.findings}
        assert len(result.findings) == len(whole.findings)
        (problem,) = result.problems
        assert isinstance(problem, Problem)
        assert problem.code == code
