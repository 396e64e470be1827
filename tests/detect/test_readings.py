"""Readings of a window lead back to the very bytes that were written."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
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
