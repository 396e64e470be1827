"""`keysweep account`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from keysweep.account.report import FORMATS
from keysweep.aws.partitions import BY_NAME
from keysweep.cli import reports as further
from keysweep.cli.audited import asked, show_trend, told
from keysweep.cli.databases import db_option
from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.cli.levels import fail_on_option
from keysweep.cli.operator import aws_endpoint, mandate_of, policy_file, profile
from keysweep.cli.organisation import Read, Wanted, mandated, organisation_options, read_many
from keysweep.cli.output import check_writable
from keysweep.cli.progress import TerminalLine
from keysweep.cli.told_leaks import each_with_leaks, leaked_in, leaks_of
from keysweep.cli.usage import Usage, usage_options
from keysweep.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.evidence import Account
    from keysweep.account.judging.checks import Leak
    from keysweep.account.reading.account import Overview
    from keysweep.aws.responders import Acting, Responders

_Command = Callable[..., Any]


def _days(name: str, default: int, what: str) -> Callable[[_Command], _Command]:
    """A bound in days."""
    return click.option(name, type=click.IntRange(1, 36_500), default=default, show_default=True, help=what)


@click.command()
@click.argument("findings", metavar="[FINDINGS.json]...", nargs=-1)
@organisation_options
@profile
@policy_file
@click.option(
    "--partition",
    "partition_name",
    type=click.Choice(list(BY_NAME)),
    default="aws",
    show_default=True,
    help="Partition of AWS.",
)
@click.option("--swept", is_flag=True, help="Join the leaks in the store of `keysweep sweep` too.")
@db_option
@_days("--most-days", 90, "That a key may be old.")
@_days("--idle-days", 45, "That an active key may be unused.")
@_days("--kept-days", 30, "That an inactive key may be kept.")
@_days("--root-days", 90, "Within which the root user may not be used.")
@usage_options
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
@further.option
@click.option("--hub-region", metavar="REGION", help="Region of the Security Hub that `asff` is for.")
@click.option("--trend", is_flag=True, help="Show the course over earlier runs, and ask nobody.")
@click.option("--no-history", is_flag=True, help="Neither compare with earlier runs nor keep this one for later.")
@fail_on_option
@aws_endpoint
def account(
    findings: tuple[str, ...],
    wanted: Wanted,
    policy_file: Path | None,
    profile: str | None,
    partition_name: str,
    swept: bool,
    db: str | None,
    most_days: int,
    idle_days: int,
    kept_days: int,
    root_days: int,
    usage: Usage,
    form: str,
    output: str | None,
    reports: tuple[str, ...],
    hub_region: str | None,
    trend: bool,
    no_history: bool,
    fail_on: str,
    aws_endpoint: str | None,
) -> int:
    """Judge the access keys of AWS accounts: what should not be there, why, and how to end it.

    Nothing is changed. The keys of all users, and of the root user, are read from IAM and judged by the practices
    in docs/practices.md; what may not be read is said to be unchecked, never to be in order. Leaks in
    FINDINGS.json, and with --swept in the store, are joined: a key that has leaked and is active comes first.

    With --org every account of your organisation is read, as a role that is assumed there; in your own you act as
    yourself. An account that cannot be read is told, and --resume reads only what is missing.

    With --usage CloudTrail and IAM are asked what uses each active key, and what could replace it. CloudTrail
    answers two questions a second in each region, so that this takes minutes where there are hundreds of keys.

    \b
    Examples:
      keysweep account
      keysweep account --profile audit --most-days 180
      keysweep account findings.json --format json --output account.json
      keysweep account --swept --db leaks.db
      keysweep account --usage --usage-days 30 findings.json
      keysweep account --org --role keysweep-audit
      keysweep account --org --resume
      keysweep account --report html=account.html --report asff=account.asff
      keysweep account --trend

    \b
    Exit codes:
      0  no key breaks a practice at or above --fail-on
      1  some key does
      2  wrong usage or configuration
      3  incomplete: something could not be read, and so not checked
      4  AWS could not be asked at all, or no account could be read
    """
    if db and not swept:
        raise UsageError("--db goes with --swept: it names the store whose leaks are joined.")
    if output:
        check_writable(output)
    usage.check()
    if trend:
        return show_trend(
            form, output, is_alone=not (findings or swept or reports or no_history or wanted.are_many)
        )
    how = asked(form, output, reports, fail_on, hub_region, keeps=not no_history)
    leaks, partial = leaks_of(findings, db, in_store=swept)
    from keysweep.account.audit import Audit, Judged
    from keysweep.account.judging.checks import Bounds, lapses
    from keysweep.aws.responders import Responders

    mandate = mandated(mandate_of(policy_file), wanted)
    responders = Responders(mandate, profile, aws_endpoint)
    if wanted.are_many:
        read = _read_many(wanted, responders, partition_name, f"role {mandate.role}", usage, leaks)
    else:
        read = Read((_read_own(responders.operator(partition_name), usage, leaks),))
    bounds = Bounds(most_days, idle_days, kept_days, root_days, *usage.bounds)
    judged = tuple(Judged(each, tuple(lapses(each, bounds, leaks))) for each in read.accounts)
    unreached = tuple(sorted(each_with_leaks(read.unreached, leaks), key=lambda it: not it.leaks))
    return told(Audit(judged, leaks, tuple(partial), unreached, read.closed), bounds, how)


def _read_own(acting: Acting, usage: Usage, leaks: Mapping[str, Leak]) -> Account:
    """The account of whoever runs this. Raises AwsError."""
    from keysweep.account.reading.account import overview, read_account

    known = overview(acting)
    with CtrlC(*ENDINGS) as ctrl_c:

        def goes_on() -> bool:
            return not ctrl_c.is_pressed

        with _line("keys of {} of {} users") as watch:
            read = read_account(acting, known, watch=watch, goes_on=goes_on)
        return _completed(acting, read, known, usage, leaks, goes_on, is_shown=True)


def _read_many(
    wanted: Wanted, responders: Responders, partition: str, how: str, usage: Usage, leaks: Mapping[str, Leak]
) -> Read:
    """The accounts that are wanted, each as far as it could be read. Raises AwsError or UsageError."""
    from keysweep.account.reading.account import overview, read_account
    from keysweep.account.reading.organisation import Way

    with CtrlC(*ENDINGS) as ctrl_c, _line("{} of {} accounts") as watch:

        def goes_on() -> bool:
            return not ctrl_c.is_pressed

        def read_one(acting: Acting) -> Account:
            known = overview(acting)
            read = read_account(acting, known, goes_on=goes_on)
            return _completed(acting, read, known, usage, leaks, goes_on, is_shown=False)

        way = Way(responders, partition, read_one, wanted.at_once, goes_on)
        return read_many(wanted, way, how + usage.how(leaks), watch)


def _completed(
    acting: Acting,
    read: Account,
    known: Overview,
    usage: Usage,
    leaks: Mapping[str, Leak],
    goes_on: Callable[[], bool],
    *,
    is_shown: bool,
) -> Account:
    """An account whose keys were read, with leaked keys that no report tells of, and with the use of all."""
    from keysweep.account.reading.leaked import with_leaked

    read = with_leaked(acting, read, known, leaked_in(read, leaks), goes_on=goes_on)
    return usage.read(acting, read, leaks, goes_on=goes_on, is_shown=is_shown)


@contextmanager
def _line(text: str) -> Iterator[Callable[[int, int], None]]:
    """Whom to tell how much of how much is done: one line on a terminal, which is gone again afterwards."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return

    line = TerminalLine(sys.stderr)
    try:
        yield lambda done, number: line.show(text.format(done, number))
    finally:
        line.clear()
