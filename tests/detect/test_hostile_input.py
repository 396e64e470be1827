"""Content made to break the scanner: it may cost a finding, never a crash, an endless scan or a false 'clean'."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import random
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep import Origin, ScanResult, scan
from keysweep.detect.containers import Budget, Member, open_members
from keysweep.detect.containers.zips import Records
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import worth_scanning
from keysweep.findings import Kind, ProblemCode
from keysweep.sources.windows import OVERLAP_BYTES, WINDOW_BYTES, scan_windows
from tests.detect.test_containers import tar, zipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RNG = random.Random(404)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n".encode()
NOISE = base64.b64encode(RNG.randbytes(600))
SMALL = Limits(member_bytes=100_000, total_bytes=300_000, members=20)


def found(result: ScanResult) -> bool:
    return any(finding.key_id == ID and len(finding.parts) == 2 for finding in result.findings)


def scanned(content: bytes, limits: Limits = Limits()) -> ScanResult:
    return scan(content, Origin("hostile"), limits)


def streamed(content: bytes) -> ScanResult:
    return scan_windows(io.BytesIO(content).read, Origin("(stdin)"), Limits(), Options())


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "zstd": zstd.compress,
}
WHOLE_MAGIC = {"gzip": 10, "bzip2": 10, "xz": 6, "lzma": 5, "zstd": 4}
"""From so many bytes on a stream says what it is; with fewer there is nothing to open."""


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_stream_cut_anywhere_shows_its_key_or_is_reported(name: str) -> None:
    content = COMPRESSED[name](PAIR + NOISE)
    for end in range(WHOLE_MAGIC[name], len(content)):
        result = scanned(content[:end])
        assert result.problems, end


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_stream_with_a_checksum_never_looks_clean_when_one_bit_is_wrong(name: str) -> None:
    content = COMPRESSED[name](PAIR + NOISE)
    for at in range(WHOLE_MAGIC[name], len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        result = scanned(bytes(damaged))
        assert result.problems or found(result), at


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str)
def test_a_zip_cut_anywhere_is_reported_or_shows_its_key(method: int) -> None:
    content = zipped(("a.txt", PAIR + NOISE), method=method)
    for end in range(4, len(content)):
        result = scanned(content[:end])
        assert result.problems or found(result), end


def test_a_tar_cut_inside_a_member_is_reported() -> None:
    content = tar(("a.txt", b"x"), ("b.gz", gzip.compress(PAIR + NOISE)), form=tarfile.USTAR_FORMAT)
    begin = content.index(b"\x1f\x8b")
    for end in range(begin, begin + len(gzip.compress(PAIR + NOISE)), 7):
        assert scanned(content[:end]).problems, end


@given(
    st.sampled_from(sorted(COMPRESSED)),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    st.binary(max_size=40),
    st.integers(0, 10**6),
)
def test_no_damage_to_nested_containers_raises(
    name: str, changes: list[tuple[int, int]], junk: bytes, at: int
) -> None:
    content = bytearray(zipped(("a", tar(("b", COMPRESSED[name](PAIR))))))
    for position, value in changes:
        content[position % len(content)] = value
    at %= len(content)
    scanned(bytes(content[:at]) + junk + bytes(content[at:]), SMALL)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"PK\x03\x04", b"\x1f\x8b\x08\0\0\0"])
)
def test_no_bytes_raise_whatever_they_begin_with(content: bytes, magic: bytes) -> None:
    scanned(magic + content, SMALL)


FRAGMENTS = (
    *(b"secret", b"AKIA", ID.encode(), SECRET.encode(), b"IQoJb3JpZ2luX2Vj", b"H4sIAAAA", b"="),
    *(b'"+"', b"\\n", b"\\u00", b"%25", b"&#x4", b"\0", b"\n", b" ", b"\xff"),
    *(base64.b64encode(PAIR), PAIR.hex().encode()),
)


@given(
    st.lists(
        st.sampled_from(FRAGMENTS),
        max_size=30,
    )
)
def test_no_mixture_of_what_is_looked_for_raises_or_shows_a_secret(pieces: list[bytes]) -> None:
    result = scanned(b"".join(pieces))
    for finding in result.findings:
        for place in (*(part.place for part in finding.parts), *finding.also_at):
            assert 0 <= place.offset < len(b"".join(pieces))
            assert SECRET not in place.snippet


def test_a_key_behind_a_bomb_in_the_same_archive_is_still_found() -> None:
    content = tar(("bomb.gz", gzip.compress(bytes(2_000_000))), ("key.txt.gz", gzip.compress(PAIR)))
    result = scanned(content, Limits(member_bytes=1_000_000))
    assert found(result)
    assert [problem.code for problem in result.problems] == [ProblemCode.LIMIT]


def test_overlapping_members_share_one_budget() -> None:
    """As in the zip of David Fifield: many names in the directory, one stretch of compressed bytes."""
    one = zipped(("a", bytes(90_000)))
    begin, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[begin:end] * 50
    record = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 50, 50, len(directory), begin, 0)
    result = scanned(one[:begin] + directory + record, SMALL)
    assert ProblemCode.LIMIT in {problem.code for problem in result.problems}


def test_overlapping_members_that_no_directory_lists_share_one_budget() -> None:
    """Each local header claims all that follows it, so that a few kilobytes read as megabytes."""
    count = 60
    rest = b"x" * 20_000
    headers = b"".join(
        struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, (count - number - 1) * 30 + len(rest), 0, 0, 0)
        for number in range(count)
    )
    result = scanned(headers + rest, Limits(member_bytes=100_000, total_bytes=300_000))
    assert ProblemCode.LIMIT in {problem.code for problem in result.problems}


@given(st.lists(st.sampled_from([b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08", b"PK", b"xyz", b"\0"])), st.data())
def test_the_next_record_of_a_zip_is_found_whatever_was_asked_before(
    pieces: list[bytes], data: st.DataObject
) -> None:
    content = b"".join(pieces)
    records = Records(content)
    for at in data.draw(st.lists(st.integers(0, len(content)), max_size=8)):
        found_at = [content.find(magic, at) for magic in (b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08")]
        assert records.after(at) == min((each for each in found_at if each >= 0), default=len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 257 + b"ustar" + b"x" * 300,
        b"x" * 300 + b"PK\x05\x06" + b"x" * 18,
        b"\x50\x2a\x4d\x18xxxxx",
        b"PKxx",
    ],
    ids=["tar", "zip", "zstd", "text"],
)
def test_what_is_looked_at_with_others_is_opened_as_it_is_alone(content: bytes) -> None:
    """Content without a zero byte, which nearly all that shows to be a container has."""
    alone = scan(content, Origin("x"))
    assert (0 in worth_scanning([content, b"text"], ["x", "y"])) >= bool(alone.findings or alone.problems)


def test_a_bomb_of_zips_in_zips_ends_at_the_budget_of_the_outermost() -> None:
    content = zipped(*((f"{number}", bytes(90_000)) for number in range(10)))
    for _ in range(3):
        content = zipped(*((f"{number}.zip", content) for number in range(10)))
    result = scanned(content, Limits(member_bytes=100_000, total_bytes=400_000))
    assert ProblemCode.LIMIT in {problem.code for problem in result.problems}


@pytest.mark.parametrize("name", COMPRESSED)
def test_containers_within_the_depth_are_read_and_deeper_ones_reported(name: str) -> None:
    content, limits = PAIR, Limits(container_depth=3)
    for depth in range(1, 6):
        content = COMPRESSED[name](content)
        result = scanned(content, limits)
        assert found(result) or depth > 3
        assert bool(result.problems) is (depth > 3)


def test_encodings_within_the_depth_are_read_and_deeper_ones_reported() -> None:
    content = base64.b64encode(base64.b64encode(PAIR))
    assert found(scanned(content, Limits(encoding_depth=2)))
    result = scanned(content, Limits(encoding_depth=1))
    assert not result.findings
    assert [problem.code for problem in result.problems] == [ProblemCode.LIMIT]


@pytest.mark.parametrize("size", [1 << 62, 1 << 35, 5000])
def test_a_tar_that_lies_about_a_size_is_reported(size: int) -> None:
    entry = tarfile.TarInfo("a.txt")
    entry.size = size
    result = scanned(entry.tobuf(tarfile.GNU_FORMAT) + PAIR, Limits(member_bytes=1_000_000))
    assert found(result)
    assert result.problems


def sparse_tar(content: bytes, **records: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("sparse")
        entry.pax_headers = {f"GNU.sparse.{name}": value for name, value in records.items()}
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("real", ["1152921504606846976", "600000"])
def test_a_sparse_member_of_any_promised_size_is_read_without_its_holes(real: str) -> None:
    packed = gzip.compress(PAIR)
    content = sparse_tar(packed, size=real, map=f"0,{len(packed)},{real},0")
    tracemalloc.start()
    result = scanned(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found(result)
    assert result.problems == ()
    assert peak < 32 << 20


def test_a_container_with_holes_in_it_is_put_together_again() -> None:
    inner = tar(("zeros", bytes(5120)), ("a.gz", gzip.compress(PAIR)), form=tarfile.USTAR_FORMAT)
    assert inner[512:5632] == bytes(5120)
    stored, offsets = inner[:512] + inner[5632:], f"0,512,5632,{len(inner) - 5632}"
    lines = ["2", *offsets.split(",")]
    head = "".join(f"{line}\n" for line in lines).encode()
    for content in (
        sparse_tar(stored, size=str(len(inner)), map=offsets),
        sparse_tar(head + bytes(512 - len(head)) + stored, major="1", minor="0", realsize=str(len(inner))),
    ):
        result = scanned(gzip.compress(content))
        assert found(result)
        assert result.problems == ()


@pytest.mark.parametrize("stretches", [4, 30])
def test_a_sparse_member_in_the_old_format_is_read(stretches: int) -> None:
    """Four stretches stand in the header, the others in blocks between it and the data."""
    packed = gzip.compress(PAIR)
    parts = [b"%011o\0%011o\0" % (0, len(packed)), *[b"%011o\0%011o\0" % (1 << 32, 0)] * (stretches - 1)]
    entry = tarfile.TarInfo("sparse")
    entry.type, entry.size = tarfile.GNUTYPE_SPARSE, len(packed)
    header, more = bytearray(entry.tobuf(tarfile.GNU_FORMAT)), b""
    header[386:482] = b"".join(parts[:4])
    for begin in range(4, stretches, 21):
        header[482] = 1
        more += b"".join(parts[begin : begin + 21]).ljust(504, b"\0")
        more += bytes([begin + 21 < stretches]).ljust(8, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    result = scanned(bytes(header) + more + packed + bytes(-len(packed) % 512) + tar(("b", b"b")))
    assert found(result)
    assert result.problems == ()


@pytest.mark.parametrize("record", ["size", "map", "realsize", "offset", "numbytes", "major"])
def test_a_secret_in_the_place_of_a_number_is_in_no_message(record: str) -> None:
    content = sparse_tar(gzip.compress(PAIR), **{record: SECRET})
    for each in (content, gzip.compress(content), zipped(("a.tar", content))):
        result = scanned(each)
        assert found(result)
        assert not any(SECRET in problem.message for problem in result.problems)


def test_a_secret_in_the_place_of_the_size_of_a_tar_member_is_in_no_message() -> None:
    entry = tarfile.TarInfo("a.gz")
    entry.pax_headers = {"size": SECRET}
    content = entry.tobuf(tarfile.PAX_FORMAT)
    assert b" size=" + SECRET.encode() in content
    result = scanned(content)
    assert result.problems
    assert not any(SECRET in problem.message for problem in result.problems)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA], ids=str)
def test_a_zip_never_looks_clean_when_one_bit_of_it_is_wrong(method: int) -> None:
    content = zipped(("a.txt", PAIR[::-1] + PAIR + NOISE), method=method)
    assert found(scanned(content))
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        result = scanned(bytes(damaged))
        assert result.problems or found(result), at


def test_a_tar_cut_inside_the_next_header_is_reported() -> None:
    content = tar(("a.txt", b"x"), ("b.gz", gzip.compress(PAIR)), form=tarfile.USTAR_FORMAT)
    for end in range(1025, 1536, 5):
        assert scanned(content[:end]).problems, end


@pytest.mark.parametrize("at", [0, 120, 130, 148, 156, 257])
def test_a_tar_with_a_damaged_header_in_its_middle_is_reported_and_read_behind_it(at: int) -> None:
    middle = gzip.compress(RNG.randbytes(600))
    content = bytearray(
        tar(("a", b"x"), ("b.gz", middle), ("c.gz", gzip.compress(PAIR)), form=tarfile.USTAR_FORMAT)
    )
    content[1024 + at] ^= 1
    result = scanned(gzip.compress(bytes(content)))
    assert found(result)
    assert [problem.code for problem in result.problems] == [ProblemCode.DAMAGED]


def test_a_tar_never_looks_clean_when_one_bit_of_it_is_wrong() -> None:
    content = tar(("a.txt", b"x"), ("b.gz", gzip.compress(PAIR + NOISE)), form=tarfile.USTAR_FORMAT)
    for at in (*range(512, 1536), *range(1536 + WHOLE_MAGIC["gzip"], 2048)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        result = scanned(bytes(damaged))
        assert result.problems or found(result), at


def test_many_short_streams_in_a_row_are_read_to_the_last() -> None:
    result = scanned(gzip.compress(b"\n") * 100_000 + gzip.compress(PAIR))
    assert found(result)
    assert result.problems == ()


def test_unpacking_holds_one_copy_of_what_it_unpacks() -> None:
    content = gzip.compress(bytes(40 << 20))
    tracemalloc.start()
    (member,) = open_members(content, "gzip", Limits(), Budget())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(member, Member)
    assert peak < 1.5 * len(member.content)


HOSTILE_NAMES = ("/etc/passwd", "../../x", "a\0b", "n" * 10_240, "a\nb\x1b[2J", "C:\\x", " ", "\u202egnp.exe")


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name[:12]))
@pytest.mark.parametrize("kind", ["tar gnu", "tar pax", "zip"])
def test_a_key_is_found_under_any_member_name(kind: str, name: str) -> None:
    if kind == "zip":
        content = zipped((name, PAIR))
    else:
        form = tarfile.GNU_FORMAT if kind == "tar gnu" else tarfile.PAX_FORMAT
        content = gzip.compress(tar((name, gzip.compress(PAIR)), form=form))
    result = scanned(content)
    assert found(result)
    assert result.problems == ()


def test_a_zip64_and_a_streamed_zip_are_opened() -> None:
    large = io.BytesIO()
    with (
        zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w", force_zip64=True) as out,
    ):
        out.write(PAIR)
    for content in (large.getvalue(), without_seeking()):
        result = scanned(content)
        assert found(result)
        assert result.problems == ()
        cut = scanned(content[: content.index(b"PK\x01\x02")])
        assert found(cut)
        assert cut.problems


class _Pipe(io.RawIOBase):
    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.written += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def without_seeking() -> bytes:
    """A zip written to a pipe: sizes stand in data descriptors behind the members."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", PAIR)
    return bytes(pipe.written)


