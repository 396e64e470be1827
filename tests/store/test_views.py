"""The ready-made views: on both databases, and each column what docs/store.md says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from keysweep.store.opening import Store
from keysweep.store.views import VIEWS, rows_of
from tests.store.rich import DAY, WHEN, Pair, fill


@pytest.fixture
def pairs(store: Store) -> Sequence[Pair]:
    """Live, contained, resolved and gone, in a store that is full."""
    return fill(store, random.Random(10))


def rows(store: Store, view: str) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return [dict(zip(VIEWS[view].columns, row, strict=True)) for row in rows_of(connection, view)]


def of(rows: list[dict[str, Any]], **values: Any) -> list[dict[str, Any]]:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_of_a_view_are_those_that_are_documented(store: Store, view: str) -> None:
    with store.reading() as connection:
        assert tuple(connection.execute(text(f"SELECT * FROM {view}")).keys()) == tuple(VIEWS[view].columns)


def test_a_leak_has_one_row_whatever_happened_to_it(store: Store, pairs: Sequence[Pair]) -> None:
    live, off, resolved, gone = pairs
    told = rows(store, "leak_overview")
    assert len(told) == 4
    (row,) = of(told, key_id=live.key_id)
    assert (row["kind"], row["severity"], row["standing"], row["status"]) == (
        "key-pair",
        "critical",
        "live",
        "open",
    )
    assert (row["principal"], row["owner"], row["account_id"]) == ("user", "eve", "123456789012")
    assert row["arn"] == "arn:aws:iam::123456789012:user/eve"
    assert (row["checked"], row["first_seen"], row["last_seen"]) == (WHEN, WHEN, WHEN + DAY)
    assert row["introduced"] == WHEN - 40 * DAY
    assert (row["containment"], row["contained"], row["assignee"]) == (None, None, None)
    assert (row["places"], row["repositories"]) == (3, 2)
    (row,) = of(told, key_id=off.key_id)
    assert (row["standing"], row["containment"], row["contained"]) == ("switched-off", "switched-off", WHEN + DAY)
    (row,) = of(told, key_id=resolved.key_id)
    assert (row["status"], row["assignee"]) == ("resolved", "Lin")
    (row,) = of(told, key_id=gone.key_id)
    assert (row["places"], row["repositories"]) == (0, 0)


def test_a_place_has_one_row_while_it_stands(store: Store, pairs: Sequence[Pair]) -> None:
    live, _, _, gone = pairs
    told = rows(store, "place_overview")
    assert not of(told, key_id=gone.key_id)
    (row,) = of(told, key_id=live.key_id, path="a.env")
    assert (row["repository"], row["line"], row["standing"], row["status"]) == ("shop/web", 1, "live", "open")
    assert (row["commit_id"], row["author"]) == ("c" * 40, "Ada <ada@example.net>")
    assert (row["introduced"], row["first_seen"]) == (WHEN - 40 * DAY, WHEN)
    assert (row["removed_by"], row["removed"], row["refs"]) == (None, None, 0)
    assert of(told, path="\u65e5/\x1b[31m.env")


def test_a_repository_has_one_row_while_it_is_listed(store: Store, pairs: Sequence[Pair]) -> None:
    told = rows(store, "repository_overview")
    assert {row["name"] for row in told} == {"shop/web", "shop/api", "wiki"}
    (row,) = of(told, name="shop/web")
    assert (row["holds"], row["state"], row["reason"], row["swept"]) == ("code", "swept", "", WHEN + DAY)
    assert (row["archived"], row["private"], row["fork_of"]) == (False, None, None)
    assert (row["leaks"], row["live_leaks"]) == (2, 1)
    (row,) = of(told, name="wiki")
    assert row["state"] == "incomplete"
    assert "an object is damaged, and 1 more" in row["reason"]
    assert row["swept"] is None


def test_a_key_has_one_row_with_all_its_leaks(store: Store, pairs: Sequence[Pair]) -> None:
    _, off, _, _ = pairs
    (row,) = of(rows(store, "key_overview"), key_id=off.key_id)
    assert (row["status"], row["reason"], row["checked"]) == ("live", "AWS said so", WHEN)
    assert (row["containment"], row["contained_when"]) == ("switched-off", WHEN + DAY)
    assert row["contained_by"] == "arn:aws:iam::1:user/ops"
    assert (row["leaks"], row["places"]) == (1, 3)


def test_time_to_contain_is_from_the_sweep_to_the_end_in_seconds(store: Store, pairs: Sequence[Pair]) -> None:
    _, off, _, _ = pairs
    (row,) = of(rows(store, "time_to_contain"), key_id=off.key_id)
    assert (row["first_seen"], row["contained"]) == (WHEN, WHEN + DAY)
    assert row["seconds"] == timedelta(days=1).total_seconds()


def test_days_count_what_was_found_and_what_became_harmless(store: Store, pairs: Sequence[Pair]) -> None:
    assert rows(store, "days") == [
        {"day": "2026-01-31", "found": 3, "contained": 1},
        {"day": "2026-02-01", "found": 1, "contained": 1},
    ]
