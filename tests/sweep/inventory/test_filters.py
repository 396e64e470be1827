"""Which repositories are wanted, and why the others are left out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keysweep.frozen import replace
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.filters import Filters, left_out
from keysweep.sweep.inventory.wikis import wiki_of
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import gitea_repository

DAY = datetime(2026, 5, 1, tzinfo=UTC)
WEB = Listed(
    identity="h/repository/1",
    name="Acme/web-Shop",
    url="https://h/acme/web-shop.git",
    size_bytes=1000,
    pushed=DAY,
    private=True,
    archived=True,
    fork_of="",
    topics=("Shop",),
)
BARE = Listed("h/repository/2", "acme/bare", "https://h/acme/bare.git")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filters(), None),
        (Filters(include=("acme/*",)), None),
        (Filters(include=("web-*",)), None),
        (Filters(include=("*/shop", "ACME/WEB-?hop")), None),
        (Filters(include=("acme/api", "shop")), "not included"),
        (Filters(include=("acme/*",), exclude=("*-shop",)), "excluded"),
        (Filters(archived=False), "archived"),
        (Filters(forks=False), "forks"),
        (Filters(private=False), "private"),
        (Filters(topics=("shop", "x")), None),
        (Filters(topics=("x",)), "without the topic"),
        (Filters(least_bytes=1000, most_bytes=1000), None),
        (Filters(least_bytes=1001), "too small"),
        (Filters(most_bytes=999), "too large"),
        (Filters(pushed_since=DAY), None),
        (Filters(pushed_since=datetime(2026, 5, 2, tzinfo=UTC)), "not pushed since"),
    ],
)
def test_why_a_repository_is_left_out(wanted: Filters, expected: str | None) -> None:
    assert left_out(WEB, wanted) == expected


def test_what_a_host_does_not_say_leaves_nothing_out() -> None:
    wanted = Filters(least_bytes=10, most_bytes=20, pushed_since=DAY, forks=False, archived=False, private=False)
    assert left_out(BARE, wanted) is None


def test_a_wiki_is_wanted_as_its_repository_is() -> None:
    wiki = wiki_of(WEB, "https://h/acme/web-shop.wiki.git")
    assert left_out(wiki, Filters(include=("web-shop",))) is None
    assert left_out(wiki, Filters(exclude=("web-shop",))) == "excluded"
    assert left_out(wiki, Filters(archived=False)) == "archived"
    assert left_out(wiki, Filters(wikis=False)) == "wikis"
    assert left_out(replace(BARE, holds=Holds.SNIPPET), Filters(snippets=False)) == "snippets"


def test_what_is_left_out_is_told_with_its_reason() -> None:
    rows = [
        gitea_repository(1, "acme/a", archived=True),
        gitea_repository(2, "acme/b", archived=True),
        gitea_repository(3, "acme/c", size=9999),
        gitea_repository(4, "acme/d"),
    ]
    with serving({"/api/v1/orgs/acme": Reply({}), "/api/v1/orgs/acme/repos": Reply(rows)}) as host:
        told = listing(f"gitea:{host.base}/acme", Filters(archived=False, most_bytes=1 << 20))
    assert told.names == ["acme/d"]
    assert told.left_out == ["archived", "archived", "too large"]
    assert told.progress == [1]
