"""Decisions and their baseline: any sequence of deciding and undoing leaves what the decisions that hold say."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.errors import ConfigError, UsageError
from keysweep.suppress.baseline import Entry, check_writable, load, save, written
from keysweep.suppress.decisions import Choice, Decision, Decisions, last_of

PRINTS = [f"{number:032x}" for number in range(4)]


def entry(fingerprint: str, reason: str = "known", until: str | None = None) -> Entry:
    return Entry(fingerprint, "2026-11-27", "someone@example.net", reason, until)


ENTRIES = st.builds(
    entry,
    st.sampled_from(PRINTS),
    st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
    st.sampled_from([None, "2099-01-31"]),
)


def decided(choice: Choice, made: Entry) -> Decision:
    return Decision(made.fingerprint, choice, made if choice in (Choice.FALSE, Choice.UNTIL) else None)


DECISIONS = st.builds(decided, st.sampled_from(Choice), ENTRIES)
STEPS = st.lists(st.one_of(DECISIONS, st.none()), max_size=12)
"""None undoes."""


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".keysweep-baseline"


@given(st.lists(ENTRIES, max_size=3), STEPS, st.booleans())
def test_what_is_left_of_decisions_is_what_a_fresh_run_of_them_would_make(
    before: list[Entry], steps: list[Decision | None], has_file: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, other = Path(directory, "one"), Path(directory, "two")
        if has_file:
            for each in (path, other):
                save(each, {made.fingerprint: made for made in before}.values())
        decisions = Decisions(path)
        kept: list[Decision] = []
        for step in steps:
            if step is None:
                assert decisions.undo() == (kept.pop() if kept else None)
            else:
                assert decisions.decide(step)
                kept.append(step)
        assert decisions.made == tuple(kept)
        fresh = Decisions(other)
        for decision in kept:
            assert fresh.decide(decision)
        assert content(path) == content(other)
        for fingerprint in PRINTS:
            there = (load(path) if path.exists() else {}).get(fingerprint)
            assert there == decisions.entry(fingerprint)
        while decisions.undo():
            pass
        assert (content(path) is not None) == has_file
        assert set(os.listdir(directory)) <= {"one", "two"}


@given(st.lists(st.tuples(st.sampled_from(["decide", "undo", "other"]), DECISIONS, ENTRIES), max_size=12))
def test_what_others_write_meanwhile_is_never_lost_unseen(steps: list[tuple[str, Decision, Entry]]) -> None:
    """Of every entry the file has what they wrote last, unless somebody decided on it after it was shown."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "baseline")
        decisions = Decisions(path)
        theirs: dict[str, Entry] = {}
        for what, decision, written_by_them in steps:
            name = decision.fingerprint
            if what == "other":
                there = load(path) if path.exists() else {}
                if there.get(written_by_them.fingerprint) != written_by_them:  # or nobody could tell that they did
                    save(path, {**there, written_by_them.fingerprint: written_by_them}.values())
                    theirs[written_by_them.fingerprint] = written_by_them
            elif what == "undo":
                decisions.undo()
            elif decisions.decide(decision):
                shown_before = decisions.entry(name)
                if decision.choice is not Choice.SKIPPED:
                    theirs.pop(name, None)
                    assert shown_before == decision.entry
            else:
                assert decisions.entry(name) == (load(path) if path.exists() else {}).get(name)
                assert last_of(decisions.made, name) is None
            for fingerprint, made in theirs.items():
                assert load(path)[fingerprint] == made


def test_a_real_one_is_taken_out_of_the_baseline_and_undoing_puts_it_back(path: Path) -> None:
    save(path, [entry(PRINTS[0], "was thought to be dead")])
    before = path.read_bytes()
    decisions = Decisions(path)
    assert decisions.decide(Decision(PRINTS[0], Choice.REAL))
    assert load(path) == {}
    decisions.undo()
    assert path.read_bytes() == before


def test_nothing_is_written_where_a_decision_changes_nothing(path: Path) -> None:
    path.write_text("# a comment of somebody's\n" + written([entry(PRINTS[0])]))
    before = path.read_bytes()
    decisions = Decisions(path)
    decisions.decide(Decision(PRINTS[0], Choice.SKIPPED))
    decisions.decide(Decision(PRINTS[1], Choice.REAL))
    decisions.undo()
    assert path.read_bytes() == before


def test_a_file_that_gets_damaged_meanwhile_stops_a_decision_and_is_left_alone(path: Path) -> None:
    decisions = Decisions(path)
    path.write_text("<<<<<<< ours\n")
    with pytest.raises(ConfigError, match=":1 is the mark of a merge conflict"):
        decisions.decide(Decision(PRINTS[0], Choice.FALSE, entry(PRINTS[0])))
    assert path.read_text() == "<<<<<<< ours\n"
    assert decisions.made == ()
    path.unlink()
    assert decisions.decide(Decision(PRINTS[0], Choice.FALSE, entry(PRINTS[0])))


@pytest.mark.parametrize("name", ["nowhere/baseline", "file/baseline"])
def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_decided(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        check_writable(tmp_path / name)


def test_looking_whether_it_can_be_written_leaves_nothing(path: Path) -> None:
    check_writable(path)
    assert list(path.parent.iterdir()) == []


def test_an_interrupted_save_leaves_no_half_of_a_file(path: Path) -> None:
    def interrupted() -> Callable[[], None]:
        raise KeyboardInterrupt

    save(path, [entry(PRINTS[0])])
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        save(path, (interrupted() for _ in range(1)))  # type: ignore[misc]
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def _accept(path: Path, first: int) -> None:
    decisions = Decisions(path)
    for number in range(first, first + 25):
        made = entry(f"{number:032x}")
        assert decisions.decide(Decision(made.fingerprint, Choice.FALSE, made))


def test_two_who_decide_at_once_both_have_all_they_decided(path: Path) -> None:
    running = [multiprocessing.Process(target=_accept, args=(path, 100 * number)) for number in (1, 2)]
    for each in running:
        each.start()
    for each in running:
        each.join()
        assert each.exitcode == 0
    assert len(load(path)) == 50
