"""A first look that costs almost nothing: can this content hold a key at all?

It stands first on the hook's path and decides whether anything else is loaded, so it imports only `re` and
`binascii`, and its patterns compile in about a millisecond. The patterns that the prefilter shares with it are
here too.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEY_ID = rb"A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[A-Z2-7]{16}"
SPLIT_KEY_ID = rb"A[KS]IA[A-Z2-7]{0,15}[\"'`\\\r\n]"
KEY_ID_PREFIXES = (b"AKIA", b"ASIA", b"ABIA", b"ACCA")
SECRET_WORDS = (b"secret", b"Secret", b"SECRET")
JOINED_SECRET = (
    rb"[A-Za-z0-9/+](?:\\{1,4}/|\\{1,4}u00|%(?:25)?2[BbFf]|&#|\\x2|=2[BbFf])"
    rb"|[A-Za-z0-9/+]{4}[\"'`][ \t\r\n]{0,4}[+.&|<>\\]{0,2}[ \t\r\n_]{0,40}[\"'`][A-Za-z0-9/+]{2}"
)
WRAPPED_SECRET = (
    rb"[A-Za-z0-9/+]{16}\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]|[A-Za-z0-9/+]\\?\r?\n[ \t]{0,40}[A-Za-z0-9/+]{16}"
)
BROKEN_SECRET = rb".{0,60}(?:" + JOINED_SECRET + rb"|" + WRAPPED_SECRET + rb")"
"""What follows the word secret where no forty characters stand in a row: escapes, joined or wrapped strings."""
ESCAPED_KEY_ID = (
    rb"(?:\\x41\\x(?:4b|53|42|43)\\x|%41%(?:4b|53|42|43)%|\\u0041\\u00(?:4b|53|42|43)\\u"
    rb"|&#0{0,3}65;&#0{0,3}(?:75|83|66|67);|&#x0{0,2}41;&#x0{0,2}(?:4b|53|42|43);"
    rb"|0x41, ?0x(?:4b|53|42|43),|41[ :-](?:4b|53|42|43)[ :-](?:49|43))"
)
ESCAPE_TELLS = (b"\\x41", b"%41%", b"\\u0041", b"65;", b"41;", b"0x41,", b"41 ", b"41:", b"41-")
"""One of these stands in whatever `ESCAPED_KEY_ID` matches, in small letters."""

_MAGIC = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"\x5d\x00",
    b"\x5d\xff",
)
_LONGEST_ZIP_END = 22 + 0xFFFF
LONG_RUN = b"a" * 40
CLASSES = bytes(97 if (chr(byte).isalnum() and byte < 128) or byte in b"+/" else 32 for byte in range(256))
"""Maps the alphabet of secrets and base64 to one byte: a run of forty is then a plain substring."""
_CLASSES_AND_LINES = CLASSES[:10] + b"\n" + CLASSES[11:]
_WRAPPED_RUN = b"a" * 16 + rb" {0,8}a?\n *" + b"a" * 16
"""Written out, so that `re` skips to the first sixteen; the single `a` is the plus of joined strings.

Two runs of words rarely stand so, and hold no digit.
"""


def may_hold_key(content: bytes) -> bool:
    """Whether `content` could hold anything at all; never False where a scan would find something."""
    if _may_be_container(content):
        return True
    classes = content.translate(_CLASSES_AND_LINES)
    if LONG_RUN in classes:
        return True
    if any(_DIGIT.search(content, *run.span()) for run in compiled(_WRAPPED_RUN).finditer(classes)):
        return True
    if any(word in content for word in _WORDS):
        return True
    if compiled(_IDS).search(content):
        return True
    lowered = content.lower()
    if b"secret" in lowered and compiled(rb"secret" + BROKEN_SECRET, re.IGNORECASE).search(content):
        return True
    if _may_be_escaped(lowered) and compiled(ESCAPED_KEY_ID, re.IGNORECASE).search(content):
        return True
    if b"\0" in content and compiled(rb"[AaSs]\x00[KkSsBbCcEe]\x00[IiCc]\x00").search(content):
        return True
    return compiled(b"|".join(_BASE64)).search(content) is not None


def _may_be_escaped(lowered: bytes) -> bool:
    """Whether one of `ESCAPE_TELLS` stands in it, in two looks instead of nine."""
    return b"65;" in lowered or compiled(rb"41[;, :\\%-]").search(lowered) is not None


def _may_be_container(content: bytes) -> bool:
    """Looser than `containers.container_format`, which needs more imports."""
    return (
        content.startswith(_MAGIC)
        or content[257:262] == b"ustar"
        or content[1:4] == b"\x2a\x4d\x18"
        or b"PK\x05\x06" in content[-_LONGEST_ZIP_END:]
    )


@cache
def compiled(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """Compiled when first asked for: what most content does not need, most commits do not wait for."""
    return re.compile(pattern, re.DOTALL | flags)


def first_base64(words: Iterable[bytes]) -> list[bytes]:
    """What `words` look like after one round of base64, at each of the three alignments."""
    return [literal for word in words for literal in _alignments(word)]


def _alignments(word: bytes) -> Iterator[bytes]:
    """The base64 characters that `word` determines when 0, 1 or 2 bytes stand before it in its group."""
    for lead in range(3):
        first_bit = lead * 8
        start, end = -(-first_bit // 6), (first_bit + len(word) * 8) // 6
        literal = b2a_base64(b"\0" * lead + word + b"\0" * 3)[start:end]
        if len(literal) >= 4:
            yield literal


_DIGIT = re.compile(rb"[0-9]")
_WORDS = (b"YXdz", b"IQoJb3JpZ2lu", b"bedrock-api-key-")
_IDS = KEY_ID + rb"|" + SPLIT_KEY_ID
_BASE64 = tuple(dict.fromkeys(each[:5] for each in first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS))))
"""What these patterns are not looser than in the prefilter's, holds forty characters of the alphabet in a row.

Or sixteen in each of two lines: what is encoded twice, or as hexadecimal digits, may be wrapped.
"""
