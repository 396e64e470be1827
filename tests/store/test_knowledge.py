"""What AWS said of keys and what was done about them, as leaks tell it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keysweep.findings import Finding, Origin, Source
from keysweep.frozen import replace
from keysweep.standing import Standing
from keysweep.store.knowledge import keys_to_ask, record_containments, record_verdicts
from keysweep.store.secret_places import secret_places
from keysweep.verdicts import Contained, Containment, Status, Verdict
from tests.store.made import NOON, Sweeps, at, containment, key_of, leak, verdict

HOUR = timedelta(hours=1)
ARN = "arn:aws:iam::210987654321:user/deploy/ci"


def tell(sweeps: Sweeps, *verdicts: Verdict) -> None:
    with sweeps.store.writing() as connection:
        record_verdicts(connection, verdicts, max(each.checked for each in verdicts))


def contain(sweeps: Sweeps, told: Containment) -> None:
    with sweeps.store.writing() as connection:
        record_containments(connection, {told.key_id: told}, NOON)


def stands(sweeps: Sweeps) -> tuple[object, ...]:
    (row,) = sweeps.ask("SELECT standing, severity, contained IS NOT NULL FROM leaks")
    return (*row[:2], bool(row[2]))


@pytest.fixture
def leaked(sweeps: Sweeps) -> Finding:
    """A key in one repository."""
    found = leak()
    sweeps.sweep({"app": [at(found, "prod.env")]})
    return found


def test_a_live_key_makes_its_leak_critical_and_tells_whose_it_is(sweeps: Sweeps, leaked: Finding) -> None:
    tell(
        sweeps, verdict(leaked, Status.LIVE, partition="aws", account_id="210987654321", arn=ARN, user_id="AIDAX")
    )
    assert stands(sweeps) == ("live", 4, False)
    assert sweeps.ask("SELECT account_id, principal, owner, arn, severity FROM leak_overview") == [
        ("210987654321", "user", "ci", ARN, "critical")
    ]
    assert sweeps.ask("SELECT key_id, status, leaks, places FROM key_overview") == [(leaked.key_id, "live", 1, 1)]


def test_a_key_that_died_is_worth_what_it_was_and_counts_as_contained(sweeps: Sweeps, leaked: Finding) -> None:
    tell(sweeps, verdict(leaked, Status.LIVE))
    tell(sweeps, verdict(leaked, Status.DEAD, NOON + HOUR))
    assert stands(sweeps) == ("dead", 3, True)
    assert sweeps.ask("SELECT status FROM verifications ORDER BY checked") == [("live",), ("dead",)]
    assert sweeps.ask("SELECT seconds FROM time_to_contain") == [(59 * 60,)]


def test_that_nothing_is_known_takes_back_nothing_that_was_known(sweeps: Sweeps, leaked: Finding) -> None:
    tell(sweeps, verdict(leaked, Status.LIVE, arn=ARN))
    tell(sweeps, verdict(leaked, Status.UNKNOWN, NOON + HOUR))
    assert stands(sweeps) == ("live", 4, False)
    assert sweeps.ask("SELECT status, arn FROM keys") == [("live", ARN)]


def test_an_older_verdict_changes_nothing(sweeps: Sweeps, leaked: Finding) -> None:
    tell(sweeps, verdict(leaked, Status.DEAD))
    tell(sweeps, verdict(leaked, Status.LIVE, NOON - HOUR), verdict(leaked, Status.LIVE, NOON))
    assert stands(sweeps) == ("dead", 3, True)


def test_a_leak_of_a_key_that_is_known_already_stands_as_that_key(sweeps: Sweeps, leaked: Finding) -> None:
    tell(sweeps, verdict(leaked, Status.LIVE))
    other = replace(leak(), key_id=leaked.key_id)
    sweeps.sweep({"app": [at(leaked, "prod.env"), at(other, "old.env")]})
    assert sweeps.ask("SELECT standing, severity FROM leaks") == [("live", 4)] * 2


def test_a_key_that_was_switched_off_is_contained_until_that_is_taken_back(
    sweeps: Sweeps, leaked: Finding
) -> None:
    tell(sweeps, verdict(leaked, Status.LIVE))
    contain(sweeps, containment(leaked, Contained.OFF, NOON + HOUR))
    assert stands(sweeps) == ("switched-off", 3, True)
    contain(sweeps, containment(leaked, Contained.UNDONE, NOON + 2 * HOUR, "run-2"))
    assert stands(sweeps) == ("live", 4, False)
    assert sweeps.ask("SELECT state, run FROM containments ORDER BY id") == [
        ("switched-off", "run-1"),
        ("undone", "run-2"),
    ]


def test_a_key_that_aws_accepts_after_it_was_switched_off_is_live(sweeps: Sweeps, leaked: Finding) -> None:
    contain(sweeps, containment(leaked, Contained.OFF))
    tell(sweeps, verdict(leaked, Status.LIVE, NOON + HOUR))
    assert stands(sweeps) == ("live", 4, False)


def test_a_journal_that_is_read_again_records_nothing_twice(sweeps: Sweeps, leaked: Finding) -> None:
    for _ in range(3):
        contain(sweeps, containment(leaked, Contained.OFF))
    assert sweeps.ask("SELECT COUNT(*) FROM containments") == [(1,)]


def test_keys_that_nobody_leaked_are_no_business_of_the_store(sweeps: Sweeps, leaked: Finding) -> None:
    contain(sweeps, containment(leak(), Contained.OFF))
    assert sweeps.ask("SELECT COUNT(*) FROM keys") == [(1,)]


@pytest.mark.parametrize(
    ("status", "after_hours", "is_asked"),
    [
        (Status.LIVE, 11, False),
        (Status.LIVE, 13, True),
        (Status.UNKNOWN, 13, True),
        (Status.WRONG_SECRET, 13, True),
        (Status.DEAD, 13, False),
        (Status.DEAD, 24 * 31, True),
        (Status.EXPIRED, 24 * 400, False),
        (Status.CANARY, 24 * 400, False),
    ],
)
def test_a_key_is_asked_about_again_when_the_answer_is_old(
    sweeps: Sweeps, leaked: Finding, status: Status, after_hours: int, is_asked: bool
) -> None:
    with sweeps.store.reading() as connection:
        assert keys_to_ask(connection, NOON) == [leaked.key_id]
    tell(sweeps, verdict(leaked, status))
    with sweeps.store.reading() as connection:
        assert keys_to_ask(connection, NOON + after_hours * HOUR) == ([leaked.key_id] if is_asked else [])


def test_bait_examples_and_what_stands_nowhere_are_never_asked_about(sweeps: Sweeps) -> None:
    bait, example, gone = replace(leak(), canary="Thinkst"), replace(leak(), placeholder="documented"), leak()
    sweeps.sweep({"app": [at(bait, "a"), at(example, "b"), at(gone, "c")]})
    sweeps.sweep({"app": [at(bait, "a"), at(example, "b")]})
    with sweeps.store.reading() as connection:
        assert keys_to_ask(connection, NOON) == []
    tell(sweeps, verdict(example, Status.DEAD), verdict(bait, Status.DEAD))
    told = {row[0]: row[1] for row in sweeps.ask("SELECT key_id, standing FROM leaks")}
    assert (told[key_of(bait)], told[key_of(example)]) == (Standing.CANARY, Standing.EXAMPLE)


def test_a_secret_is_read_again_once_where_a_ref_has_it_if_any(sweeps: Sweeps) -> None:
    split, elsewhere = leak(), Origin("keys/id.txt", Source.HISTORY, blob="f" * 40, members=("a", "b"))
    first, second, *others = split.parts
    split = replace(split, parts=(first, replace(second, origin=elsewhere), *others))
    run = sweeps.begin(["a", "b"])
    sweeps.record(run, "a", [at(split, "old.env", refs=())])
    sweeps.record(run, "b", [at(split, "new.env"), at(split, "more.env")])
    with sweeps.store.reading() as connection:
        (place,) = secret_places(connection, [key_of(split)])
    assert (place.identity, place.url) == ("git.example.net/repository/b", "https://git.example.net/b.git")
    assert (place.recorded.fingerprint, place.recorded.key_id) == (split.fingerprint, split.key_id)
    assert place.recorded.origin == Origin("new.env", Source.HISTORY, blob=split.origin.blob)
    assert place.recorded.further == (elsewhere,)


def test_a_secret_in_a_message_is_read_again_from_the_commit(sweeps: Sweeps) -> None:
    told = replace(leak(), origin=Origin("", Source.COMMIT_MESSAGE, commit="9" * 40))
    sweeps.sweep({"app": [at(told, "")]})
    with sweeps.store.reading() as connection:
        (place,) = secret_places(connection, [key_of(told)])
    assert place.recorded.origin == Origin("", Source.COMMIT_MESSAGE, commit="9" * 40)


def test_nothing_is_read_again_where_it_is_gone(sweeps: Sweeps, leaked: Finding) -> None:
    sweeps.sweep({"other": []})
    with sweeps.store.reading() as connection:
        assert list(secret_places(connection, [key_of(leaked)])) == []
