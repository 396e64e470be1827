"""Files and directories: what is scanned, and what happens when something cannot be."""

from __future__ import annotations

import base64
import gzip
import io
import os
import random
import threading
import zipfile
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Kind, Origin, ProblemCode, ScanResult
from keysweep.sources import pool
from keysweep.sources.files import scan_paths
from keysweep.sources.windows import WINDOW_BYTES, scan_windows
from tests.repositories import Repository

RNG = random.Random(14)
ID, SECRET, ID2, SECRET2 = key_id(RNG), secret(RNG), key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


def paths(result: ScanResult) -> list[str]:
    assert result.problems == ()
    return [finding.origin.path for finding in result.findings]


def test_links_are_not_followed_and_cycles_are_harmless(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.ini").write_text(PAIR)
    os.symlink(tmp_path, tmp_path / "inside" / "cycle")
    os.symlink("a.ini", tmp_path / "inside" / "link")
    assert paths(scan_paths([os.fspath(tmp_path)])) == [os.fspath(tmp_path / "inside" / "a.ini")]


def test_a_fifo_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a.ini").write_text(PAIR)
    assert len(paths(scan_paths([os.fspath(tmp_path)]))) == 1


def test_a_submodule_is_scanned_as_git_sees_it(tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.stage("k.ini", PAIR)
    inner.commit()
    outer = Repository(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", os.fspath(inner.path), "sub")
    assert paths(scan_paths([os.fspath(outer.path)])) == [os.fspath(outer.path / "sub" / "k.ini")]


def test_with_all_files_the_repository_configuration_is_scanned_but_not_its_objects(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("k.ini", PAIR)
    repository.commit()
    repository.git("config", "remote.o.url", f"s3://{ID2}:{SECRET2.replace('/', '%2F')}@bucket")
    found = paths(scan_paths([os.fspath(repository.path)], all_files=True))
    assert [os.path.basename(path) for path in found] == ["config", "k.ini"]


def test_a_file_deleted_in_the_work_tree_is_no_problem(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("gone", "x\n")
    repository.commit()
    (repository.path / "gone").unlink()
    assert paths(scan_paths([os.fspath(repository.path)])) == []


def test_a_file_that_vanishes_meanwhile_is_reported(tmp_path: Path) -> None:
    result = pool.scan_all([os.fspath(tmp_path / "vanished")], Limits(), Options())
    assert [problem.code for problem in result.problems] == [ProblemCode.VANISHED]


def test_many_files_over_several_workers_give_the_same_as_over_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text(("x" * 99 + "\n") * 500 + (PAIR if number % 7 == 0 else ""))
    alone = scan_paths([os.fspath(tmp_path)], jobs=1)
    monkeypatch.setattr(pool, "POOL_FROM_BYTES", 0)
    monkeypatch.setattr(pool, "BATCH_FILES", 3)
    together = scan_paths([os.fspath(tmp_path)], jobs=2)
    assert together == alone
    assert len(paths(together)) == 6


def test_a_dead_worker_loses_nothing_and_its_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.ini").write_text(PAIR.replace(ID, key_id(RNG)))
    deadly = os.fspath(tmp_path / "05.ini")
    scan_file = pool._scan_file

    def dying(path: str, size: int, mode: int, limits: Limits, options: Options) -> ScanResult:
        if path == deadly:
            os._exit(9)
        return scan_file(path, size, mode, limits, options)

    monkeypatch.setattr(pool, "_scan_file", dying)
    monkeypatch.setattr(pool, "POOL_FROM_BYTES", 0)
    monkeypatch.setattr(pool, "BATCH_FILES", 4)
    result = scan_paths([os.fspath(tmp_path)], jobs=2)
    assert len(result.findings) == 11
    assert [problem.origin and problem.origin.path for problem in result.problems] == [deadly]


def test_a_pair_split_over_two_files_of_a_directory_is_joined_with_low_confidence(tmp_path: Path) -> None:
    (tmp_path / "id.txt").write_text(f"{ID}\n")
    (tmp_path / "secret.txt").write_text(f"aws_secret_access_key = {SECRET}\n")
    (finding,) = scan_paths([os.fspath(tmp_path)]).findings
    assert finding.kind is Kind.PAIR
    assert finding.confidence.label == "low"


def test_a_stream_larger_than_a_window_is_scanned_in_windows_with_true_lines_and_offsets() -> None:
    line = b"x" * 63 + b"\n"
    lines = WINDOW_BYTES // len(line)
    content = (
        line * (lines - 1) + PAIR.encode() + line * 2000 + PAIR.replace(ID, ID2).replace(SECRET, SECRET2).encode()
    )
    position = 0

    def read(most: int) -> bytes:
        nonlocal position
        piece = content[position : position + most]
        position += len(piece)
        return piece

    result = scan_windows(read, Origin("big"), Limits(), Options())
    assert [(finding.key_id, finding.place.line) for finding in result.findings] == [
        (ID, lines),
        (ID2, lines + 2002),
    ]
    for finding, expected in zip(result.findings, (ID, ID2), strict=True):
        assert content[finding.place.offset :].startswith(expected.encode())
    assert result.scanned_bytes == len(content)


def test_a_pipe_is_scanned_while_it_is_written() -> None:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as stream:
            for _ in range(3000):
                stream.write(b"line\n" * 100)
            stream.write(PAIR.encode())

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reader, "rb") as stream:
        result = scan_windows(stream.read, Origin("(stdin)"), Limits(), Options())
    thread.join()
    assert [finding.place.line for finding in result.findings] == [300_001]


@pytest.mark.parametrize("before", [0, WINDOW_BYTES])
def test_what_was_read_before_a_stream_failed_is_scanned_and_the_failure_reported(before: int) -> None:
    pieces = [PAIR.encode(), *[b"line\n" * 200_000] * (before // 1_000_000), PAIR.replace(ID, ID2).encode()]

    def read(most: int) -> bytes:
        if not pieces:
            raise OSError(5, "Input/output error")
        piece, rest = pieces[0][:most], pieces[0][most:]
        pieces[:1] = [rest] if rest else []
        return piece

    result = scan_windows(read, Origin("failing"), Limits(), Options())
    assert [finding.key_id for finding in result.findings] == [ID, ID2]
    assert [(problem.code, problem.message) for problem in result.problems] == [
        (ProblemCode.UNREADABLE, "cannot be read to its end (Input/output error)")
    ]


def test_an_archive_larger_than_a_window_is_opened_to_its_end(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "big.zip", "w") as archive:
        archive.writestr("filler.bin", random.Random(4).randbytes(WINDOW_BYTES))
        archive.writestr("prod.ini", PAIR)
    result = scan_paths([str(tmp_path / "big.zip")])
    assert [(each.kind, each.origin.members) for each in result.findings] == [(Kind.PAIR, ("prod.ini",))]
    assert result.problems == ()


def test_an_archive_larger_than_the_limit_is_opened_so_far_and_reported(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "big.zip", "w") as archive:
        archive.writestr("first.ini", PAIR)
        archive.writestr("filler.bin", random.Random(4).randbytes(WINDOW_BYTES))
    result = scan_paths([str(tmp_path / "big.zip")], limits=Limits(member_bytes=1 << 20))
    assert {each.kind for each in result.findings} == {Kind.PAIR}
    assert {each.code for each in result.problems} == {ProblemCode.LIMIT}


def test_small_files_looked_at_together_give_what_each_gives_alone(tmp_path: Path) -> None:
    """Keys at both edges of files, so that one look over all of them could mistake where a file ends."""
    rng = random.Random(15)
    contents: dict[str, str | bytes] = {
        "a-begins.ini": PAIR.strip(),
        "b-begins.ini": f"{ID2}:{SECRET2}",
        "c-id-ends": "export AWS_ACCESS_KEY_ID=" + key_id(rng),
        "d-secret-begins": secret(rng) + " is the secret",
        "e-empty": "",
        "f-half-an-id": ID[:10],
        "g-the-other-half": ID[10:],
        "h-utf16.txt": PAIR.encode("utf-16"),
        "i-archive.gz": gzip.compress(PAIR.encode()),
        "j-base64": base64.b64encode(PAIR.encode()),
        f"k-{key_id(rng)}": "a key in the name",
        "l-zip.zip": b"#!/bin/sh\n" + zipped(PAIR),
    }
    for number in range(300):
        contents[f"z{number}.py"] = "def main(argument):\n    return argument\n" * 200
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    together = scan_paths([os.fspath(tmp_path)], jobs=1)
    alone = [scan_paths([os.fspath(tmp_path / name)]) for name in sorted(contents)]
    assert together.findings == pair_across([each for result in alone for each in result.findings])
    assert together.scanned_bytes == sum(result.scanned_bytes for result in alone)
    assert together.scanned_items == len(contents)
    assert len(together.findings) >= 8


def zipped(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.ini", text)
    return buffer.getvalue()
