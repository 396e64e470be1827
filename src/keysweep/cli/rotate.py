"""`keysweep rotate`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import click

from keysweep.cli import rotate_shown
from keysweep.cli.acting import Confirmation, circumstances, watch
from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.cli.operator import allow_account, aws_endpoint, command, mandate_of, policy_file, profile
from keysweep.cli.output import print_report
from keysweep.errors import AwsError, JournalError, UsageError
from keysweep.frozen import frozen, replace
from keysweep.report.style import Style, complaint

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


@click.command()
@click.argument("key_id", required=False, metavar="[KEYID]")
@click.option(
    "--to",
    "sink",
    metavar="PLACE",
    help="Where the new key goes: secretsmanager:NAME, ssm:NAME, profile:NAME of the credentials file, or stdout.",
)
@click.option("--region", metavar="REGION", help="Where that secret or parameter is.  [default: the main region]")
@click.option("--apply", "applies", is_flag=True, help="Do what can be done now; you are asked first.")
@click.option("--resume", metavar="RUN", help="Go on with this rotation; naming its key does the same.")
@click.option(
    "--quiet-hours",
    type=click.FloatRange(0, 24 * 365),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="How long the old key has to be unused, after the new one was handed over, before it is switched off.",
)
@click.option("--wait", "waits", is_flag=True, help="Keep looking until the old key can be switched off.")
@click.option("--confirm", "confirmed", multiple=True, metavar="KEYID", help="Say yes beforehand; repeatable.")
@allow_account
@policy_file
@profile
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def rotate(
    key_id: str | None,
    sink: str | None,
    region: str | None,
    applies: bool,
    resume: str | None,
    quiet_hours: float,
    waits: bool,
    confirmed: tuple[str, ...],
    allowed: tuple[str, ...],
    policy_file: Path | None,
    profile: str | None,
    aws_endpoint: str | None,
    form: str,
) -> int:
    """Rotate a key: make a second one, hand it over once, wait until only that is used, switch the old one off.

    Without --apply this is a plan. Each run goes as far as it can and says what is awaited; the same command goes
    on from there, also after a crash. `keysweep undo RUN` takes it back until `keysweep delete` deletes the old
    key. docs/rotation.md has the steps and the places.

    \b
    Examples:
      keysweep rotate AKIA... --to ssm:/ci/key --allow-account 111122223333           the plan
      keysweep rotate AKIA... --to ssm:/ci/key --allow-account 111122223333 --apply   do it
      keysweep rotate --resume 20261127t045125z-3f9a1c --apply                        go on
      keysweep rotate AKIA... --to stdout --apply --confirm AKIA... | deploy-key      into a pipe

    \b
    Exit codes:
      0  the old key is switched off        1  something is left to do, awaited or refused
      2  wrong usage, or no such rotation   3  interrupted
      4  AWS or the place for the key refused, or could not be asked
    """
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.responders import Responders
    from keysweep.aws.rotation.stages import rotations

    if (confirmed or waits) and not applies:
        raise UsageError("--confirm and --wait go with --apply: a plan changes nothing.")
    journal = Journal(directory())
    entries = tuple(journal.read())
    known = rotations(entries)
    before = _meant(known, key_id, resume)
    mandate = mandate_of(policy_file).allowing(allowed)
    if before:
        from keysweep.aws.containment.undo import allowed_in

        mandate = mandate.allowing(allowed_in(entries, before.run))
    place = _place(sink, region, before, applies)
    work = _Work(
        key_id or (before.key_id if before else ""),
        before,
        place,
        timedelta(hours=quiet_hours),
        mandate,
        journal,
        Responders(mandate, profile, aws_endpoint),
        aws_endpoint,
        lambda run, *words: command([*words, run], policy_file, profile, aws_endpoint),
    )
    report = _carried_out(work, confirmed, waits) if applies else _planned(work)
    _write(report, form, is_quiet=applies and place.kind == "stdout")
    if report.error:
        click.echo(complaint(report.error), err=True)
    return rotate_shown.code(report)


def _meant(known: dict[str, Rotation], key_id: str | None, resume: str | None) -> Rotation | None:
    """The rotation to go on with; None for a new one. Raises UsageError for one that is not there, or over."""
    from keysweep.aws.rotation.stages import of_key

    if resume is None:
        if key_id is None:
            raise UsageError("give the ID of the key to rotate, or --resume RUN.")
        return of_key(known.values(), key_id)
    found = known.get(resume)
    if found is None:
        raise UsageError(f"the journal knows no rotation {resume}: `keysweep log` lists them.")
    if key_id not in (None, found.key_id):
        raise UsageError(f"rotation {resume} is of {found.key_id}, not of {key_id}: give one of both.")
    if found.is_ended:
        how = f"taken back by run {found.undone_by}" if found.undone_by else f"ended by run {found.deleted_by}"
        raise UsageError(f"rotation {resume} is over, {how}: begin another one with KEYID and --to.")
    return found


def _place(sink: str | None, region: str | None, before: Rotation | None, applies: bool) -> Place:
    """Where the key goes. Raises UsageError where nobody said it, or it cannot be changed any more."""
    from keysweep.aws.sinks.interface import Place
    from keysweep.aws.sinks.profile import credentials_file

    if sink is None:
        if before is None:
            raise UsageError(
                "say with --to where the new key goes: secretsmanager:NAME, ssm:NAME, profile:NAME or stdout."
            )
        if region not in (None, before.place.region):
            raise UsageError("--region goes with --to.")
        return before.place
    place = Place.parse(sink)
    if place.kind in ("secretsmanager", "ssm"):
        place = replace(place, region=region or "")
    elif region:
        raise UsageError(f"{place} is in no region: leave --region out.")
    elif place.kind == "profile":
        place = replace(place, file=credentials_file())
    if before and str(place) == str(before.place) and not region:
        return before.place
    if before and place != before.place and not before.may_move:
        raise UsageError(
            f"the new key of rotation {before.run} goes to {before.place.words}, and may be there already: leave "
            f"--to out, or take it back with `keysweep undo {before.run}`."
        )
    if place.kind == "stdout" and applies and before is None and sys.stdout is None:
        raise UsageError("there is no standard output to print the key to.")
    return place


@frozen
class _Work:
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


def _looked_up(work: _Work) -> _Known:
    """The key, its user, and the place, with what stops a rotation."""
    from keysweep.aws import sinks
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.rotation.judging import judged, third_key, unfit
    from keysweep.cli.rotating import keys

    lookups = Lookups(work.responders, work.mandate, endpoint=work.endpoint)
    (target,) = keys([work.key_id], work.before.partition if work.before else work.mandate.partitions[0])
    item = judged(target, lookups, work.mandate, datetime.now(UTC))
    refusal = item.refusal or third_key(item, work.before)
    held = None
    if refusal is None and item.acting and not (work.before and work.before.handed):
        new = work.before.new if work.before else ""
        try:
            held, refusal = unfit(sinks.opened(work.place, item.acting), work.place, work.key_id, new)
        except AwsError as error:
            from keysweep.aws.containment.refusals import refuse

            refusal = refuse("unreachable", str(error), account=item.account or "ID")
    return _Known(replace(item, refusal=refusal), lookups, held)


def _planned(work: _Work) -> rotate_shown.Report:
    from keysweep.aws import sinks
    from keysweep.aws.rotation.run import Standing, awaited

    known = _looked_up(work)
    report = rotate_shown.Report(
        known.item, work.place, known.held, rotation=work.before, quiet=work.quiet, standing=Standing.PLANNED
    )
    if known.item.refusal:
        return replace(report, standing=Standing.REFUSED)
    if work.before and work.before.handed:
        if not (known.item.owner and known.item.owner.is_active):
            return replace(report, standing=Standing.ROTATED)
        try:
            awaits = awaited(work.before, known.acting, sinks.opened(work.place, known.acting), work.quiet)
        except AwsError as error:
            return replace(report, standing=Standing.FAILED, error=error)
        return replace(report, awaits=awaits, standing=Standing.WAITING if awaits else Standing.PLANNED)
    return report


def _carried_out(work: _Work, confirmed: Sequence[str], waits: bool) -> rotate_shown.Report:
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


def _again(work: _Work) -> Rotation | None:
    from keysweep.aws.rotation.stages import of_key, rotations

    known = rotations(work.journal.read())
    return known[work.before.run] if work.before else of_key(known.values(), work.key_id)


def _locked(work: _Work, confirmed: Sequence[str], waits: bool) -> rotate_shown.Report:
    from keysweep.aws.containment.refusals import refuse
    from keysweep.aws.containment.run import new_name
    from keysweep.aws.containment.writing import Run
    from keysweep.aws.rotation.run import Standing

    known = _looked_up(work)
    report = rotate_shown.Report(known.item, work.place, known.held, rotation=work.before, quiet=work.quiet)
    if known.item.refusal:
        return replace(report, standing=Standing.REFUSED)
    is_agreed = _Agreement(Confirmation(confirmed, is_auto=False))
    if work.before is None and not is_agreed(
        work.key_id, rotate_shown.as_text(report, Style.detect(sys.stderr, os.environ))
    ):
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
    except KeyboardInterrupt:
        is_interrupted = True
    return replace(
        report,
        rotation=told.rotation if told else _again(replace(work, before=None)) or work.before,
        standing=told.standing if told else Standing.FAILED,
        reason=told.reason if told else "",
        refusal=told.refusal if told else None,
        awaits=told.awaits if told else (),
        written=tuple(run.written),
        head=run.head,
        error=error,
        is_interrupted=is_interrupted,
    )


def _begun(work: _Work, known: _Known, run: Run) -> Rotation:
    """Note who begins, or goes on, before anything is done."""
    from keysweep.aws.rotation.stages import Rotation

    owner = known.item.owner
    assert owner
    acting = known.acting
    where = {"sink": str(work.place), "region": work.place.region, "file": work.place.file}
    who = circumstances(work.responders.operator(acting.partition.name).arn, work.mandate, work.endpoint)
    if work.before:
        reason = f" by {who['operator']}" if who["operator"] else ""
        run.note("resumed", key_id=work.key_id, **where, reason=reason, operator=who["operator"])
        moved = work.place != work.before.place
        return replace(work.before, place=work.place, handing=None if moved else work.before.handing)
    begun = Rotation(
        run.name,
        work.key_id,
        acting.account,
        acting.partition.name,
        owner.user,
        work.place,
        acting.now(),
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
        if name not in self._agreed and self._confirm.is_asked(name, lines, prompt):
            self._agreed.add(name)
        return name in self._agreed


def _gone_on(rotation: Rotation, work: _Work, known: _Known, run: Run, is_agreed: _Agreement, waits: bool) -> Told:
    """What came of it, after one look or, where that is wanted, as many as it takes."""
    from keysweep.aws import sinks
    from keysweep.aws.rotation.run import Means, Standing, go_on
    from keysweep.aws.signing import Caller

    caller = Caller(work.endpoint, connections=1)
    pause = 1.0
    while True:
        acting = known.acting
        sink: Sink = sinks.opened(work.place, acting, _show)
        means = Means(run, acting, sink, caller, work.quiet, is_agreed, lambda: CtrlC(*ENDINGS), watch)
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
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _write(report: rotate_shown.Report, form: str, *, is_quiet: bool) -> None:
    """Print the report; where standard output has the key, beside that."""

    def write(stream: TextIO) -> None:
        if form == "json":
            json.dump(rotate_shown.as_data(report), stream, indent=2)
            stream.write("\n")
        else:
            stream.write("\n".join(rotate_shown.as_text(report, Style.detect(stream, os.environ))) + "\n")

    if is_quiet:
        write(sys.stderr)
    else:
        print_report(write)
