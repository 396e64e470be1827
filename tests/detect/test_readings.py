"""Readings of a window lead back to the very bytes that were written."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret, session_token
from keysweep import Origin, scan
from keysweep.detect.encodings import unescape
from keysweep.detect.finders.readings import joined, plain_reading

RNG = random.Random(12)
ID, SECRET = key_id(RNG), secret(RNG)


@pytest.mark.parametrize("position", [0, 20, 39])
@pytest.mark.parametrize("escape", [r"\u%04x", r"\x%02x", "%%%02X", "&#%d;", "&#x%x;"])
def test_an_escaped_character_at_either_end_belongs_to_the_secret(position: int, escape: str) -> None:
    written = SECRET[:position] + escape % ord(SECRET[position]) + SECRET[position + 1 :]
    content = f'aws_access_key_id = "{ID}"\naws_secret_access_key = "{written}"\n'
    (finding,) = scan(content.encode(), Origin("x")).findings
    place = finding.parts[1].place
    assert content[place.offset :][: place.length] == written
    assert escape[:2] not in place.snippet


def test_a_joined_string_ends_with_its_last_piece() -> None:
    content = f'aws_secret_access_key = "{SECRET[:39]}" + "{SECRET[39]}" + "" # {ID}'.encode()
    (finding,) = scan(content, Origin("x")).findings
    place = next(part.place for part in finding.parts if part.role.value != "access-key-id")
    assert content[place.offset :][: place.length].endswith(f'"{SECRET[39]}'.encode())


_PIECES = st.lists(st.sampled_from([b"a", b"Zz", b"\\u0041", b"%2F", b"&#x2b;", b"\\n", b"=\n", b'" + "', b" "]))


@given(_PIECES)
def test_spans_cover_what_was_written_and_nothing_else(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    decoded, offsets = unescape(content)
    ends = [offsets.source_end(end) for end in range(1, len(decoded) + 1)]
    starts = [offsets.source(at) for at in range(len(decoded))]
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
    assert b"".join(unescape(content, *span)[0] for span in zip(starts, ends, strict=True)) == decoded
    text = joined(plain_reading(content, 0, len(content)))
    for at, character in enumerate(text.content):
        start, end = text.span(at, at + 1)
        assert content[start:end] == character.encode("latin-1")


_AFTER_A_TOKEN = st.sampled_from(
    [
        "region = eu-west-1\n",
        "region: eu-west-1\n",
        "EOF\n",
        "done\n",
        "\nAnd so it goes\n",
        f"{ID}\n",
        f"{SECRET}\n",
        "",
    ]
)


@given(
    fours=st.integers(40, 220),
    padding=st.sampled_from(["", "=", "=="]),
    head=st.sampled_from(["aws_session_token = ", "token: |\n  ", "AWS_SESSION_TOKEN=", ""]),
    width=st.sampled_from([24, 60, 64, 76, 79, 100, 120, 131, 10_000]),
    line_end=st.sampled_from(["\n", "\n    ", "\r\n", "\\\n"]),
    after=_AFTER_A_TOKEN,
)
def test_a_session_token_is_read_to_its_last_line_and_no_further(
    fours: int, padding: str, head: str, width: int, line_end: str, after: str
) -> None:
    token = session_token(RNG, fours * 4)
    token = token[:-2] + {"": "Zk", "=": "k=", "==": "=="}[padding]
    lines = [token[at : at + width] for at in range(0, len(token), width)]
    assume(len(lines) != 2 or len(lines[0]) % 4 or len(lines[1]) > 40 or lines[1].endswith("="))  # could be a word
    assume(
        after not in {"done\n", f"{SECRET}\n"} or len(lines) == 1 or len(token) % width or padding
    )  # its last line
    content = (head + line_end.join(lines) + "\n" + after).encode()
    values = {part.value.reveal() for finding in scan(content, Origin("a")).findings for part in finding.parts}
    assert token in values


@pytest.mark.parametrize("width", [44, 64, 118, 200])
def test_a_session_token_behind_its_name_is_unwrapped_as_a_terminal_wraps_it(width: int) -> None:
    token = session_token(RNG)
    text = f"export AWS_SESSION_TOKEN={token}"
    content = "\n".join(text[at : at + width] for at in range(0, len(text), width)) + "\n$ ls\n"
    (finding,) = scan(content.encode(), Origin("a")).findings
    assert [part.value.reveal() for part in finding.parts] == [token]
