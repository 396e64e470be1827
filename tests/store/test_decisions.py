"""What people decide on leaks is kept, in their name, and leaks say it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from bench.filled import NOW, fill
from keysweep.errors import UsageError
from keysweep.store.decisions import MOST_NAME, MOST_NOTE, Decision, decide
from keysweep.store.opening import Store
from keysweep.store.queries.one_leak import decisions_on
from keysweep.store.schema import leaks
from keysweep.store.summaries import reopen_lapsed

TODAY = NOW.date()


@pytest.fixture
def leak(store: Store) -> int:
    with store.writing() as connection:
        fill(connection, 10)
        connection.execute(leaks.update().values(status="open", status_until=None, assignee=None))
    return 1


def decided(store: Store, leak: int, *decisions: Decision) -> tuple[str, str | None, str | None]:
    for number, each in enumerate(decisions):
        with store.writing() as connection:
            decide(connection, leak, each, NOW + timedelta(minutes=number))
    with store.reading() as connection:
        row = connection.execute(select(leaks).where(leaks.c.id == leak)).one()
        return row.status, row.status_until, row.assignee


def test_a_leak_says_what_was_decided_last(store: Store, leak: int) -> None:
    assert decided(store, leak, Decision("ada", "real", assignee="bob")) == ("real", None, "bob")
    assert decided(store, leak, Decision("bob", "false", note="a test")) == ("false", None, "bob")
    assert decided(store, leak, Decision("bob", "open", assignee="")) == ("open", None, None)


def test_every_decision_is_kept_with_who_when_and_why(store: Store, leak: int) -> None:
    decided(
        store,
        leak,
        Decision(" Ada  Lovelace ", "accepted", until=TODAY + timedelta(days=3), note=" rotated on Monday\n"),
        Decision("bob", note="looked at it"),
        Decision("bob", assignee="carol"),
    )
    with store.reading() as connection:
        rows = decisions_on(connection, leak)
    assert [(row.by, row.status, row.until, row.assignee, row.note) for row in rows] == [
        ("bob", None, None, "carol", ""),
        ("bob", None, None, None, "looked at it"),
        ("Ada Lovelace", "accepted", str(TODAY + timedelta(days=3)), None, "rotated on Monday"),
    ]
    assert [row.when for row in rows] == [NOW + timedelta(minutes=number) for number in (2, 1, 0)]


def test_what_changes_nothing_is_not_recorded(store: Store, leak: int) -> None:
    decided(store, leak, Decision("ada", "open", assignee=""), Decision("ada"), Decision("ada", note="  "))
    with store.reading() as connection:
        assert decisions_on(connection, leak) == []


def test_accepting_until_another_day_is_a_decision(store: Store, leak: int) -> None:
    days = [TODAY + timedelta(days=number) for number in (1, 30)]
    came = decided(store, leak, *(Decision("ada", "accepted", until=each, note="why") for each in days))
    assert came == ("accepted", str(days[1]), None)


def test_what_was_accepted_is_open_again_after_its_day(store: Store, leak: int) -> None:
    decided(store, leak, Decision("ada", "accepted", until=TODAY, note="until tonight"))
    for day, status in ((TODAY, "accepted"), (TODAY + timedelta(days=1), "open")):
        with store.writing() as connection:
            reopen_lapsed(connection, day, NOW)
        assert decided(store, leak)[0] == status


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        (Decision("ada", "unheard-of"), "is no status"),
        (Decision("ada", "accepted", note="why"), "until which day"),
        (Decision("ada", "real", until=TODAY), "only with accepted"),
        (Decision("ada", "accepted", until=TODAY - timedelta(days=1), note="why"), "from today on"),
        (Decision("ada", "accepted", until=date(9999, 12, 31), note="why"), "within a year"),
        (Decision("ada", "false"), "say in the note why"),
        (Decision("ada", "resolved", note=" \n"), "say in the note why"),
        (Decision("ada", note="x" * (MOST_NOTE + 1)), "shorten it"),
        (Decision("x" * (MOST_NAME + 1), "real"), "shorten it"),
        (Decision("ada", assignee="x" * (MOST_NAME + 1)), "shorten it"),
    ],
)
def test_what_cannot_be_decided_says_why_and_changes_nothing(
    store: Store, leak: int, decision: Decision, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        decided(store, leak, decision)
    assert decided(store, leak) == ("open", None, None)
    with store.reading() as connection:
        assert decisions_on(connection, leak) == []


def test_no_leak_is_decided_on_that_is_not_there(store: Store, leak: int) -> None:
    with pytest.raises(UsageError, match="no such leak"):
        decided(store, 10_000, Decision("ada", "real"))


def test_texts_that_no_database_takes_are_taken(store: Store, leak: int) -> None:
    assert decided(store, leak, Decision("a\0b", "real", assignee="\udce9", note="\0")) == ("real", None, "\\xe9")
