"""`keysweep undo`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from keysweep.cli.acting import Confirmation, circumstances, watch
from keysweep.cli.interrupt import ENDINGS, be_patient
from keysweep.cli.operator import allow_account, aws_endpoint, mandate_of, policy_file, profile
from keysweep.cli.output import write_report
from keysweep.errors import AwsError, ExitCode, JournalError
from keysweep.frozen import frozen
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.undo import Restored, Step


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--apply/--dry-run", "applies", default=True, show_default=True, help="Take it back, or say what would be."
)
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="KEYID",
    help="Take this one back too, although the journal does not say whether the run did it; repeatable.",
)
@click.option("--force", is_flag=True, help="Go by a journal whose chain is broken.")
@allow_account
@policy_file
@profile
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def undo(
    run: str,
    applies: bool,
    confirmed: tuple[str, ...],
    force: bool,
    allowed: tuple[str, ...],
    policy_file: Path | None,
    profile: str | None,
    aws_endpoint: str | None,
    form: str,
) -> int:
    """Take back exactly what RUN changed: keys work again, and policies that it wrote are removed.

    Of a rotation the old key works again, the place holds it again, and the new key is switched off; that can be
    done until the old key is deleted.

    Only what the journal says that RUN changed is touched, and only where AWS still has it in the state in which
    RUN left it. The accounts in which RUN was allowed to act are allowed here.

    \b
    Examples:
      keysweep undo 20261127t045125z-3f9a1c --dry-run
      keysweep undo 20261127t045125z-3f9a1c

    \b
    Exit codes:
      0  taken back, or nothing was to be   1  something was left as it was
      2  wrong usage, or no such run        3  interrupted
      4  AWS refused or could not be asked, or the journal is broken
    """
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.containment.undo import allowed_in, plan, steps
    from keysweep.aws.responders import Responders

    journal = Journal(directory())
    entries = tuple(journal.read())
    broken = next((each for each in entries if each.fault), None)
    if broken and not force:
        raise JournalError(
            f"line {broken.number} of {journal.path} cannot be trusted ({broken.fault}): look at `keysweep log`, "
            "and give --force to go by it all the same."
        )
    todo = steps(entries, run)
    mandate = mandate_of(policy_file).allowing((*allowed, *allowed_in(entries, run)))
    responders = Responders(mandate, profile, aws_endpoint)
    if not applies:
        report = _Report(tuple(_foreseen(todo, plan(todo, responders, mandate.allow_accounts))))
    else:
        circumstance = circumstances(_operator(todo, responders), mandate, aws_endpoint)
        confirm = Confirmation(confirmed, is_auto=False)
        report = _taken_back(run, todo, responders, mandate.allow_accounts, confirm, circumstance)
    write_report(None, lambda stream: _write(run, report, form, stream))
    if report.error:
        click.echo(complaint(report.error), err=True)
    if report.is_interrupted:
        click.echo("keysweep: interrupted before everything was taken back.", err=True)
    return _code(report)


@frozen
class _Report:
    restored: tuple[Restored, ...]
    run: str = ""
    error: AwsError | None = None
    is_interrupted: bool = False


def _operator(todo: Sequence[Step], responders: Any) -> str:
    """Who takes it back, for the journal; empty where that cannot be told, which then fails where it matters."""
    try:
        return str(responders.operator(todo[0].change.partition).arn) if todo else ""
    except AwsError:
        return ""


def _taken_back(
    of: str,
    todo: Sequence[Step],
    responders: Any,
    allowed: frozenset[str],
    confirm: Confirmation,
    circumstance: dict[str, Any],
) -> _Report:
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.containment.run import new_name
    from keysweep.aws.containment.undo import ends_here, take_back
    from keysweep.aws.containment.writing import Run

    def confirmed(step: Step) -> bool:
        told = f"the journal does not say whether it was run {step.run} that did: {step.change.words}"
        if not step.change.is_new:
            return confirm.is_asked(step.change.key_id, [told], "Type the key ID to take it back")
        told = f"{told}; {step.change.thing} may be what it made, and is switched off then."
        return confirm.is_asked(step.change.thing, [Style().safe(told)], "Type the ID of that key to take it back")

    run = Run(new_name(datetime.now(UTC)), Journal(directory()))
    restored: list[Restored] = []
    be_patient(*ENDINGS)
    try:
        run.note("begun", command="undo", of=of, **circumstance)
        for step in todo:
            watch(f"taking back: {step.change.words} …")
            restored.extend(take_back([step], responders, allowed, run, confirmed))
            if ends_here(restored[-1], todo):
                watch("what comes after that is left as it is, because it needs it")
                break
        run.note("ended", changes=len(todo), done=len(restored))
    except JournalError as error:
        return _Report((*restored, *_left(todo, restored)), run.name, error)
    except KeyboardInterrupt:
        return _Report((*restored, *_left(todo, restored)), run.name, is_interrupted=True)
    return _Report((*restored, *_left(todo, restored)), run.name)


def _foreseen(todo: Sequence[Step], planned: Iterator[Restored]) -> Iterator[Restored]:
    """What would become of every step, and of none after one at which a rotation's undo would end."""
    from keysweep.aws.containment.undo import Restoring, ends_here

    seen = []
    for each in planned:
        seen.append(each)
        yield each
        if each.status is not Restoring.PLANNED and ends_here(each, todo):
            break
    yield from _left(todo, seen, "it needs what comes before it here, and would be left as it is")


