"""What the journal tells reports of each key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keysweep.aws.containment.changes import Change, create_key, deactivate_key, delete_key, hand_over, quarantine
from keysweep.aws.containment.journal import Journal
from keysweep.aws.containment.told import containments
from keysweep.aws.containment.writing import as_values
from keysweep.aws.sinks.interface import Held, Place
from keysweep.verdicts import Contained

ACCOUNT, KEY_ID = "111122223333", "AKIAQNZGKIQYZZZZZZZZ"
OFF = deactivate_key(ACCOUNT, "aws", KEY_ID, "ci")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def change(journal: Journal, outcome: str | None, of: Change = OFF, run: str = "run-a", **more: Any) -> None:
    journal.append("begun", run, operator=f"arn:of:{run}")
    journal.append("intended", run, change=1, **as_values(of), **more)
    if outcome:
        journal.append(outcome, run, change=1, key_id=KEY_ID, reason="", **more)


def told(journal: Journal) -> Contained | None:
    known = containments(journal.read()).get(KEY_ID)
    return known.state if known else None


def test_a_key_that_was_switched_off_is_off_since_then_and_by_whom(journal: Journal) -> None:
    change(journal, "made")
    journal.append("propagated", "run-a", key_id=KEY_ID, reason="AWS refuses it since 4 s")
    known = containments(journal.read())[KEY_ID]
    assert (known.state, known.run, known.operator) == (Contained.OFF, "run-a", "arn:of:run-a")
    assert known.reason == "AWS refuses it since 4 s"
    assert known.when is not None


@pytest.mark.parametrize("outcome", [None, "unknown", "refused"])
def test_without_a_good_outcome_nobody_knows(journal: Journal, outcome: str | None) -> None:
    change(journal, outcome)
    assert told(journal) is Contained.UNKNOWN


def test_an_undo_takes_it_back_and_another_run_switches_it_off_again(journal: Journal) -> None:
    change(journal, "made")
    change(journal, "made", run="run-b", undoes={"run": "run-a", "change": 1})
    assert told(journal) is Contained.UNDONE
    change(journal, "made", run="run-c")
    assert told(journal) is Contained.OFF


def test_an_undo_that_aws_refused_leaves_it_off(journal: Journal) -> None:
    change(journal, "made")
    journal.append("refused", "run-b", key_id=KEY_ID, undoes={"run": "run-a", "change": 1})
    assert told(journal) is Contained.OFF


def test_what_was_settled_as_never_made_was_never_done(journal: Journal) -> None:
    change(journal, "unknown")
    journal.append("never-made", "run-b", key_id=KEY_ID, undoes={"run": "run-a", "change": 1})
    assert told(journal) is None


def test_what_an_undo_found_restored_already_is_undone(journal: Journal) -> None:
    change(journal, "made")
    journal.append("already", "run-b", key_id=KEY_ID, undoes={"run": "run-a", "change": 1})
    assert told(journal) is Contained.UNDONE


def test_a_quarantine_alone_does_not_switch_off(journal: Journal) -> None:
    change(journal, "made", quarantine(ACCOUNT, "aws", KEY_ID, "ci"))
    assert told(journal) is Contained.LIMITED
    change(journal, "made", run="run-b")
    change(journal, "made", quarantine(ACCOUNT, "aws", KEY_ID, "ci"), run="run-c")
    assert told(journal) is Contained.OFF


def test_a_line_that_was_changed_is_passed_over(journal: Journal) -> None:
    change(journal, "made")
    content = journal.path.read_bytes()
    journal.path.write_bytes(content.replace(b'"event": "intended"', b'"event": "intendeD"'))
    assert told(journal) is None


@pytest.mark.parametrize("outcome", [None, "refused"])
def test_a_key_is_as_off_after_a_deletion_whatever_came_of_it(journal: Journal, outcome: str | None) -> None:
    change(journal, "made")
    change(journal, outcome, of=delete_key(ACCOUNT, "aws", KEY_ID, "ci", "Inactive"), run="run-b")
    assert told(journal) is Contained.OFF
    change(journal, "made", of=delete_key(ACCOUNT, "aws", KEY_ID, "ci", "Inactive"), run="run-c")
    assert told(journal) is Contained.OFF


def test_what_a_rotation_does_for_a_key_does_not_contain_it(journal: Journal) -> None:
    change(journal, "made", of=create_key(ACCOUNT, "aws", KEY_ID, "ci", [KEY_ID]))
    place = Place("ssm", "/ci/key")
    change(
        journal, "refused", of=hand_over(ACCOUNT, "aws", KEY_ID, "ci", place, Held(KEY_ID), "AKIANEW"), run="run-b"
    )
    assert told(journal) is None
