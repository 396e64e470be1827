"""Lists that somebody wrote: files, and standard input."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keysweep.errors import UsageError
from keysweep.sweep.inventory import written
from tests.repositories import Repository
from tests.sweep.inventory.host import Told, listing

LIST = """\ufeff# repositories of the team

https://github.com/acme/web.git
  ssh://git@git.example.com/acme/api.git
git@git.example.com:acme/old.git
https://GitHub.com/acme/web
mirrors/one.git
mirrors/gone.git
file://{root}/mirrors/two.git
"""


def test_addresses_and_paths_are_listed_each_once_in_their_order(tmp_path: Path) -> None:
    for name in ("one", "two"):
        Repository(tmp_path / "mirrors" / f"{name}.git", options=("--bare",))
    path = tmp_path / "list.txt"
    path.write_text(LIST.format(root=tmp_path), encoding="utf-8")
    told = listing(os.fspath(path))
    assert [each.url for each in told.listed] == [
        "https://github.com/acme/web.git",
        "ssh://git@git.example.com/acme/api.git",
        "git@git.example.com:acme/old.git",
        os.fspath(tmp_path / "mirrors/one.git"),
        os.fspath(tmp_path / "mirrors/two.git"),
    ]
    assert told.names[0] == "github.com/acme/web.git"
    assert told.problems == [f"{path}, line 8: there is nothing at {tmp_path / 'mirrors/gone.git'}"]


def test_standard_input_is_read_in_the_same_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Repository(tmp_path / "here.git", options=("--bare",))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"here.git\r\nhttps://h.example/x\n")))
    assert [each.url for each in listing("-").listed] == [os.fspath(tmp_path / "here.git"), "https://h.example/x"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"https://sam:word@h.example/x", "holds a user name, a password or a token"),
        (b"https://h.example/x?token=1", "holds a user name, a password or a token"),
        (b"ext::sh -c evil", "holds blanks or control characters"),
        (b"ext::sh", "ext addresses are not cloned"),
        (b"ftp://h.example/x", "ftp addresses are not cloned"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"a\x1b[31m", "it holds control characters"),
        (b"a\0b", "it holds control characters"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_by_its_number(tmp_path: Path, line: bytes, said: str) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"# x\nhttps://h.example/fine\n" + line + b"\n")
    with pytest.raises(UsageError) as raised:
        listing(os.fspath(path))
    assert f"{path}, line 3: " in str(raised.value)
    assert said in str(raised.value)
    assert "word" not in str(raised.value).replace("password", "")


def test_a_file_that_is_no_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "_MOST_BYTES", 10)
    (tmp_path / "list").write_text("https://h.example/x")
    with pytest.raises(UsageError, match="no list of repositories"):
        listing(os.fspath(tmp_path / "list"))


LINES = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"(https|ssh|git|ext|http)://[a-z@:.\[\]%-]{0,15}/[a-z?#]{0,8}", fullmatch=True),
    st.from_regex(r"[a-z@.-]{1,10}:[a-z/-]{1,10}", fullmatch=True),
)


@given(
    st.lists(
        st.one_of(LINES.map(lambda text: text.encode("utf-8", "replace")), st.binary(max_size=20)), max_size=5
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_listed_or_refused(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "any"
    path.write_bytes(b"\n".join(lines))
    try:
        told, refused = listing(os.fspath(path)), ""
    except UsageError as error:
        told, refused = Told(), str(error)
    assert not refused or ", line " in refused
    assert all(each.url.isprintable() and not each.url.startswith("-") for each in told.listed)
    assert len({each.identity for each in told.listed}) == len(told.listed)
