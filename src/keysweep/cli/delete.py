"""`keysweep delete`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import click

from keysweep.cli import delete_shown
from keysweep.cli.acting import Confirmation, circumstances, watch
from keysweep.cli.delete_shown import Deletion, Report, Standing
from keysweep.cli.interrupt import ENDINGS, be_patient
from keysweep.cli.operator import allow_account, aws_endpoint, mandate_of, policy_file, profile
from keysweep.cli.output import write_report
from keysweep.errors import AwsError, JournalError, UsageError
from keysweep.frozen import frozen, replace
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.journal import Entry, Journal
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.containment.writing import Run
    from keysweep.aws.mandate import Mandate
    from keysweep.aws.rotation.stages import Rotation


@click.command()
@click.argument("key_ids", nargs=-1, required=True, metavar="KEYID...")
@click.option("--apply", "applies", is_flag=True, help="Delete them; you type the ID of each.")
@click.option(
    "--kept-days",
    type=click.IntRange(0, 3650),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How long a key has to be switched off and unused.",
)
@click.option("--confirm", "confirmed", multiple=True, metavar="KEYID", help="Say yes beforehand; repeatable.")
@allow_account
@policy_file
@profile
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def delete(
    key_ids: tuple[str, ...],
    applies: bool,
    kept_days: int,
    confirmed: tuple[str, ...],
    allowed: tuple[str, ...],
    policy_file: Path | None,
    profile: str | None,
    aws_endpoint: str | None,
    form: str,
) -> int:
    """Delete keys for good: only those that are switched off, and were for so long that nobody misses them.

    Without --apply this is a plan. Nobody can bring a deleted key back, keysweep neither; a rotation of it is over
    then, and the old pair that a profile kept is taken out of the credentials file.

    \b
    Examples:
      keysweep delete AKIA... --allow-account 111122223333           may it be deleted?
      keysweep delete AKIA... --allow-account 111122223333 --apply   delete it

    \b
    Exit codes:
      0  none of them is left               1  some are: planned, refused or not confirmed
      2  wrong usage                        3  interrupted
      4  AWS refused or could not be asked
    """
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.responders import Responders
    from keysweep.aws.rotation.stages import rotations

    if confirmed and not applies:
        raise UsageError("--confirm goes with --apply: a plan changes nothing.")
    journal = Journal(directory())
    entries = tuple(journal.read())
    known = tuple(rotations(entries).values())
    mandate = mandate_of(policy_file).allowing(allowed)
    responders = Responders(mandate, profile, aws_endpoint)
    work = _Work(
        mandate, Lookups(responders, mandate, endpoint=aws_endpoint), entries, known, timedelta(days=kept_days)
    )
    planned = tuple(_judged(list(dict.fromkeys(key_ids)), work))
    report = Report(planned)
    if applies and any(each.standing is Standing.PLANNED or each.has_kept or each.unsettled for each in planned):
        try:
            operator = responders.operator(mandate.partitions[0]).arn
        except AwsError:
            operator = ""
        who = circumstances(operator, mandate, aws_endpoint)
        report = _deleted(planned, work, journal, Confirmation(confirmed, is_auto=False), who)
    write_report(None, lambda stream: _write(report, form, stream))
    if report.error:
        click.echo(complaint(report.error), err=True)
    if report.is_interrupted:
        click.echo(
            "keysweep: interrupted before everything was deleted; running the same again goes on.", err=True
        )
    return delete_shown.code(report)


@frozen
class _Work:
    mandate: Mandate
    lookups: Lookups
    entries: tuple[Entry, ...]
    known: tuple[Rotation, ...]
    kept: timedelta


def _judged(ids: Sequence[str], work: _Work) -> Iterator[Deletion]:
    """What may be done about each key; no more of them than the policy lets one run change."""
    from keysweep.aws.containment.refusals import refuse
    from keysweep.aws.rotation.deletion import handed_over, kept_profiles, off_since, too_early, unsettled
    from keysweep.aws.rotation.judging import judged
    from keysweep.cli.rotating import keys

    planned = 0
    for target in keys(ids, work.mandate.partitions[0]):
        now = datetime.now(UTC)
        item = judged(target, work.lookups, work.mandate, now)
        if item.refusal and item.refusal.guard == "not-found":
            kept = any(place.keeps(target.key_id) for _, place in kept_profiles(target.key_id, work.known))
            loose = unsettled(target.key_id, work.entries)
            yield Deletion(item, Standing.GONE, item.refusal.reason, has_kept=kept, unsettled=loose)
            continue
        off = None
        if item.refusal is None:
            assert item.owner
            off = None if item.owner.is_active else off_since(item, work.entries, now)
            refusal = handed_over(item, work.known) or too_early(item, off, work.kept, now)
            planned += refusal is None
            if refusal is None and planned > work.mandate.most_keys:
                refusal = refuse("too-many", f"the policy lets one run change {work.mandate.most_keys} keys")
            item = replace(item, refusal=refusal)
        standing = Standing.REFUSED if item.refusal else Standing.PLANNED
        yield Deletion(item, standing, item.refusal.reason if item.refusal else "", off)


def _deleted(
    planned: Sequence[Deletion], work: _Work, journal: Journal, confirm: Confirmation, who: dict[str, Any]
) -> Report:
    """Delete what is planned, one key after the other, each by its ID that somebody typed."""
    from keysweep.aws.containment.run import new_name
    from keysweep.aws.containment.writing import Run

    run = Run(new_name(datetime.now(UTC)), journal)
    done: list[Deletion] = []
    error: AwsError | None = None
    is_interrupted = False
    be_patient(*ENDINGS)
    try:
        run.note("begun", command="delete", **who)
        watch(f"run {run.name}, journal {journal.path}")
        done.extend(_one(each, work, run, confirm) for each in planned)
        run.note("ended", keys=len(planned), done=len(done))
    except JournalError as failure:
        error = failure
    except KeyboardInterrupt:
        is_interrupted = True
    left = planned[len(done) :]
    return Report((*done, *left), run.name, journal.path, run.head, error, is_interrupted)


def _one(each: Deletion, work: _Work, run: Run, confirm: Confirmation) -> Deletion:
    from keysweep.aws.containment import changes
    from keysweep.aws.containment.keys import INACTIVE
    from keysweep.aws.containment.refusals import refuse
    from keysweep.aws.containment.writing import Outcome

    item, key_id = each.item, each.item.target.key_id
    for name, number in each.unsettled:
        run.journal.append("made", name, change=number, key_id=key_id, reason="it is gone")
    if each.has_kept:
        _forget(key_id, work, run)
    if each.standing is not Standing.PLANNED or item.owner is None or item.account is None:
        return each
    told = delete_shown.facts(each)
    lines = (f"{key_id} of user {item.owner.user}, account {item.account}: {told}.", "Nobody can bring it back.")
    if not confirm.is_asked(
        key_id,
        [Style().safe(line) for line in lines],
        "Type the key ID to delete it for good, or anything else to leave it",
    ):
        refusal = refuse("unconfirmed", keyid=key_id)
        return replace(each, standing=Standing.REFUSED, item=replace(item, refusal=refusal), reason=refusal.reason)
    try:
        acting = work.lookups.acting(item.target, item.account)
        run.note("judged", key_id=key_id, reason=f"{key_id} of user {item.owner.user}: {told}")
        change = changes.delete_key(item.account, acting.partition.name, key_id, item.owner.user, INACTIVE)
        watch(f"{change.words} …")
        written = run.make(change, acting)
    except JournalError:
        raise
    except AwsError as error:
        run.note("stopped", key_id=key_id, reason=str(error))
        return replace(each, standing=Standing.FAILED, reason=str(error))
    if written.outcome not in (Outcome.MADE, Outcome.ALREADY):
        unknown = written.outcome is Outcome.UNKNOWN
        return replace(each, standing=Standing.UNKNOWN if unknown else Standing.FAILED, reason=written.reason)
    kept = _forget(key_id, work, run)
    return replace(each, standing=Standing.DELETED, reason=kept, request_id=written.request_id)


def _forget(key_id: str, work: _Work, run: Run) -> str:
    """Take out of the credentials file what rotations kept of the key; what was, or could not be, in words."""
    from keysweep.aws.rotation.deletion import kept_profiles

    told = []
    for rotation, place in kept_profiles(key_id, work.known):
        try:
            if not place.forget(key_id):
                continue
            said = f"the pair that was kept of it is taken out of {rotation.place.file}"
        except AwsError as error:
            said = f"the pair that was kept of it is still there: {error}"
        run.note("forgot", key_id=key_id, reason=said)
        told.append(said)
    return "; ".join(told)


def _write(report: Report, form: str, stream: TextIO) -> None:
    if form == "json":
        json.dump(delete_shown.as_data(report), stream, indent=2)
        stream.write("\n")
        return
    stream.write("\n".join(delete_shown.as_text(report, Style.detect(stream, os.environ))) + "\n")
