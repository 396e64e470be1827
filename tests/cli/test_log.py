"""`keysweep log` for a person: one heading for each run, every word of it safe to print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from keysweep.aws.containment.changes import deactivate_key
from keysweep.aws.containment.journal import Journal
from keysweep.aws.containment.writing import as_values
from keysweep.cli.log import log

ACCOUNT, KEY_ID = "111122223333", "AKIAQNZGKIQYZZZZZZZZ"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("KEYSWEEP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    return Journal(tmp_path / "state")


def intend(journal: Journal, run: str, number: int = 1, **more: Any) -> None:
    change = deactivate_key(ACCOUNT, "aws", KEY_ID, "ci")
    journal.append("intended", run, change=number, **as_values(change), acting_as="arn:of:a:role", **more)


def shown(*arguments: str) -> Sequence[str]:
    """Lines without their wrapping."""
    return CliRunner().invoke(log, arguments, standalone_mode=False).stdout.splitlines()


def test_runs_at_the_same_time_are_told_one_after_the_other(journal: Journal) -> None:
    for run in ("run-a", "run-b"):
        journal.append("begun", run, command="contain", operator="arn:of:oncall", local_user="ada@desk")
    for run in ("run-a", "run-b"):
        intend(journal, run)
        journal.append("made", run, change=1, key_id=KEY_ID, request_id=f"request-of-{run}")
    journal.append("ended", "run-a", keys=1)
    lines = shown()
    headings = [number for number, line in enumerate(lines) if line.startswith("Run ")]
    assert [lines[number] for number in headings] == ["Run run-a: contain", "Run run-b: contain"]
    first, second = "\n".join(lines[: headings[1]]), "\n".join(lines[headings[1] :])
    assert "request-of-run-a" in first
    assert "request-of-run-b" in second
    assert "arn:of:oncall (at the machine: ada@desk)" in first
    assert "its end is not in the journal" in second
    assert "its end is not in the journal" not in first


def test_an_undo_names_the_run_that_it_takes_back(journal: Journal) -> None:
    journal.append("begun", "run-b", command="undo", of="run-a")
    intend(journal, "run-b", undoes={"run": "run-a", "change": 1})
    lines = shown()
    assert lines[0] == "Run run-b: undo of run-a"
    assert any(line.endswith(f"take back: switch {KEY_ID} of user ci off") for line in lines)
    assert any("see `keysweep undo run-a --dry-run`" in line for line in lines)


def test_what_was_changed_stands_where_it_was_with_a_warning(journal: Journal) -> None:
    journal.append("begun", "run-a", command="contain")
    journal.append("made", "run-a", change=1, key_id=KEY_ID, request_id="one")
    journal.append("ended", "run-a")
    content = journal.path.read_bytes()
    journal.path.write_bytes(content.replace(b'"one"', b'"two"') + b"nonsense\n")
    text = "\n".join(shown())
    assert "line 3: NOT TO BE TRUSTED" in text
    assert text.index("Lines of no run") < text.index("line 4: NOT TO BE TRUSTED")


def test_no_line_breaks_what_is_shown(journal: Journal) -> None:
    odd: list[dict[str, Any]] = [
        {"reason": "\x1b[2J\u202e\ud800"},
        {"change": []},
        {"undoes": 5},
        {"undoes": {"run": [], "change": {}}},
        {"allow_accounts": "x"},
    ]
    for values in odd:
        for event in ("begun", "intended", "made", "trail", "odd", "ended", "\x1b[1m"):
            journal.append(event, "run\x1b[0m", **values)
    text = "\n".join(shown())
    assert "Run run\\x1b[0m" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_change_of_which_aws_said_nothing_is_open_until_it_is_made_again(journal: Journal) -> None:
    journal.append("begun", "run-a", command="contain")
    intend(journal, "run-a")
    journal.append("unknown", "run-a", change=1, key_id=KEY_ID, reason="AWS was silent.")
    assert any("OUTCOME UNKNOWN" in line for line in shown())
    intend(journal, "run-b")
    journal.append("made", "run-b", change=1, key_id=KEY_ID, request_id="one")
    assert not any("OUTCOME UNKNOWN" in line for line in shown())
