"""The prefilter's two engines, and the promise that a quick look never misses."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret, session_token
from keysweep import Origin, scan
from keysweep.detect import engine
from keysweep.detect.base64_tells import BASE64_TELLS, compute
from keysweep.detect.prefilter import find_hits
from keysweep.detect.quick import KEY_ID_PREFIXES, SECRET_WORDS, first_base64, may_hold_key

_FRAGMENTS = [
    b"AKIA", b"ASIA", b"A3TX", b"ABCDEFGHIJ234567", b"QRSTUVWXYZ765432", b"secret", b"SECRET", b"Secret_Key", b"aws_",
    b"access_key", b" = ", b'": "', b"\\/", b"%2F", b'" + "', b"\\\n", b"\r\n    ", b"wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzzzzzz",
    b"QUtJQ", b"FLSU", b"BS0lB", b"c2VjcmV0", b"414b4941", b"736563726574", b"A\0K\0I\0A\0", b"s\0e\0c\0r\0e\0t\0",
    b"IQoJb3JpZ2luX2Vj", b"FwoGZXIvYXdz", b"ABSK", b"bedrock-api-key-", b"session_token", b"smtp", b"BA" + b"x" * 42, b"H4sI",
    b"\\x41\\x4b\\x49", b"%41%4b%", b"&#65;&#75;", b"41 4b 49", b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", b"/", b"-", b"\n", b"\0",
]  # fmt: skip


def _contents() -> st.SearchStrategy[bytes]:
    piece = st.one_of(st.sampled_from(_FRAGMENTS), st.binary(max_size=12), st.text(max_size=8).map(str.encode))
    return st.lists(piece, max_size=30).map(b"".join)


@given(_contents())
def test_both_engines_find_the_same_hits(content: bytes) -> None:
    assert find_hits(content, hyperscan=True) == find_hits(content, hyperscan=False)


@given(_contents())
def test_a_quick_look_never_says_no_where_there_is_a_finding(content: bytes) -> None:
    assert may_hold_key(content) or not scan(content, Origin("x")).findings


def test_the_base64_tells_are_those_of_the_anchors() -> None:
    assert list(BASE64_TELLS) == compute()


def test_hyperscan_loads_here_so_that_the_comparison_means_something() -> None:
    assert engine.database() is not None


@pytest.mark.parametrize("seed", range(40))
def test_both_engines_agree_on_encoded_configurations(seed: int) -> None:
    rng = random.Random(seed)
    content = (
        f"[x]\naws_access_key_id={key_id(rng)}\naws_secret_access_key={secret(rng)}\n{session_token(rng)}".encode()
    )
    content = rng.randbytes(rng.randrange(5)) + content
    for encode in rng.choices(
        (base64.b64encode, base64.encodebytes, lambda text: text.hex().encode()), k=seed % 3
    ):
        content = rng.randbytes(rng.randrange(3)) + encode(content)
    by_hyperscan = find_hits(content, hyperscan=True)
    assert by_hyperscan == find_hits(content, hyperscan=False)
    assert by_hyperscan
    assert may_hold_key(content)


def _hexadecimal(text: bytes) -> bytes:
    return text.hex().encode()


@pytest.mark.parametrize("seam", [b"\n", b"\r\n    ", b'" +\n  "'], ids=["plain", "indented", "joined"])
@pytest.mark.parametrize("width", [20, 32, 38])
@pytest.mark.parametrize(
    "encode",
    [
        _hexadecimal,
        lambda text: _hexadecimal(text).upper(),
        lambda text: _hexadecimal(base64.b64encode(text)),
        lambda text: base64.b64encode(base64.b64encode(text)),
        lambda text: base64.b64encode(text.decode().encode("utf-16-le")),
        lambda text: base64.b64encode(gzip.compress(text)),
    ],
    ids=["hex", "HEX", "hex of base64", "base64 twice", "base64 of UTF-16", "base64 of gzip"],
)
def test_a_quick_look_sees_what_is_encoded_in_short_lines(
    encode: Callable[[bytes], bytes], width: int, seam: bytes
) -> None:
    rng = random.Random(1)
    text = f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {secret(rng)}\n".encode()
    encoded = encode(text)
    content = seam.join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert scan(content, Origin("x")).findings
    assert may_hold_key(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"def main() -> int:\n    return 0\n",
        b"\x00" * 1000,
        b"# A tool for AKIAN speakers\n",
        b"secret = input()\n",
    ],
)
def test_ordinary_content_costs_only_the_quick_look(content: bytes) -> None:
    assert not may_hold_key(content)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\n  "])
def test_wrapped_base64_is_seen_by_both_engines_wherever_the_line_breaks(line_end: bytes) -> None:
    """An optional carriage return in one pattern made Hyperscan miss breaks behind the first character."""
    for literal in first_base64((*KEY_ID_PREFIXES, *SECRET_WORDS)):
        for at in range(1, len(literal)):
            for before in (0, 8, 9, 20, 59):
                content = b"q" * before + literal[:at] + line_end + literal[at:] + b"q" * 30
                assert find_hits(content, hyperscan=True) == find_hits(content, hyperscan=False), content
