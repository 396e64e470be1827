"""What is written for `git filter-repo` is what it reads: held to its own code."""

from __future__ import annotations

import tempfile
from pathlib import Path

import git_filter_repo
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keysweep.purge.expressions import in_order, is_left_alone, name_line, renamed, replaced, text_line

HOSTILE = (
    b"a==>b",
    b"==>",
    b"regex:a.c",
    b"glob:*",
    b"literal:x",
    b"#comment",
    b"ends in return\r",
    b"\r",
    b" blanks around ",
    b"over\ntwo lines",
    b"over\r\nthree\r\nlines",
    b"\ntakes.*all?[^a](\\",
    b"back\\slash\\1\\g<0>",
    b"***REMOVED***",
    b"\x00\xff\xfe zero",
    b"umlaut \xc3\xa4",
)
PIECES = st.one_of(st.sampled_from(HOSTILE), st.binary(min_size=1, max_size=12))


def done_by_filter_repo(content: bytes, lines: bytes) -> bytes:
    """What its own code makes of content, by a file of these lines."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "expressions"
        file.write_bytes(lines)
        rules = git_filter_repo.FilteringOptions.get_replace_text(str(file))
    for literal, instead in rules["literals"]:
        content = content.replace(literal, instead)
    for pattern, instead in rules["regexes"]:
        content = pattern.sub(instead, content)
    return content


@given(st.lists(PIECES, min_size=1, max_size=6), st.lists(PIECES, max_size=6))
@example([b"a\nb", b"a"], [b"xa\nbx"])
@example([b"key==>", b"key"], [b"key==>x"])
def test_filter_repo_replaces_by_the_lines_what_was_foreseen(stored: list[bytes], others: list[bytes]) -> None:
    content = b"-".join([*others, *stored, *others])
    wanted = in_order(stored)
    assert done_by_filter_repo(content, b"".join(map(text_line, wanted))) == replaced(content, wanted)


@pytest.mark.parametrize("stored", HOSTILE)
def test_a_secret_of_any_shape_is_taken_out(stored: bytes) -> None:
    content = b"before " + stored + b" after"
    left = done_by_filter_repo(content, text_line(stored))
    assert left == b"before ***REMOVED*** after"


@given(st.lists(PIECES, min_size=1, max_size=4))
def test_filter_repo_changes_names_by_the_lines_as_foreseen(stored: list[bytes]) -> None:
    wanted = in_order(stored)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "names"
        file.write_bytes(b"".join(map(name_line, wanted)))
        changes = git_filter_repo.FilteringOptions.get_paths_from_file(str(file))
    path = expected = b"dir/" + b"_".join(stored) + b".txt"
    for kind, how, (pattern, instead) in changes:
        assert (kind, how) == ("rename", "regex")
        path = pattern.sub(instead, path)
    assert path == renamed(expected, wanted)


def test_what_may_hold_another_one_comes_first() -> None:
    assert in_order([b"ab", b"abc", b"ab", b"a\nb"]) == (b"abc", b"ab", b"a\nb")


def test_a_zero_byte_near_the_start_makes_a_file_one_that_is_left_alone() -> None:
    assert is_left_alone(b"a\0b")
    assert not is_left_alone(b"a" * 8192 + b"\0")
