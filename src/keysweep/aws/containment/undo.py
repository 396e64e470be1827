"""A run taken back: exactly what the journal says that it changed, where AWS still has it as the run left it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from keysweep.aws.containment import changes
from keysweep.aws.containment.changes import Change
from keysweep.aws.containment.journal import Entry
from keysweep.aws.containment.writing import Outcome, Run, Written, from_values
from keysweep.aws.responders import Responders
from keysweep.errors import AwsError, JournalError, UsageError
from keysweep.frozen import frozen


class Restoring(StrEnum):
    """What became of taking one change back; the values are the `status` that scripts read."""

    PLANNED = "planned"
    RESTORED = "restored"
    ALREADY = "already-restored"
    """The journal or AWS says that it is taken back."""
    NEVER_MADE = "never-made"
    """The run wanted to and AWS did not do it."""
    CHANGED = "changed-since"
    """AWS has it in another state than the run left it in; it is left alone."""
    UNCONFIRMED = "unconfirmed"
    """The journal does not say whether the run did it, and nobody confirmed that it is to be taken back."""
    FAILED = "failed"
    UNKNOWN = "unknown"


@frozen
class Step:
    """One change of the run."""

    run: str
    number: int
    change: Change
    is_made: bool | None
    """What the journal says; None for an intention without an outcome."""
    taken_back_by: str | None = None
    repeated_by: str | None = None
    """The later run that did the same again, so that it is that one's to take back."""


@frozen
class Restored:
    """What became of a step."""

    step: Step
    status: Restoring
    reason: str = ""
    written: Written | None = None


def steps(entries: Sequence[Entry], run: str) -> tuple[Step, ...]:
    """What `run` intended to change, the last first. Raises UsageError if the journal knows no such run."""
    if not any(each.run == run for each in entries):
        raise UsageError(f"the journal knows no run {run}: `keysweep log` lists them.")
    intended: dict[tuple[str, int], Change] = {}
    outcomes: dict[tuple[str, int], str] = {}
    taken_back: dict[tuple[str, int], str] = {}
    for each in entries:
        try:
            _note(each, intended, outcomes, taken_back)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(f"line {each.number} of the journal is not as it was written: {error}.") from error
    names = list(intended)
    return tuple(
        Step(
            run,
            name[1],
            intended[name],
            _MADE.get(outcomes.get(name, "")),
            taken_back.get(name),
            next(
                (
                    later[0]
                    for later in names[names.index(name) + 1 :]
                    if _same(intended[later], intended[name]) and _MADE.get(outcomes.get(later, ""))
                ),
                None,
            ),
        )
        for name in reversed(names)
        if name[0] == run
    )


_MADE = {Outcome.MADE.value: True, Outcome.REFUSED.value: False}


def _note(
    entry: Entry,
    intended: dict[tuple[str, int], Change],
    outcomes: dict[tuple[str, int], str],
    taken_back: dict[tuple[str, int], str],
) -> None:
    """What one line of the journal says of changes; KeyError, TypeError or ValueError for what is none."""
    if "change" not in entry.values:
        return
    undoes = entry.values.get("undoes")
    if undoes is not None:
        if entry.event == Outcome.MADE:
            taken_back[str(undoes["run"]), int(undoes["change"])] = entry.run
        return
    name = entry.run, int(entry.values["change"])
    if entry.event == "intended":
        intended[name] = from_values(entry.values)
    elif entry.event in set(Outcome):
        outcomes[name] = entry.event


def _same(one: Change, other: Change) -> bool:
    return (one.action, one.account, one.subject, one.thing) == (
        other.action,
        other.account,
        other.subject,
        other.thing,
    )


def plan(todo: Iterable[Step], responders: Responders) -> Iterator[Restored]:
    """What `take_back` would do, from the state in which AWS has everything now."""
    for step in todo:
        settled = _without_asking(step)
        if settled:
            yield settled
            continue
        try:
            acting = responders.in_account(step.change.account, step.change.partition)
            yield _foreseen(step, changes.state(acting.client("iam"), step.change))
        except AwsError as error:
            yield Restored(step, Restoring.FAILED, str(error))


def take_back(
    todo: Iterable[Step], responders: Responders, run: Run, confirmed: Callable[[Step], bool]
) -> Iterator[Restored]:
    """Take every step back; `confirmed` is asked about those of which the journal does not tell the outcome.

    Raises JournalError, and stops, where the journal cannot be written.
    """
    for step in todo:
        settled = _without_asking(step)
        if settled:
            yield settled
            continue
        try:
            yield _taken_back(step, responders, run, confirmed)
        except JournalError:
            raise
        except AwsError as error:
            run.note("failed", key_id=step.change.key_id, reason=str(error))
            yield Restored(step, Restoring.FAILED, str(error))


def _taken_back(step: Step, responders: Responders, run: Run, confirmed: Callable[[Step], bool]) -> Restored:
    acting = responders.in_account(step.change.account, step.change.partition)
    if step.is_made is None:
        foreseen = _foreseen(step, changes.state(acting.client("iam"), step.change))
        if foreseen.status is not Restoring.UNCONFIRMED or not confirmed(step):
            return foreseen
    written = run.take_back(step.change, acting, step.run, step.number)
    statuses = {
        Outcome.MADE: Restoring.RESTORED,
        Outcome.ALREADY: Restoring.ALREADY,
        Outcome.CHANGED: Restoring.CHANGED,
        Outcome.REFUSED: Restoring.FAILED,
        Outcome.UNKNOWN: Restoring.UNKNOWN,
    }
    return Restored(step, statuses[written.outcome], written.reason, written)


def _without_asking(step: Step) -> Restored | None:
    if step.taken_back_by:
        return Restored(step, Restoring.ALREADY, f"run {step.taken_back_by} took it back")
    if step.repeated_by:
        return Restored(step, Restoring.CHANGED, f"run {step.repeated_by} did the same again: undo that one")
    if step.is_made is False:
        return Restored(step, Restoring.NEVER_MADE, "AWS refused it")
    return None


def _foreseen(step: Step, now: str) -> Restored:
    change = step.change
    if now == change.before:
        status = Restoring.NEVER_MADE if step.is_made is None else Restoring.ALREADY
        return Restored(step, status, f"it is {now}")
    if now != change.after:
        return Restored(step, Restoring.CHANGED, f"the run left it {change.after}, and it is {now}")
    if step.is_made is None:
        told = f"the run was cut off before it noted what became of it; it is {now}, which others may have done"
        return Restored(step, Restoring.UNCONFIRMED, told)
    return Restored(step, Restoring.PLANNED, f"it is {now}, as the run left it")
