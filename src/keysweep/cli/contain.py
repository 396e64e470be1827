"""`keysweep contain`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from keysweep.aws.mandate import OPT_INS
from keysweep.cli import contained, contained_shown
from keysweep.cli.acting import Confirmation, circumstances, watch
from keysweep.cli.checks import remember_uses
from keysweep.cli.contained import Report
from keysweep.cli.interrupt import ENDINGS, be_patient
from keysweep.cli.leaked import Leaked, gathered
from keysweep.cli.operator import (
    allow_account,
    ask,
    aws_endpoint,
    command,
    mandate_of,
    partitions,
    policy_file,
    profile,
)
from keysweep.cli.output import check_writable, write_report
from keysweep.errors import AwsError, IncompleteError, JournalError, UsageError
from keysweep.frozen import frozen
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.items import Asked, Item
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.containment.run import Done
    from keysweep.aws.containment.targets import Target
    from keysweep.aws.mandate import Mandate
    from keysweep.aws.trail import Summary
    from keysweep.aws.verify import Answer


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="FINDINGS.json|KEYID...")
@click.option("--apply", "applies", is_flag=True, help="Do what the plan says; you are asked about each key.")
@click.option(
    "--auto", is_flag=True, help="Do it without asking, as far as the file given with --policy lets you."
)
@click.option(
    "--confirm", "confirmed", multiple=True, metavar="KEYID", help="Say yes to this key beforehand; repeatable."
)
@allow_account
@click.option("--deny-sessions", is_flag=True, help="Also end sessions that the user of a key has now.")
@click.option("--quarantine", is_flag=True, help="Also attach AWSCompromisedKeyQuarantineV3 to the user.")
@click.option("--revoke-role-sessions", is_flag=True, help="End every session of a role of which one leaked.")
@click.option("--force", is_flag=True, help="Also keys that were used a short while ago.")
@click.option("--self", "itself", is_flag=True, help="Act with the leaked key itself: the last resort.")
@policy_file
@profile
@partitions
@click.option("--region", "regions", multiple=True, help="Ask CloudTrail here too; repeatable.")
@click.option("--no-trail", is_flag=True, help="Do not ask CloudTrail what the keys did.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 900),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to ask until AWS refuses a key that is off.",
)
@click.option("--repository", metavar="DIR", help="A copy of the repository, if it is not where it was scanned.")
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
def contain(
    what: tuple[str, ...],
    applies: bool,
    auto: bool,
    confirmed: tuple[str, ...],
    allowed: tuple[str, ...],
    deny_sessions: bool,
    quarantine: bool,
    revoke_role_sessions: bool,
    force: bool,
    itself: bool,
    policy_file: Path | None,
    profile: str | None,
    partitions: tuple[str, ...],
    regions: tuple[str, ...],
    no_trail: bool,
    wait: float,
    repository: str | None,
    aws_endpoint: str | None,
    form: str,
    output: str | None,
) -> int:
    """Switch leaked keys off in AWS: first the plan, and with --apply what it says.

    Each key is verified, looked up as the responder in its account, and held against the policy. A plan changes
    nothing. Nothing is ever deleted, every write is in the journal before it is made, and `keysweep undo RUN`
    takes a run back. docs/containment.md has the runbook.

    \b
    Examples:
      keysweep contain found.json --allow-account 111122223333           the plan
      keysweep contain found.json --allow-account 111122223333 --apply   do it
      keysweep contain AKIA... --allow-account 111122223333 --apply      a key
      keysweep contain found.json --auto --policy containment.toml       a job

    \b
    Exit codes:
      0  no key is left that may be live   1  at least one is
      2  wrong usage or configuration      3  some secrets were not read again
      4  AWS refused or could not be asked, or accepts a key that is off
    """
    if output:
        check_writable(output)
    if confirmed and not (applies or auto):
        raise UsageError("--confirm goes with --apply: a plan changes nothing.")
    mandate = mandate_of(policy_file).allowing(allowed)
    if auto and (policy_file is None or not mandate.unattended):
        raise UsageError(
            "--auto needs a written policy: name it with --policy, and let it say `apply = true` under "
            "[unattended]."
        )
    if auto and itself:
        raise UsageError(
            "--self is the last resort of a person: with it nothing tells when the key was used, so give --apply "
            "in place of --auto."
        )
    from keysweep.aws.containment.items import Asked

    flags = zip(OPT_INS, (deny_sessions, quarantine, revoke_role_sessions), strict=True)
    asked = Asked(frozenset(name for name, given in flags if given), force, auto, itself, regions)
    report = carried_out(
        gathered(what, repository),
        Setting(
            mandate,
            asked,
            partitions or mandate.partitions,
            policy_file,
            profile,
            aws_endpoint,
            wait,
            not no_trail,
        ),
        confirmed if applies or auto else None,
    )
    code = contained.code(report)
    try:
        write_report(output, lambda stream: _write(report, form, stream, is_file=output is not None))
    except IncompleteError as error:
        # What became of the keys is worse than that a report is not where it should be.
        click.echo(complaint(error), err=True)
        code = code or error.exit_code
    if report.error:
        click.echo(complaint(report.error), err=True)
    if report.is_interrupted:
        click.echo("keysweep: interrupted before everything was done.", err=True)
    return code


@frozen
class Setting:
    """What the command line and the policy say of a run."""

    mandate: Mandate
    asked: Asked
    partitions: tuple[str, ...]
    policy_file: Path | None
    profile: str | None
    endpoint: str | None
    wait_seconds: float
    trails: bool

    def undoing(self, run: str) -> str:
        """The command that takes a run back, as the same identity."""
        return command(["undo", run], self.policy_file, self.profile, self.endpoint)


def carried_out(leaked: Leaked, setting: Setting, confirmed: Sequence[str] | None) -> Report:
    """Plan and, unless `confirmed` is None, act."""
    from keysweep.aws.containment.lookups import Lookups
    from keysweep.aws.containment.run import before
    from keysweep.aws.responders import Responders

    mandate, itself = setting.mandate, setting.asked.itself
    responders = Responders(mandate, setting.profile, setting.endpoint)
    lookups = Lookups(responders, mandate, itself=itself, endpoint=setting.endpoint)
    items, is_interrupted = _planned(leaked, setting, lookups)
    if confirmed is None or is_interrupted or not any(each.is_planned for each in items):
        done = tuple(before(each) for each in items)
        return Report(done, leaked, is_interrupted=is_interrupted)
    try:
        operator = responders.operator(setting.partitions[0]).arn
    except AwsError:  # with --self there may be no other identity than the leaked key's
        operator = ""
    return _acted(items, leaked, setting, lookups, confirmed, operator)


def _planned(leaked: Leaked, setting: Setting, lookups: Lookups) -> tuple[tuple[Item, ...], bool]:
    """The plan, and whether Ctrl-C kept some keys from being verified."""
    from keysweep.aws.containment.items import is_own_check
    from keysweep.aws.containment.plan import plan
    from keysweep.aws.containment.targets import targets
    from keysweep.aws.questions import questions

    def known(answers: Mapping[str, Answer]) -> list[Target]:
        return targets(
            leaked.findings,
            [each.recorded for each in leaked.unread],
            leaked.named,
            answers,
            leaked.described,
            setting.partitions[0],
            leaked.checks,
            leaked.uses,
        )

    lookups.begin(known({}))
    bait = {key_id for key_id, each in leaked.described.items() if each.canary}
    safe = [each for each in leaked.findings if each.key_id not in bait]
    came = ask(questions(safe, setting.partitions), setting.endpoint)
    items = plan(known(came.answers), lookups, setting.mandate, setting.asked, datetime.now(UTC))
    remember_uses(
        {each.target.key_id: each.owner.last_use for each in items if each.owner and not is_own_check(each)}
    )
    return items, came.is_interrupted or came.is_unwanted


def _acted(
    items: tuple[Item, ...],
    leaked: Leaked,
    setting: Setting,
    lookups: Lookups,
    confirmed: Sequence[str],
    operator: str,
) -> Report:
    """Do what is planned. What was done before the journal failed, or Ctrl-C, is in the report."""
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.aws.containment.run import Means, before, carry_out, keep_trail, new_name
    from keysweep.aws.containment.writing import Run
    from keysweep.aws.signing import Caller

    run = Run(new_name(datetime.now(UTC)), Journal(directory()))
    caller = Caller(setting.endpoint, connections=1)
    means = Means(run, lookups, caller, setting.wait_seconds)
    count = sum(each.is_planned for each in items)
    confirm = Confirmation(confirmed, is_auto=setting.asked.auto, of=count)
    done: list[Done] = []
    trails: dict[str, Summary] = {}
    is_interrupted, failure = False, None
    be_patient(*ENDINGS)
    try:
        run.note("begun", command="contain", **circumstances(operator, setting.mandate, setting.endpoint))
        watch(f"run {run.name}, journal {run.journal.path}")
        done.extend(carry_out(items, means, confirm, watch))
        for each in [it for it in done if it.written and setting.trails]:
            regions = [region for region in (*setting.asked.regions, each.item.target.region) if region]
            summary = keep_trail(each, means, regions, watch)
            if summary:
                trails[each.item.target.key_id] = summary
        run.note("ended", keys=len(items), done=len(done))
    except KeyboardInterrupt:
        is_interrupted = True
    except JournalError as error:
        failure = error
    finally:
        caller.close()
    left = tuple(before(each) for each in items[len(done) :])
    return Report(
        (*done, *left),
        leaked,
        run=run.name,
        undo=setting.undoing(run.name) if run.written else "",
        operator=operator,
        journal=run.journal.path,
        head=run.head,
        trails=trails,
        is_interrupted=is_interrupted,
        error=failure,
    )


def _write(report: Report, form: str, stream: TextIO, *, is_file: bool) -> None:
    if form == "json":
        contained.as_json(report, stream)
        return
    style = Style() if is_file else Style.detect(stream, os.environ)
    stream.write("\n".join(contained_shown.as_text(report, style)) + "\n")
