"""Which container content is, by its bytes alone.

`container_format` runs on every file, so it only compares a few bytes of nearly all of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_XZ = b"\xfd7zXZ\x00"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_BEGINNINGS = (b"\x1f\x8b", b"PK", b"BZ", b"\xfd7", b"\x28\xb5", b"\x5d\x00", b"\x5d\xff")
"""What containers begin with, so that nearly all content is told apart in one comparison."""
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_SKIPPED_FRAME = b"\x2a\x4d\x18"
"""Behind the first byte of a frame that zstd skips."""
_USTAR = b"ustar"
_END_OF_DIRECTORY = b"PK\x05\x06"
_END_OF_DIRECTORY_BYTES = 22
_COMMENT_MOST = 0xFFFF
_BEFORE_A_ZIP = (
    *(b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe"),
    *(b"%PDF", b"\xff\xd8\xff", b"\x89PNG", b"GIF8"),
)
"""Programs and images that archives are appended to; only these are searched for a zip with a long comment."""


_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WORTH_A_LOOK = (*_BEGINNINGS, *_UTF16_MARKS, *_BEFORE_A_ZIP)


def may_be_opened(content: bytes) -> bool:
    """Whether `content` may be a container or UTF-16 as a whole: nearly all content is neither."""
    head = content[:32]
    return (
        b"\0" in head
        or head.startswith(_WORTH_A_LOOK)
        or head[1:4] == _SKIPPED_FRAME
        or _may_be_told_by_its_middle_or_end(content)
    )


def _may_be_told_by_its_middle_or_end(content: bytes) -> bool:
    return content[257:262] == _USTAR or _END_OF_DIRECTORY in content[-_END_OF_DIRECTORY_BYTES - 64 :]


_WORTH_BY_TWO_BYTES = frozenset(
    (*(each[:2] for each in _WORTH_A_LOOK), *(bytes((0x50 + low, 0x2A)) for low in range(16)))
)
LATE_MARKS = (_USTAR, _END_OF_DIRECTORY)
"""What tells the containers that do not begin with a mark: one of these stands farther on in each of them."""


def which_begin_like_one(contents: Sequence[bytes], *, has_zeros: bool) -> Iterator[int]:
    """Numbers of the contents for which `may_be_opened` holds because of how they begin.

    Without a zero byte in any of them, that is told by the first two bytes.
    """
    for number, content in enumerate(contents):
        if content[:2] in _WORTH_BY_TWO_BYTES or (has_zeros and b"\0" in content[:32]):
            yield number


def container_format(content: bytes) -> str | None:
    """The container that `content` is by its magic bytes, or None.

    Two bytes alone would call random data a gzip, and a container that cannot be opened is a problem that
    ends a clean scan: so as much of each header is compared as has fixed values.
    """
    head = content[:16]
    if not head.startswith(_BEGINNINGS) and head[1:4] != _SKIPPED_FRAME:
        return _by_its_end_or_middle(content)
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip" if len(head) > 9 and not head[3] & 0xE0 else None
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(b"BZh"):
        return "bzip2" if head[4:10] in _BZIP2_BLOCKS and head[3:4].isdigit() else None
    if head.startswith(_XZ):
        return "xz"
    if head.startswith(_ZSTD) or (head[1:4] == _SKIPPED_FRAME and head[0] >> 4 == 5):
        return "zstd"
    if _is_lzma(head):
        return "lzma"
    return _by_its_end_or_middle(content)


def _is_lzma(head: bytes) -> bool:
    """LZMA has no magic: the properties that everybody uses, and sizes such as writers choose.

    As `xz` itself tells it: a dictionary of 2^n or 2^n + 2^(n-1) bytes, and an unpacked size that is unknown
    or below a tebibyte. The coded data begin with a zero.
    """
    if len(head) < 5 or head[0] != 0x5D:
        return False
    dictionary, unpacked = int.from_bytes(head[1:5], "little"), head[5:13]
    lowest_bit = dictionary & -dictionary
    return (
        (dictionary == 0xFFFFFFFF or (dictionary >= 4096 and dictionary in (lowest_bit, 3 * lowest_bit)))
        and (not unpacked.strip(b"\xff") or not unpacked[5:].strip(b"\0"))
        and head[13:14] in (b"", b"\0")
    )


def _by_its_end_or_middle(content: bytes) -> str | None:
    if content[257:262] == _USTAR:
        return "tar"
    if _END_OF_DIRECTORY in content[-_END_OF_DIRECTORY_BYTES - 64 :]:
        return "zip"
    return "zip" if content.startswith(_BEFORE_A_ZIP) and _ends_in_a_long_comment(content) else None


def _ends_in_a_long_comment(content: bytes) -> bool:
    """Whether the record that ends a zip stands before a comment that reaches to the end exactly.

    Programs that open zips hold the magic of that record too.
    """
    at = len(content)
    begin = max(0, at - _END_OF_DIRECTORY_BYTES - _COMMENT_MOST)
    while (at := content.rfind(_END_OF_DIRECTORY, begin, at)) >= 0:
        comment = int.from_bytes(content[at + 20 : at + 22], "little")
        if at + _END_OF_DIRECTORY_BYTES + comment == len(content):
            return True
    return False
