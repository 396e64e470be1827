"""What a report may assume of the place it is printed on, and what it never sends there."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
import unicodedata
from collections.abc import Iterator
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.report.style import Style

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def file(encoding: str = "utf-8") -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A real terminal, 72 columns wide."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


def test_a_terminal_gets_colour_and_its_own_width(terminal: TextIO) -> None:
    style = Style.detect(terminal, {"TERM": "xterm-256color"})
    assert (style.colour, style.width, style.unicode) == (True, 72, True)


def test_a_file_or_pipe_gets_no_colour_and_a_fixed_width() -> None:
    style = Style.detect(file(), {"TERM": "xterm-256color"})
    assert (style.colour, style.width) == (False, 100)


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "CI": "true", "GITHUB_ACTIONS": "true"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
    ],
)
def test_the_environment_can_take_colour_from_a_terminal(
    terminal: TextIO, variables: dict[str, str], coloured: bool
) -> None:
    assert Style.detect(terminal, variables).colour is coloured


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"CI": "true"}, False),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, True),
        ({"GITHUB_ACTIONS": "true"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": ""}, False),
    ],
)
def test_without_a_terminal_only_a_log_known_to_show_colour_gets_it(
    variables: dict[str, str], coloured: bool
) -> None:
    assert Style.detect(file(), variables).colour is coloured


@pytest.mark.parametrize(
    ("columns", "width"), [("72", 72), ("1", 40), ("100000", 160), ("", 100), ("wide", 100), ("-80", 100)]
)
def test_the_width_follows_columns_within_reason(columns: str, width: int) -> None:
    assert Style.detect(file(), {"COLUMNS": columns}).width == width


def test_columns_wins_over_the_terminal(terminal: TextIO) -> None:
    assert Style.detect(terminal, {"COLUMNS": "120"}).width == 120


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", True), ("UTF8", True), ("utf-16", True), ("ascii", False), ("latin-1", False)],
)
def test_more_than_ascii_is_printed_only_where_it_can_be_encoded(encoding: str, shown: bool) -> None:
    assert Style.detect(file(encoding), {}).unicode is shown


def test_paint_without_colour_adds_nothing() -> None:
    assert Style().paint("text", "alarm") == "text"
    assert Style(colour=True).paint("text", "red") == "\x1b[31mtext\x1b[0m"
    assert Style(colour=True).paint("", "red") == ""


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\rc", "a\\nb\\rc"),
        ("\x07\x08\x7f\x00", "\\x07\\x08\\x7f\\x00"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\u2028\u2029\u00ad\ufeff", "\\u2028\\u2029\\xad\\ufeff"),
        ("caf\udce9", "caf\\xe9"),
        ("a\tb", "a  b"),
        ("::error::x", "\\x3a:error::x"),
        ("a  ::add-mask::x", "a  \\x3a:add-mask::x"),
        ("a ##[error]b", "a ##\\x5berror]b"),
        ("##vso[task.complete]", "##vso\\x5btask.complete]"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_as_an_escape(hostile: str, shown: str) -> None:
    assert Style().safe(hostile) == shown


@pytest.mark.parametrize("mark", BIDI)
def test_every_mark_that_reorders_text_is_escaped(mark: str) -> None:
    assert Style().safe(f"a{mark}b") == f"a\\u{ord(mark):04x}b"


@pytest.mark.parametrize(
    "text", ["src/app.py", "std::string", "## head", "grüße/キー.txt", "a b", "C:\\keys", "😀"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Style().safe(text) == text


def test_a_terminal_of_ascii_gets_ascii_that_still_reads() -> None:
    assert Style(unicode=False).safe("a… → ‹b› é 😀") == "a... -> <b> \\xe9 \\u1f600"


@given(ANY_TEXT)
def test_no_text_at_all_reaches_a_terminal_as_more_than_one_line_of_plain_text(text: str) -> None:
    shown = Style().safe(text)
    assert shown.isprintable()
    assert not set(shown) & set(BIDI)
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_text_for_an_ascii_terminal_can_always_be_encoded(text: str) -> None:
    assert Style(unicode=False).safe(text).isascii()
