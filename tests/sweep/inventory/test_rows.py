"""What a host says of a repository is read with care."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.sweep.inventory.rows import UnusableError, clone_url, flag, moment, number, text, texts


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://h.example/a/b.git", "https://h.example"),
        ("https://H.example:443/a/b.git", "https://h.example"),
        ("https://h.example:8443/a", "https://h.example:8443/prefix"),
        ("http://h.example/a", "http://h.example"),
        ("https://h.example/a", "http://h.example"),
        ("https://gist.h.example/a.git", "https://h.example"),
    ],
)
def test_an_address_on_the_host_is_taken(url: str, base: str) -> None:
    assert clone_url(url, base, "gist.h.example") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://h.example/a",
        "ssh://git@h.example/a",
        "git@h.example:a/b.git",
        "git://h.example/a",
        "file:///etc",
        "https://h.example:8443/a",
        "https://h.example.evil.example/a",
        "https://h.example@evil.example/a",
        "https://evil.example#h.example/a",
        "https://evil.example\\@h.example/a",
        "https://h.example/a?token=x",
        "https://[::1/a",
        "https://h.example/a b",
        "https://h.example/\x1b[2J",
        "-oProxyCommand=x",
        "",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(UnusableError):
        clone_url(url, "https://h.example")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from("abc"), each, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_anything_can_be_read(row: object) -> None:
    row = json.loads(json.dumps(row))
    for names in (("a",), ("a", "b"), ("a", "b", "c")):
        assert isinstance(text(row, *names), str | None)
        assert number(row, *names) is None or (number(row, *names) or 0) >= 0
        assert flag(row, *names) in (None, True, False)
        assert isinstance(moment(row, *names), datetime | None)
        assert all(isinstance(each, str) for each in texts(row, *names))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-26T19:06:43Z", datetime(2026, 1, 26, 19, 6, 43, tzinfo=UTC)),
        ("2026-01-26T19:06:43.5+02:00", datetime(2026, 1, 26, 17, 6, 43, 500_000, tzinfo=UTC)),
        ("2026-01-26T19:06:43", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_without_a_zone_is_none(written: str, expected: datetime | None) -> None:
    assert moment({"at": written}, "at") == expected
