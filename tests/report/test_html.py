"""What the HTML report is made of; what it does in a browser is in tests/browser."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.findings import Commit, Exposure, ScanResult
from keysweep.report.html.data import rows
from keysweep.report.html.frame import embedded
from keysweep.report.html.leaks import Leak, apart, leaks
from keysweep.report.html.timeline import MOST_BARS, timeline
from keysweep.report.html.words import short_names
from tests.report.many import NOW, REPOSITORIES, contained, many
from tests.report.samples import HIDDEN, HOSTILE, hostile, pair, written

ANY_TIME = st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.just(UTC)
)  # git takes any number for a date, and an author any of them


def exposed(entered: datetime | None, left: datetime | None, refs: tuple[str, ...] = ()) -> Leak:
    brought = Commit("a" * 40, "Ada", "ada@example.net", entered, "add")
    removed = (Commit("b" * 40, "Bob", "", left, "remove"),) if left else ()
    finding = pair(exposures=(Exposure("a", (brought,), removed, refs),))
    return leaks((finding,), ("",), {})[0]


@given(times=st.lists(st.tuples(ANY_TIME, st.none() | ANY_TIME), min_size=1, max_size=40))
def test_a_timeline_of_any_dates_counts_all_and_fits_the_page(
    times: list[tuple[datetime, datetime | None]],
) -> None:
    drawn = timeline([exposed(*each) for each in times], NOW)
    assert 1 <= len(drawn.bars) <= MOST_BARS + 1
    assert sum(bar.entered for bar in drawn.bars) == len(times)
    assert sum(bar.left for bar in drawn.bars) == sum(left is not None for _, left in times)
    assert all(0 <= height <= 1000 for bar in drawn.bars for height in (bar.entered_height, bar.left_height))
    assert len({bar.label for bar in drawn.bars}) == len(drawn.bars)
    assert all(line.start >= 0 and line.length >= 8 and line.start + line.length <= 1000 for line in drawn.lines)


def test_without_dates_there_is_no_timeline() -> None:
    drawn = timeline([exposed(None, None)], NOW)
    assert (drawn.bars, drawn.lines, drawn.undated) == ((), (), 1)


def test_exposure_ends_where_the_last_place_was_cleaned() -> None:
    start = NOW - timedelta(days=30)
    assert exposed(start, NOW - timedelta(days=10)).age_days(NOW) == 20
    assert exposed(start, None).age_days(NOW) == 30
    assert exposed(start, NOW - timedelta(days=10), ("refs/heads/main",)).age_days(NOW) == 30
    assert exposed(start, start - timedelta(days=10)).age_days(NOW) == 0
    assert exposed(None, None).age_days(NOW) is None


def test_paths_of_several_scans_are_told_apart_from_what_was_scanned() -> None:
    several = ("/srv/a", "/srv/a/b", "git@example.net:x.git")
    assert apart("/srv/a/b/c.env", several) == ("/srv/a/b", "c.env")
    assert apart("/srv/a/c.env", several) == ("/srv/a", "c.env")
    assert apart("git@example.net:x.git/c.env", several) == ("git@example.net:x.git", "c.env")
    assert apart("/srv/ab/c.env", several) == ("", "/srv/ab/c.env")
    assert apart("c.env", ("/srv/a",)) == ("/srv/a", "c.env")


def test_repositories_of_one_name_keep_their_paths() -> None:
    assert short_names(("/a/shop.git", "/b/shop", "/b/wiki.git/", "")) == {
        "/a/shop.git": "/a/shop.git",
        "/b/shop": "/b/shop",
        "/b/wiki.git/": "wiki",
        "": "",
    }


@given(value=st.text(st.characters(exclude_categories=())))
def test_embedded_text_is_what_it_was_and_no_markup(value: str) -> None:
    text = embedded([value])
    assert json.loads(text) == [value]
    assert not set(text) & set("<>&")
    assert text.isascii()


@pytest.mark.parametrize("text", HOSTILE)
def test_rows_are_of_bounded_length(text: str) -> None:
    table = rows(leaks(hostile(text).findings, ("",), {}), ("",), NOW)
    assert len(json.dumps(table)) < 60_000


def test_the_policy_allows_exactly_the_script_and_the_style_of_the_page() -> None:
    page = written("html", many(3), repositories=REPOSITORIES)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashes = [base64.b64encode(sha256(each.encode()).digest()).decode() for each in (script, style)]
    assert policy[1] == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page.isascii()


def test_no_secret_is_in_the_page() -> None:
    result = many(50)
    assert HIDDEN not in written("html", result, repositories=REPOSITORIES, contained=contained(result))


def test_a_leak_that_nobody_found_is_not_told() -> None:
    assert '<script type="application/json" id="data">[]</script>' in written("html", ScanResult())