def test_an_encrypted_zip_is_reported_and_its_bytes_are_no_finding() -> None:
    content = bytearray(zipped(("a", PAIR)))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    result = scanned(bytes(content))
    assert not result.findings
    assert [problem.code for problem in result.problems] == [ProblemCode.ENCRYPTED]


@pytest.mark.parametrize("tail", [b"", b"\0", b"x", b"\0\0\0", b"\xd8"])
@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be", "utf-16"])
def test_utf16_with_odd_bytes_behind_it_is_read(code: str, tail: bytes) -> None:
    assert found(scanned(PAIR.decode().encode(code) + tail))


@pytest.mark.parametrize(
    "around",
    [b"\0" * 5000, b"\xc0\x80\xed\xa0\x80" * 50, b"\xfd\xff" * 99, RNG.randbytes(4000), b"\x1b[2J", b"\r" * 999],
    ids=["zeros", "overlong", "not UTF-8", "random", "escape", "returns"],
)
def test_a_key_among_bytes_of_any_kind_is_found(around: bytes) -> None:
    assert found(scanned(b"\n" + around + b"\n" + PAIR + around))


@pytest.mark.parametrize("before", [-OVERLAP_BYTES - 50, -OVERLAP_BYTES, -100, -70, -46, -20, -1, 0, 30])
def test_a_pair_at_the_edge_of_a_window_is_one_whole_finding(before: int) -> None:
    start = WINDOW_BYTES + before
    (finding,) = streamed(bytes(start) + PAIR + bytes(99)).findings
    assert len(finding.parts) == 2
    assert finding.place.offset == start + PAIR.index(ID.encode())


