"""A run taken back: exactly what the journal says that it changed, where AWS still has it as the run left it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from keysweep.aws.containment import changes
from keysweep.aws.containment.changes import Change
from keysweep.aws.containment.journal import Entry
from keysweep.aws.containment.keys import ABSENT, ACTIVE
from keysweep.aws.containment.writing import Outcome, Run, Written, from_values
from keysweep.aws.responders import Acting, Responders
from keysweep.errors import AwsError, JournalError, UsageError
from keysweep.frozen import frozen, replace


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
    GONE = "deleted"
    """A later run deleted the key, and nobody can bring it back."""
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
    repetition_taken_back_by: str | None = None
    deleted_by: str | None = None
    """The later run that deleted the key."""


@frozen
class Restored:
    """What became of a step."""

    step: Step
    status: Restoring
    reason: str = ""
    written: Written | None = None


def steps(entries: Sequence[Entry], run: str) -> tuple[Step, ...]:
    """What `run` intended to change, the last first; keys of a rotation that it deleted itself are left out.

    Raises UsageError if the journal knows no such run, or it was an undo itself, or a key is gone for good.
    """
    own = [each for each in entries if each.run == run]
    if not own:
        raise UsageError(
            f"the journal of this machine knows no run {run}: `keysweep log` lists them; what was done elsewhere "
            "is taken back there."
        )
    if of := next((each.values.get("of") for each in own if each.values.get("command") == "undo"), None):
        raise UsageError(
            f"run {run} is itself an undo, of {of}: to have those keys off again, run `keysweep contain` again."
        )
    intended: dict[tuple[str, int], Change] = {}
    outcomes: dict[tuple[str, int], str] = {}
    taken_back: dict[tuple[str, int], str] = {}
    for each in entries:
        try:
            _note(each, intended, outcomes, taken_back)
        except (KeyError, TypeError, ValueError) as error:
            raise JournalError(f"line {each.number} of the journal is not as it was written: {error}.") from error
    names = list(intended)
    deleted = {
        (change.account, change.thing): name[0]
        for name, change in intended.items()
        if change.is_final and _MADE.get(outcomes.get(name, ""))
    }
    _refuse_what_is_over(run, [intended[name] for name in names if name[0] == run], deleted)
    found = []
    for place, name in enumerate(names):
        change = intended[name]
        deleted_by = deleted.get((change.account, change.thing))
        if name[0] != run or change.is_final or deleted_by == run:
            continue
        again = [
            later
            for later in names[place + 1 :]
            if _same(intended[later], intended[name]) and _MADE.get(outcomes.get(later, ""))
        ]
        if again and again[-1][0] == run:  # tried once more by the run itself
            continue
        found.append(
            Step(
                run,
                name[1],
                change,
                _MADE.get(outcomes.get(name, "")),
                taken_back.get(name),
                again[-1][0] if again else None,
                taken_back.get(again[-1]) if again else None,
                deleted_by,
            )
        )
    return tuple(reversed(found))


def _refuse_what_is_over(run: str, own: Sequence[Change], deleted: Mapping[tuple[str, str], str]) -> None:
    """Raise UsageError for a run that deleted keys, and for a rotation whose old key is deleted."""
    gone = [thing for (_, thing), by in deleted.items() if by == run]
    if gone and all(each.is_final for each in own):
        raise UsageError(
            f"run {run} deleted {', '.join(gone)}, and nobody can bring a key back: "
            "whatever needs one gets a new one with `keysweep rotate`, or in the AWS console."
        )
    for each in own:
        by = deleted.get((each.account, each.key_id))
        if each.action == "create-key" and by:
            raise UsageError(
                f"the rotation {run} is over: run {by} deleted {each.key_id}, and nobody can bring a key back."
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
    elif entry.event == "never-made":
        outcomes[name] = Outcome.REFUSED.value
    elif entry.event in set(Outcome):
        outcomes[name] = Outcome.UNKNOWN.value if entry.values.get("guessed") else entry.event
        if created := entry.values.get("created"):
            intended[name] = replace(intended[name], thing=str(created))


def _same(one: Change, other: Change) -> bool:
    return (one.action, one.account, one.subject, one.thing) == (
        other.action,
        other.account,
        other.subject,
        other.thing,
    )


def allowed_in(entries: Iterable[Entry], run: str) -> frozenset[str]:
    """The accounts in which `run` was allowed to act: where it was, taking back what it did is."""
    begun = (each.values for each in entries if each.run == run and each.event == "begun")
    named = next((values.get("allow_accounts") for values in begun), None)
    return frozenset(each for each in named if isinstance(each, str)) if isinstance(named, list) else frozenset()


def ends_here(restored: Restored, todo: Iterable[Step]) -> bool:
    """Whether the rest must be left: a rotation goes back step by step, or nobody has a key that works."""
    is_rotation = any(each.change.action == "create-key" for each in todo)
    return is_rotation and restored.status not in (Restoring.RESTORED, Restoring.ALREADY, Restoring.NEVER_MADE)


def plan(todo: Iterable[Step], responders: Responders, allowed: frozenset[str]) -> Iterator[Restored]:
    """What `take_back` would do, from the state in which AWS has everything now."""
    revived: set[str] = set()
    for step in todo:
        settled = _without_asking(step, allowed)
        if settled:
            yield settled
            continue
        try:
            acting = responders.in_account(step.change.account, step.change.partition)
            step = replace(step, change=changes.named(acting, step.change))
            foreseen = _foreseen(step, changes.state(acting, step.change))
            if step.change.action == "deactivate-key" and foreseen.status is Restoring.PLANNED:
                revived.add(step.change.thing)
            yield (_of_no_use(step, acting, revived) if foreseen.status is Restoring.PLANNED else None) or foreseen
        except AwsError as error:
            yield Restored(step, Restoring.FAILED, str(error))


def take_back(
    todo: Iterable[Step],
    responders: Responders,
    allowed: frozenset[str],
    run: Run,
    confirmed: Callable[[Step], bool],
) -> Iterator[Restored]:
    """Take every step back; `confirmed` is asked about those of which the journal does not tell the outcome.

    Raises JournalError where the journal cannot be written, and hands Ctrl-C on, once it has told how far it came.
    """
    for step in todo:
        settled = _without_asking(step, allowed)
        if settled:
            yield settled
            continue
        so_far = len(run.written)
        try:
            yield _taken_back(step, responders, run, confirmed)
        except (JournalError, KeyboardInterrupt) as error:
            yield _cut_off(step, run.written[so_far:], str(error) or "interrupted")
            raise
        except AwsError as error:
            run.note("failed", key_id=step.change.key_id, reason=str(error))
            yield Restored(step, Restoring.FAILED, str(error))


def _taken_back(step: Step, responders: Responders, run: Run, confirmed: Callable[[Step], bool]) -> Restored:
    acting = responders.in_account(step.change.account, step.change.partition)
    if step.is_made is None:
        step = replace(step, change=changes.named(acting, step.change))
        foreseen = _foreseen(step, changes.state(acting, step.change))
        if foreseen.status is Restoring.NEVER_MADE:
            _settle(step, run, Restoring.NEVER_MADE.value, foreseen.reason)
        if foreseen.status is not Restoring.UNCONFIRMED or not confirmed(step):
            return foreseen
    revived = {
        each.change.thing
        for each in run.written
        if each.change.action == "deactivate-key" and each.outcome in (Outcome.MADE, Outcome.ALREADY)
    }
    if (refused := _of_no_use(step, acting, revived)) is not None:
        return refused
    written = run.take_back(step.change, acting, step.run, step.number)
    if written.outcome is Outcome.ALREADY:
        _settle(step, run, Outcome.ALREADY.value, written.reason)
    return Restored(step, _STATUSES[written.outcome], written.reason, written)


def _of_no_use(step: Step, acting: Acting, revived: Container[str]) -> Restored | None:
    """Why a place is not given its old key again: that is off or gone, and the new one the last that works.

    IAM may still call keys off that were `revived` just now. None where nothing speaks against it.
    """
    change = step.change
    if change.action != "hand-over" or change.key_id in revived:
        return None
    now = changes.state(
        acting, changes.deactivate_key(change.account, change.partition, change.key_id, change.subject)
    )
    if now == ACTIVE:
        return None
    told = f"{change.key_id} is {'deleted' if now == ABSENT else 'switched off, and not by this run'}"
    do = (
        ""
        if now == ABSENT
        else "; switch it on first (`keysweep log` names the run, if it was keysweep's) and undo again"
    )
    return Restored(step, Restoring.CHANGED, f"{told}, so whatever reads {change.thing} would stand still{do}")


_STATUSES = {
    Outcome.MADE: Restoring.RESTORED,
    Outcome.ALREADY: Restoring.ALREADY,
    Outcome.CHANGED: Restoring.CHANGED,
    Outcome.REFUSED: Restoring.FAILED,
    Outcome.UNKNOWN: Restoring.UNKNOWN,
}


def _settle(step: Step, run: Run, event: str, reason: str) -> None:
    """Note what became of a change of which no line says it, or `keysweep log` would ask for ever."""
    undoes = {"run": step.run, "change": step.number}
    run.note(event, key_id=step.change.key_id, undoes=undoes, reason=reason)


def _cut_off(step: Step, written: Sequence[Written], why: str) -> Restored:
    """What is known of a step in the midst of which the run ended."""
    if not written:
        return Restored(step, Restoring.PLANNED, f"{why}, before anything was changed")
    return Restored(step, _STATUSES[written[-1].outcome], why, written[-1])


def _without_asking(step: Step, allowed: frozenset[str]) -> Restored | None:
    account = step.change.account
    if account not in allowed:
        return Restored(
            step, Restoring.FAILED, f"account {account} is not on the allow-list: --allow-account adds it"
        )
    if step.taken_back_by:
        return Restored(step, Restoring.ALREADY, f"run {step.taken_back_by} took it back")
    if step.deleted_by:
        return Restored(step, Restoring.GONE, f"run {step.deleted_by} deleted it, and nobody can bring a key back")
    if step.repetition_taken_back_by:
        told = f"run {step.repeated_by} did the same again, and run {step.repetition_taken_back_by} took that back"
        return Restored(step, Restoring.ALREADY, told)
    if step.repeated_by:
        return Restored(step, Restoring.CHANGED, f"run {step.repeated_by} did the same again: undo that one")
    if step.is_made is False:
        return Restored(step, Restoring.NEVER_MADE, "AWS refused it")
    return None


def _foreseen(step: Step, now: str) -> Restored:
    change = step.change
    if now in (change.before, change.undone):
        status = Restoring.NEVER_MADE if step.is_made is None else Restoring.ALREADY
        return Restored(step, status, f"it is {now}")
    if now != change.after:
        return Restored(step, Restoring.CHANGED, f"the run left it {change.after}, and it is {now}")
    if step.is_made is None:
        what = change.thing if change.is_new else "it"
        told = f"the run did not note what became of it; {what} is {now}, which others may have done"
        return Restored(step, Restoring.UNCONFIRMED, told)
    return Restored(step, Restoring.PLANNED, f"it is {now}, as the run left it")
