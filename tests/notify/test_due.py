"""Each receiver is told of a leak once in each state, and what it need not know it is not told."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from keysweep.findings import Severity
from keysweep.frozen import replace
from keysweep.standing import Standing
from keysweep.store.notices import Due, First, Wanted, due, mark
from keysweep.store.opening import Store
from keysweep.verdicts import Status
from tests.notify.filling import WHEN, decide, leak, verdict


def asked(store: Store, channel: str = "a", wanted: Wanted | None = None, first: First = First.OPEN) -> list[Due]:
    with store.reading() as connection:
        return due(connection, channel, wanted or Wanted(), WHEN, first)


def told(store: Store, channel: str = "a", wanted: Wanted | None = None) -> list[str]:
    dues = asked(store, channel, wanted)
    with store.writing() as connection:
        mark(connection, channel, dues, WHEN)
    return [each.state for each in dues]


def test_a_leak_is_due_once_in_each_state(store: Store, chance: random.Random) -> None:
    key = leak(store, chance)
    states = [told(store)]
    for day, status in enumerate((Status.LIVE, Status.LIVE, Status.DEAD, Status.LIVE)):
        verdict(store, key, status, after_days=day)
        states.append(told(store))
    decide(store, key, "resolved")
    states += [told(store), told(store)]
    decide(store, key, "open")
    states.append(told(store))
    assert states == [
        ["unverified open"],
        ["live open"],
        [],
        ["dead open"],
        ["live open"],
        ["live resolved"],
        [],
        ["live open"],
    ]


def test_what_one_channel_was_told_is_due_for_another(store: Store, chance: random.Random) -> None:
    leak(store, chance)
    assert told(store, "a") == told(store, "b") == ["unverified open"]


@pytest.mark.parametrize("status", ["accepted", "false", "resolved"])
def test_what_people_have_settled_is_not_due_the_first_time_unless_asked_for(
    store: Store, chance: random.Random, status: str
) -> None:
    decide(store, leak(store, chance), status)
    assert asked(store) == []
    assert [each.state for each in asked(store, first=First.ALL)] == [f"unverified {status}"]


@pytest.mark.parametrize("status", [Status.DEAD, Status.INACTIVE, Status.EXPIRED])
def test_what_is_harmless_is_not_due_the_first_time_unless_asked_for(
    store: Store, chance: random.Random, status: Status
) -> None:
    key = leak(store, chance)
    verdict(store, key, status)
    assert asked(store) == []
    assert len(asked(store, first=First.ALL)) == 1
    verdict(store, key, Status.LIVE, after_days=1)
    assert [each.before for each in asked(store)] == [None]


def test_what_was_accepted_is_due_again_on_the_day_after(store: Store, chance: random.Random) -> None:
    key = leak(store, chance)
    told(store)
    decide(store, key, "accepted", WHEN.date().isoformat())
    assert told(store) == ["unverified accepted"]
    decide(store, key, "accepted", (WHEN - timedelta(days=1)).date().isoformat())
    assert told(store) == ["unverified open"]


def test_whoever_was_told_of_a_leak_hears_what_becomes_of_it_whatever_it_wants(
    store: Store, chance: random.Random
) -> None:
    wanted = Wanted(Severity.CRITICAL, frozenset({Standing.LIVE}))
    quiet, key = leak(store, chance), leak(store, chance)
    assert told(store, wanted=wanted) == []
    verdict(store, key, Status.LIVE)
    assert told(store, wanted=wanted) == ["live open"]
    verdict(store, key, Status.DEAD, after_days=1)
    verdict(store, quiet, Status.WRONG_SECRET)
    assert told(store, wanted=wanted) == ["dead open"]


def test_the_most_urgent_is_due_first(store: Store, chance: random.Random) -> None:
    keys = [leak(store, chance) for _ in range(4)]
    verdict(store, keys[2], Status.LIVE)
    assert asked(store)[0].standing is Standing.LIVE


def test_with_first_none_only_what_was_never_told_is_given(store: Store, chance: random.Random) -> None:
    key = leak(store, chance)
    told(store)
    verdict(store, key, Status.LIVE)
    leak(store, chance)
    assert [each.before for each in asked(store, first=First.NONE)] == [None]


def test_a_receiver_that_forgets_is_told_again_of_what_is_still_open(store: Store, chance: random.Random) -> None:
    keys = [leak(store, chance) for _ in range(2)]
    forgets = Wanted(again_after=timedelta(days=60))
    with store.writing() as connection:
        mark(connection, "hub", due(connection, "hub", forgets, WHEN), WHEN)
    verdict(store, keys[1], Status.DEAD)
    with store.writing() as connection:
        mark(connection, "hub", due(connection, "hub", forgets, WHEN), WHEN)
        assert due(connection, "hub", forgets, WHEN + timedelta(days=60)) == []
        late = WHEN + timedelta(days=61)
        (again,) = due(connection, "hub", forgets, late)
        assert (again.before, again.state) == ("unverified open", "unverified open")
        assert due(connection, "hub", Wanted(), late) == []
        mark(connection, "hub", [again], late)
        assert due(connection, "hub", forgets, late) == []


def test_what_was_told_last_is_known_by_its_time_in_whatever_order_an_import_brings_it(
    store: Store, chance: random.Random
) -> None:
    key = leak(store, chance)
    with store.writing() as connection:
        (found,) = due(connection, "a", Wanted(), WHEN)
        for standing, days in ((Standing.DEAD, 2), (Standing.LIVE, 1), (Standing.UNVERIFIED, 0)):
            mark(connection, "a", [replace(found, standing=standing)], WHEN + timedelta(days=days))
    verdict(store, key, Status.DEAD)
    assert asked(store) == []
    verdict(store, key, Status.LIVE, after_days=1)
    assert [each.before for each in asked(store)] == ["dead open"]


def test_a_clock_that_was_set_back_repeats_nothing(store: Store, chance: random.Random) -> None:
    key = leak(store, chance)
    with store.writing() as connection:
        mark(connection, "a", due(connection, "a", Wanted(), WHEN), WHEN + timedelta(days=9))
    verdict(store, key, Status.LIVE)
    assert told(store) == ["live open"]
    assert told(store) == []
