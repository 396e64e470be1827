"""`keysweep notify`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from keysweep.cli.databases import db_option, installed, opened_store
from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.cli.operator import aws_endpoint
from keysweep.cli.output import check_writable, is_device, put_report, write_report
from keysweep.errors import ExitCode, IncompleteError, UsageError
from keysweep.report.style import Style, number_of

if TYPE_CHECKING:
    from keysweep.notify.receivers import Receivers
    from keysweep.notify.run import Told, ToldChannel
    from keysweep.notify.security_hub import Hub


@click.command()
@db_option
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Only this receiver; repeatable.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option(
    "--first",
    type=click.Choice(["open", "all", "none"]),
    default="open",
    show_default=True,
    help="Of leaks never told before: those that are open, also settled ones, or none, which then count as told.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The notify.toml to read.")
@click.option(
    "--asff",
    metavar="FILE",
    help="Write all leaks as findings of Security Hub, `-` to print them, and send nothing.",
)
@click.option("--account", metavar="ID", help="With --asff: account of that Security Hub.")
@click.option("--region", metavar="NAME", help="With --asff: its region.")
@aws_endpoint
def notify(
    db: str | None,
    channels: tuple[str, ...],
    dry_run: bool,
    first: str,
    config: Path | None,
    asff: str | None,
    account: str | None,
    region: str | None,
    aws_endpoint: str | None,
) -> int:
    """Tell receivers about the leaks in the store: webhooks, Slack, mail and Security Hub.

    Each is told of a leak once in each state: that it was found, is live, was switched off, is open again. Who
    they are stands in notify.toml in your configuration directory, and their secrets in the environment.

    \b
    Examples:
      keysweep notify --dry-run
      keysweep notify --channel security-team
      keysweep notify --first none          only what happens from now on
      keysweep notify --asff findings.json --account 111122223333 --region eu-central-1

    \b
    Exit codes:
      0  all told
      2  wrong usage or configuration; nothing was sent
      3  some receiver did not take something, and the next run tells it again; or the store could not be read
    """
    receivers = receivers_of(config)
    if asff is not None:
        if channels or dry_run or first != "open":
            raise UsageError("--asff writes files and sends nothing: leave --channel, --dry-run and --first out.")
        return _export(db, asff, _hub(receivers, account, region), receivers)
    if account or region:
        raise UsageError("--account and --region belong to --asff.")
    if not receivers.chosen(channels):
        raise UsageError(f"nobody is to be told: describe a receiver in {_directory() / 'notify.toml'}.")
    from keysweep.notify.run import tell
    from keysweep.store.notices import First

    with opened_store(db, must_exist=True) as store, CtrlC(*ENDINGS) as ctrl_c:
        told = tell(
            store,
            receivers,
            os.environ,
            names=channels,
            first=First(first),
            rehearse=dry_run,
            endpoint=aws_endpoint,
            goes_on=lambda: not ctrl_c.is_pressed,
        )
    style = Style.detect(sys.stdout, os.environ)
    for line in lines_of(told, style, dry_run=dry_run):
        click.echo(line)
    return ExitCode.INCOMPLETE if told.failed else ExitCode.CLEAN


def receivers_of(config: Path | None) -> Receivers:
    """Those that `config` describes, or notify.toml in the user's configuration directory."""
    with installed("the store"):
        from keysweep.notify.receivers import load
    return load(config, _directory())


def _directory() -> Path:
    from platformdirs import user_config_path

    try:
        return user_config_path("keysweep", appauthor=False)
    except RuntimeError:  # a user without a home, as in many containers
        return Path("/")


def lines_of(told: Told, style: Style, *, dry_run: bool = False) -> Iterator[str]:
    """What came of telling them, for people; safe to be shown."""
    for each in told.channels:
        yield style.safe(f"{each.name} ({each.kind}): {_said(each, dry_run=dry_run)}.")
        yield from (style.safe(f"  {title}") for title in each.titles)
        if each.messages > len(each.titles):
            yield style.safe(f"  and {number_of(each.messages - len(each.titles), 'message')} more")
        yield from (style.paint(style.safe(f"  NOT TAKEN: {why}"), "yellow") for why in each.complaints)


def _said(each: ToldChannel, *, dry_run: bool) -> str:
    if not each.due:
        return "there is nothing new to tell" if not each.complaints else "nothing was told"
    leaks, messages = number_of(each.due, "leak"), number_of(each.messages, "message")
    counted = ", a digest that counts most of them" if each.digests else ""
    if dry_run:
        return (
            f"{messages} about {leaks} would be sent{counted}" if each.messages else f"{leaks} would count as told"
        )
    if not each.messages and not each.complaints:
        return f"{leaks} of the store count as told now, and nothing was sent"
    left = f"; {each.due - each.told} not told" if each.told < each.due else ""
    return f"{each.told} of {leaks} told in {messages}{counted}{left}"


def _hub(receivers: Receivers, account: str | None, region: str | None) -> Hub:
    """Whose findings a file holds: what the options say, or the channel of that kind."""
    from keysweep.notify.receivers import checked_hub

    configured = [each.hub for each in receivers.channels if each.hub]
    if account is None and region is None and len(configured) == 1:
        return configured[0]
    if account is None or region is None:
        raise UsageError(
            "--asff needs the --account and --region of the Security Hub, or one channel of that kind."
        )
    return checked_hub(account, region, "--asff")


def _export(db: str | None, path: str, hub: Hub, receivers: Receivers) -> int:
    from keysweep.notify.run import findings
    from keysweep.report.asff import batches_of

    if path != "-":
        check_writable(path)
    with opened_store(db, must_exist=True) as store:
        every = findings(store, receivers, hub)
    if path == "-" or is_device(path):
        write_report(None if path == "-" else path, partial(_write, every))
        return ExitCode.CLEAN
    batches = batches_of(every) or [()]
    names = [path] if len(batches) == 1 else [_numbered(path, number) for number in range(1, len(batches) + 1)]
    for name, batch in zip(names, batches, strict=True):
        try:
            put_report(name, partial(_write, batch))
        except OSError as error:
            raise IncompleteError(
                f"{name} could not be written ({error.strerror}): choose another file."
            ) from error
    style = Style.detect(sys.stdout, os.environ)
    for name, batch in zip(names, batches, strict=True):
        click.echo(style.safe(f"{name}: {number_of(len(batch), 'finding')}."))
    return ExitCode.CLEAN


def _write(batch: Sequence[dict[str, Any]], stream: TextIO) -> None:
    json.dump(list(batch), stream, indent=1)
    stream.write("\n")


def _numbered(path: str, number: int) -> str:
    """AWS takes a hundred findings at once, so more of them are in several files."""
    beginning, end = os.path.splitext(path)
    return f"{beginning}-{number}{end}"
