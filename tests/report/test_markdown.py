"""Markdown: rendered as forges do, to see that nothing in it came from somebody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from keysweep.findings import ScanResult, Severity
from keysweep.report.markup import code, prose
from tests.report.samples import HOSTILE, everything, hostile, pair, written

FORGE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<br>", "<code>", "</code>"}
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1)
COLUMNS = 8


def tokens(text: str) -> list[Token]:
    return [each for block in FORGE.parse(text) for each in (block, *(block.children or ()))]


def is_inert(text: str) -> None:
    """No link, no image, no HTML but our own, and each row of a table has as many cells as its head."""
    seen = tokens(text)
    assert not {each.type for each in seen} & {"link_open", "image", "html_block", "s_open", "em_open", "fence"}
    assert {each.content for each in seen if each.type == "html_inline"} <= OURS
    for line in text.splitlines():
        if line.startswith("| "):
            cells = [each for each in tokens(f"{HEAD}\n{line}\n{line[0]}") if each.type == "td_open"]
            assert len(cells) == 2 * COLUMNS


HEAD = "| a | b | c | d | e | f | g | h |\n|---|---|---|---|---|---|---|---|"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_no_markup(text: str) -> None:
    is_inert(written("markdown", hostile(text)))


@given(text=PRINTABLE)
def test_code_shows_any_text_as_it_is(text: str) -> None:
    shown = [each for each in tokens(f"x {code(text)} x") if each.type != "html_inline"]
    told = "".join(each.content for each in shown if each.type in ("text", "code_inline", "text_special"))
    assert told == (f"x {text} x" if text.strip() else "x - x")
    is_inert(f"x {code(text)} x")


@given(text=PRINTABLE)
def test_prose_is_never_markup(text: str) -> None:
    is_inert(f"x {prose(text)} x")


@pytest.mark.parametrize("text", ["ask @all", "https://evil.example", "www.evil.example", "$`x`$", ":smile:"])
def test_what_forges_link_stands_in_code(text: str) -> None:
    assert any(each.type == "code_inline" or each.content == "<code>" for each in tokens(prose(text)))


def test_everything_is_in_the_table() -> None:
    text = written("markdown", everything())
    is_inert(text)
    assert text.count("\n| **") == len(everything().findings)
    assert "`broken.gz is damaged`" in text


def test_a_clean_scan_has_no_table() -> None:
    text = written("markdown", ScanResult(scanned_items=2))
    assert "no leaked AWS keys found in 2 items" in text
    assert "|" not in text


def test_the_threshold_is_told() -> None:
    assert "none of them critical or worse" in written(
        "markdown", ScanResult((pair(),)), fail_on=Severity.CRITICAL
    )
