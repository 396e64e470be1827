"""`keysweep rotate`."""

from __future__ import annotations

import errno
import io
import json
import os
import select
import sys
from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import TextIO

import click

from keysweep.cli import rotate_shown
from keysweep.cli.operator import allow_account, aws_endpoint, command, mandate_of, policy_file, profile
from keysweep.cli.output import print_report
from keysweep.cli.rotate_run import Work, carried_out, planned
from keysweep.errors import UsageError
from keysweep.frozen import replace
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.rotation.stages import Rotation
    from keysweep.aws.sinks.interface import Place

_QUIET_HOURS = 24.0


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
    metavar="HOURS",
    help="How long the old key has to be unused, after the new one was handed over, before it is switched off.  "
    "[default: what was given before, or 24]",
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
    quiet_hours: float | None,
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
    from keysweep.cli.rotating import refuse_others

    if (confirmed or waits) and not applies:
        raise UsageError("--confirm and --wait go with --apply: a plan changes nothing.")
    if key_id is not None:
        refuse_others([key_id])
    journal = Journal(directory())
    entries = tuple(journal.read())
    known = rotations(entries)
    before = _meant(known, key_id, resume)
    mandate = mandate_of(policy_file).allowing(allowed)
    if before:
        from keysweep.aws.containment.undo import allowed_in

        mandate = mandate.allowing(allowed_in(entries, before.run))
    place = _place(sink, region, before)
    if place.kind == "stdout" and applies and not (before and before.handed) and not _is_read(sys.stdout):
        raise UsageError("nobody reads standard output, so the key would be lost: give it to a pipe or a file.")
    work = Work(
        key_id or (before.key_id if before else ""),
        before,
        place,
        _quiet(quiet_hours, before),
        mandate,
        journal,
        Responders(mandate, profile, aws_endpoint),
        aws_endpoint,
        lambda run, *words: command([*words, run], policy_file, profile, aws_endpoint),
    )
    report = carried_out(work, confirmed, waits) if applies else planned(work)
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
        found = of_key(known.values(), key_id)
    else:
        found = known.get(resume)
        if found is None:
            raise UsageError(
                f"the journal of this machine knows no rotation {resume}: `keysweep log` lists them; one that was "
                "begun elsewhere goes on there."
            )
        if key_id not in (None, found.key_id):
            raise UsageError(f"rotation {resume} is of {found.key_id}, not of {key_id}: give one of both.")
    if found and found.is_ended:
        raise UsageError(f"rotation {found.run} is {found.end}.")
    return found


def _place(sink: str | None, region: str | None, before: Rotation | None) -> Place:
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
    return place


def _is_read(stream: TextIO) -> bool:
    """Whether something takes what is written: it is not closed, and no pipe that nobody reads."""
    try:
        os.write(stream.fileno(), b"")
    except io.UnsupportedOperation:  # no stream of the system
        return True
    except OSError as error:
        return error.errno != errno.EBADF
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLERR)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


def _quiet(hours: float | None, before: Rotation | None) -> timedelta:
    if hours is not None:
        if isnan(hours):
            raise UsageError("--quiet-hours has to be a number of hours.")
        return timedelta(hours=hours)
    return before.quiet if before else timedelta(hours=_QUIET_HOURS)


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