def _left(
    todo: Sequence[Step], restored: Sequence[Restored], why: str = "the run ended before it came to this"
) -> Iterator[Restored]:
    """What a run that ended early did not come to."""
    from keysweep.aws.containment.undo import Restored as Left
    from keysweep.aws.containment.undo import Restoring

    for step in todo[len(restored) :]:
        yield Left(step, Restoring.PLANNED, why)


def _code(report: _Report) -> int:
    from keysweep.aws.containment.undo import Restoring

    statuses = {each.status for each in report.restored}
    if report.error or statuses & {Restoring.FAILED, Restoring.UNKNOWN}:
        return ExitCode.AWS
    if statuses & {Restoring.CHANGED, Restoring.GONE, Restoring.UNCONFIRMED, Restoring.PLANNED}:
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if report.is_interrupted else ExitCode.CLEAN


def _write(of: str, report: _Report, form: str, stream: TextIO) -> None:
    if form == "json":
        document = {
            "format": "keysweep-undo",
            "version": 1,
            "undoes": of,
            "run": report.run or None,
            "complete": not (report.is_interrupted or _code(report) == ExitCode.AWS),
            "error": str(report.error) if report.error else None,
            "keys": [
                {
                    "key_id": each.step.change.key_id,
                    "status": each.status.value,
                    "reason": each.reason or None,
                    "account_id": each.step.change.account,
                    "action": each.step.change.action,
                    "subject": each.step.change.subject,
                    "request_id": each.written.request_id if each.written else None,
                }
                for each in report.restored
            ],
        }
        json.dump(document, stream, indent=2)
        stream.write("\n")
        return
    style = Style.detect(stream, os.environ)
    for each in report.restored:
        change = each.step.change
        request = f"; request {each.written.request_id}" if each.written and each.written.request_id else ""
        stream.write(f"{style.paint(each.status.value.upper(), 'bold')} {style.safe(change.key_id)}\n")
        stream.write(style.safe(f"  the run did: {change.words}") + "\n")
        if each.reason or request:
            stream.write(style.safe(f"  {each.reason}{request}".replace("  ; ", "  ")) + "\n")
    from keysweep.aws.containment.undo import Restoring

    count = sum(each.status is Restoring.RESTORED for each in report.restored)
    whole = f"{len(report.restored)} change{'s' * (len(report.restored) != 1)} of run {of}"
    done = f"run {report.run} took back {count} of {whole}" if report.run else f"nothing was changed: {whole}"
    stream.write(f"keysweep: {style.safe(done)}.\n")
