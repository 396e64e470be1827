"""One change of AWS between two lines of the journal: the only way in which anything is written or taken back."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from keysweep.aws.containment import changes
from keysweep.aws.containment.changes import Change
from keysweep.aws.containment.journal import Journal
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError, JournalError
from keysweep.frozen import fields, frozen


class Outcome(StrEnum):
    """What became of a change; the values are names that the journal uses."""

    MADE = "made"
    ALREADY = "already"
    """It was so before, and nothing was written."""
    CHANGED = "changed"
    """The thing is in another state than the one that the change begins with; nothing was written."""
    REFUSED = "refused"
    """AWS did not do it, and the state is as before."""
    UNKNOWN = "unknown"
    """Neither AWS's answer nor the state tells."""


@frozen
class Written:
    """A change and what became of it."""

    change: Change
    outcome: Outcome
    reason: str = ""
    request_id: str | None = None


class Run:
    """One run of `contain` or `undo`: its name, its journal, and the number of its next change."""

    def __init__(self, name: str, journal: Journal) -> None:
        """Numbers changes from 1."""
        self.name = name
        self.journal = journal
        self.head = ""
        """The hash of the newest line that this run wrote."""
        self.written: list[Written] = []
        """Every change with what became of it, as far as the run has come."""
        self._number = 0

    def note(self, event: str, **values: Any) -> None:
        """Add a line to the journal. Raises JournalError."""
        self.head = self.journal.append(event, self.name, **values)

    def make(self, change: Change, acting: Acting) -> Written:
        """Make a change, if the thing is in the state that it begins with.

        Raises JournalError where the journal cannot be written: if that is before the write, nothing is changed;
        if it is after it, the message says what has been.
        """
        return self._write(change, acting, changes.make, change.before, change.after, {})

    def take_back(self, change: Change, acting: Acting, run: str, number: int) -> Written:
        """Take back change `number` of an earlier `run`, if the thing is in the state in which that left it."""
        undoes = {"undoes": {"run": run, "change": number}}
        return self._write(change, acting, changes.take_back, change.after, change.before, undoes)

    def _write(
        self,
        change: Change,
        acting: Acting,
        write: Callable[[Any, Change], str],
        before: str,
        after: str,
        undoes: dict[str, Any],
    ) -> Written:
        iam = acting.client("iam")
        now = changes.state(iam, change)
        if now != before:
            already = now == after
            reason = f"it is {now} already" if already else f"it is {now}, and not {before}"
            self.written.append(Written(change, Outcome.ALREADY if already else Outcome.CHANGED, reason))
            return self.written[-1]
        self._number += 1
        what = {"change": self._number, **as_values(change), **undoes}
        self.note("intended", **what, acting_as=acting.arn)
        written, interrupt = _done(iam, change, write, before, after)
        self.written.append(written)
        try:
            self.note(
                written.outcome.value,
                change=self._number,
                key_id=change.key_id,
                **undoes,
                request_id=written.request_id,
                reason=written.reason,
            )
        except AwsError as error:
            told = f"{written.outcome.value}, request ID {written.request_id}" if written.request_id else "unknown"
            raise JournalError(
                f"{error} What became of the last change ({change.words}): {told}. Keep this."
            ) from error
        if interrupt:
            raise interrupt
        return written


def _done(
    iam: Any, change: Change, write: Callable[[Any, Change], str], before: str, after: str
) -> tuple[Written, KeyboardInterrupt | None]:
    """Write once; where AWS's answer does not tell what became of it, its state may.

    Ctrl-C ends the waiting, and is handed on once what became of the change is noted.
    """
    interrupt = None
    try:
        return Written(change, Outcome.MADE, request_id=write(iam, change)), None
    except AwsError as error:
        reason, request_id = str(error), error.request_id
    except KeyboardInterrupt as error:
        reason, request_id, interrupt = "Interrupted before AWS had answered.", None, error
    try:
        now = changes.state(iam, change)
    except AwsError as error:
        return Written(change, Outcome.UNKNOWN, f"{reason} {error}", request_id), interrupt
    if now == after:
        return Written(change, Outcome.MADE, f"{reason} It is {now} all the same.", request_id), interrupt
    outcome = Outcome.REFUSED if now == before and interrupt is None else Outcome.UNKNOWN
    return Written(change, outcome, reason, request_id), interrupt


def as_values(change: Change) -> dict[str, str]:
    """A change as the journal keeps it: what it takes to see its state and to take it back."""
    return {name: str(getattr(change, name)) for name in fields(Change)} | {"call": change.call}


def from_values(values: dict[str, Any]) -> Change:
    """The change in an entry. Raises KeyError for what is no such entry."""
    return Change(**{name: str(values[name]) for name in fields(Change)})