def test_a_line_longer_than_a_window_is_scanned_to_its_end() -> None:
    result = streamed(b"a" * (WINDOW_BYTES + OVERLAP_BYTES) + b" " + PAIR)
    assert found(result)
    assert result.scanned_bytes == WINDOW_BYTES + OVERLAP_BYTES + 1 + len(PAIR)


def test_a_container_larger_than_the_limit_is_reported_and_a_smaller_one_opened() -> None:
    noise = random.Random(5).randbytes(WINDOW_BYTES)
    content = gzip.compress(noise + PAIR, 0)
    assert [finding.kind for finding in streamed(content).findings] == [Kind.PAIR]
    limited = scan_windows(io.BytesIO(content).read, Origin("x"), Limits(member_bytes=1 << 20), Options())
    assert {problem.code for problem in limited.problems} == {ProblemCode.LIMIT}
    assert any(f"larger than {WINDOW_BYTES >> 20} MiB" in problem.message for problem in limited.problems)


LARGE_ENOUGH = 60_000
REPEATED = {
    "quotes": b"\"'`",
    "backslashes": b"\\",
    "percents": b"%25%25",
    "joined strings": b'"+"',
    "escaped line ends": b"\\n",
    "prefixes": b"AKIA",
    "the word": b"secret",
    "the word and a string": b'secret"+"',
    "entities": b"&amp;#",
    "terminal": b"\x1b[0;0;",
    "short zip headers": b"PK\x03\x04" + bytes(26),
    "spaced hex": b"41 4b 49 41 ",
    "soft line ends": b"secret=\n",
    "zeros": b"\0",
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_key_behind_much_of_the_same_is_found(name: str) -> None:
    unit = REPEATED[name]
    assert found(scanned(unit * (LARGE_ENOUGH // len(unit)) + b"\n" * 3 + PAIR))
