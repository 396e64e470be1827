"""One change of AWS between two lines of the journal: the only way in which anything is written or taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from keysweep.aws.containment import changes
from keysweep.aws.containment.changes import Change, Made
from keysweep.aws.containment.journal import Journal
from keysweep.aws.containment.keys import ABSENT
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError, JournalError, SinkError
from keysweep.frozen import fields, frozen


class Outcome(StrEnum):
    """What became of a change; the values are names that the journal uses."""

    MADE = "made"
    ALREADY = "already"
    """It was so before, and nothing was written."""
    CHANGED = "changed"
    """The thing is in another state than the one that the change begins with; nothing was written."""
    REFUSED = "refused"
    """AWS said that it did not do it, and the state is as before."""
    UNKNOWN = "unknown"
    """Neither AWS's answer nor the state tells."""


@frozen
class Written:
    """A change and what became of it."""

    change: Change
    outcome: Outcome
    reason: str = ""
    request_id: str | None = None
    values: Mapping[str, str] = {}
    """What the journal has to know beside that."""


class Run:
    """One run: its name, its journal, and the number of its next change."""

    def __init__(self, name: str, journal: Journal, number: int = 0) -> None:
        """`number` is that of the last change of a run that is gone on with."""
        self.name = name
        self.journal = journal
        self.head = ""
        """The hash of the newest line that this run wrote."""
        self.written: list[Written] = []
        """Every change with what became of it, as far as the run has come."""
        self._number = number

    def note(self, event: str, **values: Any) -> None:
        """Add a line to the journal. Raises JournalError."""
        self.head = self.journal.append(event, self.name, **values)

    def make(self, change: Change, acting: Acting, write: Callable[[], Made] | None = None) -> Written:
        """Make a change, if the thing is in the state that it begins with; by `write` where that takes a secret.

        Raises JournalError where the journal cannot be written: if that is before the write, nothing is changed;
        if it is after it, the message says what has been.
        """
        wanted = write or (lambda: changes.make(acting, change))
        return self._write(change, acting, wanted, change.before, change.after, {})

    def take_back(self, change: Change, acting: Acting, run: str, number: int) -> Written:
        """Take back change `number` of an earlier `run`, if the thing is in the state in which that left it."""
        undoes = {"undoes": {"run": run, "change": number}}
        write = lambda: changes.take_back(acting, change)  # noqa: E731 - it is no more than its name says
        return self._write(change, acting, write, change.after, change.undone, undoes)

    def _write(
        self,
        change: Change,
        acting: Acting,
        write: Callable[[], Made],
        before: str,
        after: str,
        undoes: dict[str, Any],
    ) -> Written:
        now = changes.state(acting, change)
        if now != before:
            already = now == after
            reason = f"it is {now} already" if already else f"it is {now}, and not {before}"
            if now == ABSENT and not already:
                reason = f"{change.thing} of {change.subject} is gone: somebody has deleted it in the meantime"
            self.written.append(Written(change, Outcome.ALREADY if already else Outcome.CHANGED, reason))
            return self.written[-1]
        self._number += 1
        what = {"change": self._number, **as_values(change), **undoes}
        self.note("intended", **what, acting_as=acting.arn)
        written, interrupt = _done(acting, change, write, before, after)
        self.written.append(written)
        try:
            self.note(
                written.outcome.value,
                change=self._number,
                key_id=change.key_id,
                **undoes,
                request_id=written.request_id,
                reason=written.reason,
                **written.values,
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
    acting: Acting, change: Change, write: Callable[[], Made], before: str, after: str
) -> tuple[Written, KeyboardInterrupt | None]:
    """Write once; where AWS's answer does not tell what became of it, its state may.

    Ctrl-C ends the waiting, and is handed on once what became of the change is noted.
    """
    interrupt = None
    is_refused = is_repeated = False
    try:
        made = write()
        return Written(change, Outcome.MADE, request_id=made.request_id, values=made.values), None
    except AwsError as error:
        reason, request_id, is_repeated = str(error), error.request_id, error.is_repeated
        is_refused = isinstance(error, SinkError) or (error.code is not None and error.code not in _OF_AWS_ITSELF)
    except KeyboardInterrupt as error:
        reason, request_id, interrupt = "Interrupted before AWS had answered.", None, error
    if change.is_new and is_refused and not is_repeated:  # a key that is there all the same is somebody else's
        return Written(change, Outcome.REFUSED, reason, request_id), interrupt
    try:
        now = changes.state(acting, change)
    except AwsError as error:
        return Written(change, Outcome.UNKNOWN, f"{reason} {error}", request_id), interrupt
    if change.is_new and now != before:
        told = "A key is there: its answer with the secret was lost, or it is somebody else's."
        return Written(change, Outcome.UNKNOWN, f"{reason} {told}", request_id), interrupt
    if now == after != before:
        return Written(change, Outcome.MADE, f"{reason} It is {now} all the same.", request_id), interrupt
    if now == before and is_refused:
        return Written(change, Outcome.REFUSED, reason, request_id), interrupt
    # IAM may still show what was before: a change of which AWS said nothing can come out later.
    return Written(change, Outcome.UNKNOWN, f"{reason} IAM says that it is {now}.", request_id), interrupt


_OF_AWS_ITSELF = frozenset({"InternalFailure", "InternalError", "ServiceFailure", "ServiceUnavailable"})
"""Error codes that do not tell whether AWS did it."""


def as_values(change: Change) -> dict[str, str]:
    """A change as the journal keeps it: what it takes to see its state and to take it back."""
    return {name: str(getattr(change, name)) for name in fields(Change)} | {"call": change.call}


def from_values(values: dict[str, Any]) -> Change:
    """The change in an entry. Raises KeyError for what is no such entry."""
    return Change(**{name: str(values[name]) for name in fields(Change)})
