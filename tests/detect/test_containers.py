"""Archives and compressed files: opened in memory, within limits, whatever is done to them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep import Origin, scan
from keysweep.detect.containers import Budget, Halt, Member, container_format, open_members
from keysweep.detect.limits import Limits
from keysweep.findings import ProblemCode
from tests.repositories import Repository

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RNG = random.Random(7)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n".encode()
TEXT = b"the content of a member, which compresses well " * 40


def tar(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


MAKERS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(TEXT),
    "bzip2": lambda: bz2.compress(TEXT),
    "xz": lambda: lzma.compress(TEXT),
    "lzma": lambda: lzma.compress(TEXT, format=lzma.FORMAT_ALONE),
    "zstd": lambda: zstd.compress(TEXT),
    "zip": lambda: zipped(("a.txt", TEXT), ("b.txt", TEXT)),
    "zip stored": lambda: zipped(("a.txt", TEXT), method=zipfile.ZIP_STORED),
    "zip bzip2": lambda: zipped(("a.txt", TEXT), method=zipfile.ZIP_BZIP2),
    "zip lzma": lambda: zipped(("a.txt", TEXT), method=zipfile.ZIP_LZMA),
    "tar pax": lambda: tar(("a.txt", TEXT)),
    "tar gnu": lambda: tar(("x" * 150, TEXT), form=tarfile.GNU_FORMAT),
    "tar ustar": lambda: tar(("a.txt", TEXT), form=tarfile.USTAR_FORMAT),
}


def opened(content: bytes, limits: Limits = Limits()) -> tuple[list[Member], list[Halt]]:
    kind = container_format(content)
    assert kind is not None
    both = list(open_members(content, kind, limits, Budget()))
    return [each for each in both if isinstance(each, Member)], [each for each in both if isinstance(each, Halt)]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_an_empty_member_is_whole(method: int) -> None:
    content = zipped(("empty", b""), ("full", TEXT), method=method)
    opened = list(open_members(content, "zip", Limits(), Budget()))
    assert [each.content for each in opened if isinstance(each, Member)] == [b"", TEXT]
    assert not [each for each in opened if isinstance(each, Halt)]


@pytest.mark.parametrize("name", MAKERS)
def test_every_format_is_recognised_and_opened(name: str) -> None:
    content = MAKERS[name]()
    assert container_format(content) == name.split()[0]
    members, halts = opened(content)
    assert [member.content for member in members] == [TEXT] * len(members)
    assert members
    assert halts == []


@given(st.sampled_from(sorted(MAKERS)), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_nothing_that_is_done_to_an_archive_raises(name: str, cut: int, rng: random.Random) -> None:
    content = bytearray(MAKERS[name]())
    for _ in range(rng.randrange(4)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    content = content[: len(content) - cut % len(content)]
    limits = Limits(member_bytes=5000, total_bytes=8000, members=3)
    members = [
        member
        for member in open_members(bytes(content), name.split()[0], limits, Budget())
        if isinstance(member, Member)
    ]
    assert sum(len(member.content) for member in members) <= limits.total_bytes + limits.member_bytes
    assert all(len(member.content) <= limits.member_bytes for member in members)


@given(st.binary(max_size=600), st.sampled_from(["gzip", "bzip2", "xz", "lzma", "zstd", "zip", "tar"]))
def test_bytes_that_are_no_archive_at_all_raise_nothing(content: bytes, kind: str) -> None:
    list(open_members(content, kind, Limits(), Budget()))


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_streams_in_a_row_are_all_read(name: str) -> None:
    (member,), halts = opened(MAKERS[name]() * 3)
    assert member.content == TEXT * 3
    assert halts == []


def test_a_truncated_stream_gives_what_it_holds_and_says_that_it_ends_early() -> None:
    noise = random.Random(1).randbytes(100_000)
    (member,), (halt,) = opened(gzip.compress(TEXT + noise)[:60_000])
    assert member.content.startswith(TEXT)
    assert halt.code is ProblemCode.DAMAGED


def test_a_bomb_stops_at_the_limit_and_says_so() -> None:
    (member,), (halt,) = opened(gzip.compress(b"\0" * 5_000_000), Limits(member_bytes=1_000_000))
    assert len(member.content) == 1_000_000
    assert halt.code is ProblemCode.LIMIT


def test_too_many_members_are_reported() -> None:
    members, halts = opened(zipped(*((f"{number}", b"x") for number in range(20))), Limits(members=5))
    assert len(members) == 5
    assert halts[-1].code is ProblemCode.LIMIT


def test_an_encrypted_member_is_reported_and_the_others_are_read() -> None:
    content = bytearray(zipped(("secret.txt", TEXT), ("open.txt", TEXT)))
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + at] |= 1
    members, halts = opened(bytes(content))
    assert [member.name for member in members] == ["open.txt"]
    assert [(halt.code, halt.name) for halt in halts] == [(ProblemCode.ENCRYPTED, "secret.txt")]


def test_a_zip_whose_directory_was_cut_off_is_read_by_its_local_headers() -> None:
    content = MAKERS["zip"]()
    members, halts = opened(content[: content.index(b"PK\x01\x02")])
    assert [member.content for member in members] == [TEXT, TEXT]
    assert [halt.code for halt in halts] == [ProblemCode.DAMAGED]


def test_a_member_that_the_directory_hides_is_read_too() -> None:
    visible = zipped(("visible.txt", TEXT))
    hidden = zipped(("hidden.txt", b"hidden " * 50))
    content = hidden[: hidden.index(b"PK\x01\x02")] + visible
    members, _ = opened(content)
    assert {member.name for member in members} == {"visible.txt", "hidden.txt"}


def test_a_zip_behind_a_program_is_opened() -> None:
    members, halts = opened(b"#!/bin/sh\nexit 0\n" + b"\x7fELF" * 100 + MAKERS["zip"]())
    assert len(members) == 2
    assert halts == []


def test_a_zip_comment_is_content() -> None:
    members, _ = opened(zipped(("a", b"a"), comment=b"a comment"))
    assert ("(comment)", b"a comment") in [(member.name, member.content) for member in members]


def test_the_archive_of_an_empty_commit_is_whole(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "empty")
    repository.git("commit", "--allow-empty", "-m", "nothing yet")
    archive = repository.git("archive", "--format=tar", "HEAD")
    assert archive[257:262] == b"ustar"
    assert scan(archive, Origin("empty.tar")).problems == ()
    assert scan(archive[:530], Origin("cut.tar")).problems != ()


def test_links_and_directories_in_a_tar_have_no_content() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    assert opened(stream.getvalue()) == ([], [])


def shows(content: bytes) -> tuple[bool, list[ProblemCode]]:
    result = scan(content, Origin("archive"))
    found = any(each.key_id == ID and len(each.parts) == 2 for each in result.findings)
    return found, [problem.code for problem in result.problems]


@pytest.mark.parametrize("comment", [b"", b"c" * 65, b"c" * 0xFFFF], ids=len)
@pytest.mark.parametrize("prefix", [b"MZ" + bytes(200), b"\x7fELF" + bytes(99), b"#!/usr/bin/python3\n"])
def test_a_zip_behind_a_program_is_opened_whatever_its_comment(prefix: bytes, comment: bytes) -> None:
    assert shows(prefix + zipped(("a", PAIR), comment=comment)) == (True, [])


def test_a_program_that_only_knows_about_zips_is_none() -> None:
    assert container_format(b"\x7fELF" + b"PK\x05\x06" * 20 + bytes(5000)) is None


def test_a_folder_in_a_zip_that_has_content_is_read() -> None:
    assert shows(zipped(("keys/", PAIR), ("empty/", b""))) == (True, [])


def test_a_member_of_a_zip_without_a_name_is_read() -> None:
    members, halts = opened(zipped(("<nameless>", TEXT)).replace(b"<nameless>", bytes(10)))
    assert ([member.content for member in members], halts) == ([TEXT], [])


def test_a_zip_whose_checksum_is_wrong_is_reported_and_read() -> None:
    content = bytearray(zipped(("a", PAIR)))
    content[content.index(b"PK\x01\x02") + 16] ^= 1
    assert shows(bytes(content)) == (True, [ProblemCode.DAMAGED])


def test_encryption_that_only_the_directory_tells_is_reported() -> None:
    content = bytearray(zipped(("a", PAIR)))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert shows(bytes(content)) == (False, [ProblemCode.ENCRYPTED])


def typed_tar(kind: bytes, content: bytes) -> bytes:
    entry = tarfile.TarInfo("a")
    entry.type, entry.size = kind, len(content)
    return entry.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


@pytest.mark.parametrize("kind", list(b"01234567DZVM\0"), ids=chr)
def test_a_tar_member_of_any_type_is_read_when_it_has_content(kind: int) -> None:
    content = typed_tar(bytes([kind]), gzip.compress(PAIR)) + tar(("b", b"b"))
    assert shows(gzip.compress(content)) == (True, [])


@pytest.mark.parametrize("kind", list(b"125"), ids=chr)
def test_a_link_or_folder_with_a_size_but_no_content_hides_nothing(kind: int) -> None:
    header = typed_tar(bytes([kind]), b"x" * 3000)[:512]
    assert shows(gzip.compress(header + tar(("b.gz", gzip.compress(PAIR))))) == (True, [])


def test_tars_in_a_row_are_all_read() -> None:
    assert shows(gzip.compress(tar(("a", b"a")) + tar(("b.gz", gzip.compress(PAIR))))) == (True, [])


def test_bytes_behind_the_end_of_a_tar_are_no_damage_unless_they_can_be_opened() -> None:
    content = tar(("a.gz", gzip.compress(PAIR)))
    assert shows(content + b"signature " * 60) == (True, [])
    assert shows(content + gzip.compress(TEXT)) == (True, [ProblemCode.DAMAGED])


def test_a_base_256_size_and_a_checksum_of_signed_bytes_are_read() -> None:
    packed = gzip.compress(PAIR)
    block = bytearray(typed_tar(b"0", packed)[:512])
    block[:2], block[124:136] = b"\xc3\xa9", b"\x80" + len(packed).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in block)
    assert shows(bytes(block) + packed + bytes(1024)) == (True, [])


@pytest.mark.parametrize("preset", range(10))
@pytest.mark.parametrize("times", [1, 2])
def test_lzma_of_every_preset_is_read_also_in_a_row(preset: int, times: int) -> None:
    first = lzma.compress(TEXT, lzma.FORMAT_ALONE, preset=preset)
    last = lzma.compress(PAIR, lzma.FORMAT_ALONE, preset=preset)
    assert shows(first * (times - 1) + last) == (True, [])


@pytest.mark.parametrize("size", [4096, 3 << 20, 1 << 30, 0xFFFFFFFF])
def test_lzma_that_asks_for_any_dictionary_is_read(size: int) -> None:
    content = lzma.compress(PAIR, lzma.FORMAT_ALONE)
    assert shows(content[:1] + size.to_bytes(4, "little") + content[5:]) == (True, [])


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("name", COMPRESS)
def test_a_stream_behind_other_bytes_behind_a_stream_is_read(name: str) -> None:
    compress = COMPRESS[name]
    assert shows(MAKERS[name]() + b"junk" * 9 + compress(PAIR)) == (True, [])
    assert shows(compress(PAIR) + b"a signature of no known format" * 9) == (True, [])


def test_another_container_behind_a_stream_is_reported() -> None:
    assert shows(gzip.compress(TEXT) + bz2.compress(PAIR)) == (False, [ProblemCode.DAMAGED])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\xff" + b"x" * 20,
        b"BZh9 is how it begins",
        b"PK is a pair of letters",
        b"\x5d\x00\x00abc" * 9,
    ],
)
def test_a_few_matching_bytes_make_no_container(content: bytes) -> None:
    assert container_format(content) is None
