"""A rotation looked at and carried out, for `keysweep rotate`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from keysweep.cli import rotate_shown
from keysweep.cli.acting import Confirmation, circumstances, watch
from keysweep.cli.interrupt import ENDINGS, CtrlC, be_patient
from keysweep.cli.output import abandon
from keysweep.errors import AwsError, JournalError
from keysweep.frozen import frozen, replace
from keysweep.report.style import Style

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.items import Item
    from keysweep.aws.containment.journal import Journal
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.containment.writing import Run
    from keysweep.aws.mandate import Mandate
    from keysweep.aws.responders import Acting
    from keysweep.aws.rotation.run import Told
    from keysweep.aws.rotation.stages import Rotation
    from keysweep.aws.sinks.interface import Held, Place, Sink

_LONGEST_PAUSE_SECONDS = 300.0
"""Between two looks at IAM, whose last uses are hours late anyway."""


@frozen
class Work:
    """All that a run of the command works with."""

    key_id: str
    before: Rotation | None
    place: Place
    quiet: timedelta
    mandate: Mandate
    journal: Journal
    responders: Any
    endpoint: str | None
    command: Callable[..., str]


@frozen
class _Known:
    """What was looked up before anything is done."""

    item: Item
    lookups: Lookups
    held: Held | None = None

    @property
    def acting(self) -> Acting:
        """Who acts in the account, asked anew because a session may have ended."""
        assert self.item.account
        return self.lookups.acting(self.item.target, self.item.account)


def _looked_up(work: Work) -> _Known:
    """The key, its user, and the place, with what stops a rotation."""
    from keysweep.aws import sinks
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.rotation.judging import judged, third_key, unfit, unready
    from keysweep.cli.rotating import keys

    lookups = Lookups(work.responders, work.mandate, endpoint=work.endpoint)
    (target,) = keys([work.key_id], work.before.partition if work.before else work.mandate.partitions[0])
    item = judged(target, lookups, work.mandate, datetime.now(UTC))
    refusal = item.refusal or third_key(item, work.before)
    held = None
    if refusal is None and item.acting and not (work.before and work.before.handed):
        new = work.before.new if work.before else ""
        try:
            sink = sinks.opened(work.place, item.acting)
            held, refusal = unfit(sink, work.place, work.key_id, new)
            refusal = refusal or unready(sink)
        except AwsError as error:
            from keysweep.aws.containment.refusals import refuse

            refusal = refuse("unreachable", str(error), account=item.account or "ID")
    return _Known(replace(item, refusal=refusal), lookups, held)


def planned(work: Work) -> rotate_shown.Report:
    """What `--apply` would do, or what is awaited; nothing is changed."""
    from keysweep.aws import sinks
    from keysweep.aws.rotation.run import Standing
    from keysweep.aws.rotation.waiting import awaited

    known = _looked_up(work)
    report = rotate_shown.Report(
        known.item, work.place, known.held, rotation=work.before, quiet=work.quiet, standing=Standing.PLANNED
    )
    if known.item.refusal:
        return replace(report, standing=Standing.REFUSED)
    if work.before and work.before.handed:
        before = replace(work.before, quiet=work.quiet)
        if not (known.item.owner and known.item.owner.is_active):
            return _off(report, before, known)
        try:
            awaits = awaited(before, known.acting, sinks.opened(work.place, known.acting))
        except AwsError as error:
            return replace(report, standing=Standing.FAILED, error=error)
        return replace(report, awaits=awaits, standing=Standing.WAITING if awaits else Standing.PLANNED)
    return report


def _off(report: rotate_shown.Report, rotation: Rotation, known: _Known) -> rotate_shown.Report:
    """The report of a rotation whose old key is off."""
    from keysweep.aws.rotation.run import Standing
    from keysweep.aws.rotation.waiting import unusable

    try:
        awaits = unusable(rotation, known.acting)
    except AwsError as error:
        return replace(report, standing=Standing.FAILED, error=error)
    return replace(report, awaits=awaits, standing=Standing.WAITING if awaits else Standing.ROTATED)


def carried_out(work: Work, confirmed: Sequence[str], waits: bool) -> rotate_shown.Report:
    """Look, and do what can be done, with nobody else at the same rotation."""
    from filelock import FileLock, Timeout

    work.journal.prepare()
    lock = FileLock(work.journal.directory / f"rotation-{work.key_id}.lock", timeout=0)
    try:
        with lock:
            # What the journal said before the lock was ours may be old.
            return _locked(replace(work, before=_again(work)), confirmed, waits)
    except Timeout as error:
        raise JournalError(f"another keysweep is rotating {work.key_id}: wait until it has ended.") from error


def _again(work: Work) -> Rotation | None:
    from keysweep.aws.rotation.stages import of_key, rotations

    known = rotations(work.journal.read())
    return known[work.before.run] if work.before else of_key(known.values(), work.key_id)


def _locked(work: Work, confirmed: Sequence[str], waits: bool) -> rotate_shown.Report:
    from keysweep.aws.containment.refusals import refuse
    from keysweep.aws.containment.run import new_name
    from keysweep.aws.containment.writing import Run
    from keysweep.aws.rotation.run import Standing

    known = _looked_up(work)
    report = rotate_shown.Report(known.item, work.place, known.held, rotation=work.before, quiet=work.quiet)
    if known.item.refusal:
        return replace(report, standing=Standing.REFUSED)
    is_agreed = _Agreement(Confirmation(confirmed, is_auto=False))
    try:
        agrees = work.before is not None or is_agreed(work.key_id, rotate_shown.about(report, Style()))
    except KeyboardInterrupt:
        return replace(report, is_interrupted=True)
    if not agrees:
        return replace(report, standing=Standing.REFUSED, refusal=refuse("unconfirmed", keyid=work.key_id))
    name = work.before.run if work.before else new_name(datetime.now(UTC))
    run = Run(name, work.journal, work.before.number if work.before else 0)
    report = replace(
        report,
        run=name,
        go_on=work.command(name, "rotate", "--apply", "--resume"),
        undo=work.command(name, "undo"),
        journal=work.journal.path,
    )
    told: Told | None = None
    error: AwsError | None = None
    is_interrupted = False
    be_patient(*ENDINGS)
    try:
        rotation = _begun(work, known, run)
        watch(f"run {name}, journal {work.journal.path}")
        told = _gone_on(rotation, work, known, run, is_agreed, waits)
        if told and told.standing is Standing.ROTATED:
            run.note("ended", key_id=work.key_id)
        elif told:
            run.note(
                "waits" if told.awaits else "stopped",
                key_id=work.key_id,
                reason="; ".join(told.awaits) or told.reason,
            )
    except AwsError as failure:
        error = failure
        with suppress(JournalError):  # the report is what matters now
            run.note("stopped", key_id=work.key_id, reason=str(failure))
    except KeyboardInterrupt:
        is_interrupted = True
    known_now = told.rotation if told else _again(replace(work, before=None)) or work.before
    ended = Standing.FAILED
    if is_interrupted:
        ended = Standing.WAITING if known_now and known_now.handed else Standing.UNKNOWN
    return replace(
        report,
        rotation=known_now,
        standing=told.standing if told else ended,
        reason=told.reason if told else "",
        refusal=told.refusal if told else None,
        awaits=told.awaits if told else (),
        written=tuple(run.written),
        head=run.head,
        error=error,
        is_interrupted=is_interrupted,
    )


def _begun(work: Work, known: _Known, run: Run) -> Rotation:
    """Note who begins, or goes on, before anything is done."""
    from keysweep.aws.rotation.stages import Rotation

    owner = known.item.owner
    assert owner
    acting = known.acting
    hours = work.quiet.total_seconds() / 3600
    where = {"sink": str(work.place), "region": work.place.region, "file": work.place.file, "quiet_hours": hours}
    who = circumstances(work.responders.operator(acting.partition.name).arn, work.mandate, work.endpoint)
    if work.before:
        reason = f" by {who['operator']}" if who["operator"] else ""
        run.note("resumed", key_id=work.key_id, **where, reason=reason, operator=who["operator"])
        moved = work.place != work.before.place
        handing = None if moved else work.before.handing
        return replace(work.before, place=work.place, quiet=work.quiet, handing=handing)
    begun = Rotation(
        run.name,
        work.key_id,
        acting.account,
        acting.partition.name,
        owner.user,
        work.place,
        work.quiet,
    )
    names = {name: getattr(begun, name) for name in ("key_id", "account", "partition", "user")}
    run.note("begun", command="rotate", **names, **where, **who)
    return begun


class _Agreement:
    """Asks a person to type a key ID, once for each."""

    def __init__(self, confirm: Confirmation) -> None:
        self._confirm = confirm
        self._agreed: set[str] = set()

    def __call__(self, name: str, lines: Sequence[str]) -> bool:
        """Whether somebody typed `name`, after reading `lines`."""
        prompt = "Type the key ID to do that, or anything else to leave it"
        safe = [Style().safe(line) for line in lines]
        if name not in self._agreed and self._confirm.is_asked(name, safe, prompt):
            self._agreed.add(name)
        return name in self._agreed


def _gone_on(rotation: Rotation, work: Work, known: _Known, run: Run, is_agreed: _Agreement, waits: bool) -> Told:
    """What came of it, after one look or, where that is wanted, as many as it takes."""
    from keysweep.aws import sinks
    from keysweep.aws.rotation.run import Means, Standing, go_on
    from keysweep.aws.signing import Caller

    caller = Caller(work.endpoint, connections=1)
    pause = 1.0
    while True:
        acting = known.acting
        sink: Sink = sinks.opened(work.place, acting, _show)
        means = Means(run, acting, sink, caller, is_agreed, lambda: CtrlC(*ENDINGS), watch)
        told = go_on(rotation, means)
        if told.standing is not Standing.WAITING or not waits:
            caller.close()
            return told
        for each in told.awaits:
            watch(f"waits: {each}")
        time.sleep(pause)
        pause, rotation = min(pause * 2, _LONGEST_PAUSE_SECONDS), told.rotation


def _show(line: str) -> None:
    """Print the new key, whole; OSError where that fails."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        abandon(sys.stdout)
        raise
