"""A sweep carried out as it was wished for: to its end, or until somebody or something ends it."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Any

import click

from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.cli.output import write_report
from keysweep.errors import ExitCode, KeysweepError
from keysweep.findings import Severity
from keysweep.frozen import fields, frozen
from keysweep.report.style import Style, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.cli.sweep_progress import Reporter
    from keysweep.notify.receivers import Receivers
    from keysweep.store.opening import Store
    from keysweep.sweep.campaign import Begun
    from keysweep.sweep.engines import Engine
    from keysweep.sweep.inventory.filters import Filters
    from keysweep.sweep.inventory.targets import Target
    from keysweep.sweep.orders import Manner


@frozen
class Wish:
    """What a run is to do."""

    target: Target
    wanted: Filters
    resume: bool
    partitions: tuple[str, ...]
    """Where AWS is asked; empty where it is not."""
    endpoint: str | None
    attempts: int
    fail_on: Severity
    receivers: Receivers | None
    """Whom to tell; None where nobody is to be told."""
    again: str
    """What to type to go on."""

    def described(self) -> dict[str, Any]:
        """What the run was asked for, as the store keeps it."""
        wanted = {name: getattr(self.wanted, name) for name in fields(type(self.wanted))}
        return {
            **{name: each.isoformat() if isinstance(each, datetime) else each for name, each in wanted.items()},
            "verify": list(self.partitions),
            "attempts": self.attempts,
        }


def carry_out(
    store: Store,
    wish: Wish,
    manner: Manner,
    engine: Engine,
    engine_name: str,
    form: str,
    output: str | None,
    *,
    json_progress: bool,
) -> int:
    """Begin the run or go on with it, show how it goes, report and tell; returns the exit code.

    Raises KeysweepError only where nothing was begun: what ends it later is told with what was found until then.
    """
    from keysweep.cli.sweep_progress import reporter
    from keysweep.cli.sweep_shown import Told, write
    from keysweep.store.turns import turn
    from keysweep.sweep import campaign

    failure: KeysweepError | None = None
    target = wish.target.text
    refusal = f"another sweep of {target} into {store.where} is going on: wait for it, or end it."
    with (
        turn(store, f"sweep {target}", 0, refusal),
        CtrlC(*ENDINGS) as ctrl_c,
        reporter(json_progress=json_progress) as report,
    ):
        begun = campaign.begin(store, wish.target, wish.described(), engine_name, resume=wish.resume)
        report.begin(begun.name, target, is_resumed=begun.is_resumed)
        try:
            _do(store, begun, wish, manner, engine, report, ctrl_c)
        except KeysweepError as error:
            if campaign.is_nothing_begun(store, begun.name):
                campaign.end(store, begun.name, is_interrupted=False)
                raise
            failure = error
        is_interrupted = ctrl_c.is_pressed or failure is not None
        counts = campaign.end(store, begun.name, is_interrupted=is_interrupted)
        report.end(counts)
    told = Told.of(store, begun.name, target, counts, wish.fail_on, wish.again if is_interrupted else "")
    write_report(output, lambda stream: write(told, stream, form, is_file=output is not None))
    all_told = wish.receivers is None or is_interrupted or _tell(store, wish.receivers, wish.endpoint, ctrl_c)
    if failure is not None:
        click.echo(complaint(failure), err=True)
    if told.to_do:
        return ExitCode.FINDINGS
    if failure is not None:
        return failure.exit_code
    return ExitCode.INCOMPLETE if told.is_incomplete or not all_told else ExitCode.CLEAN


def _do(
    store: Store, begun: Begun, wish: Wish, manner: Manner, engine: Engine, report: Reporter, ctrl_c: CtrlC
) -> None:
    """All steps of the run, until somebody wants it to end."""
    from keysweep.cli.checks import remember
    from keysweep.cli.journalled import contained
    from keysweep.sweep import campaign
    from keysweep.sweep.run import Course, sweep_all

    def goes_on() -> bool:
        return not ctrl_c.is_pressed

    if not begun.is_listed:
        campaign.list_all(
            store,
            begun.name,
            wish.target,
            wish.wanted,
            on_progress=report.listing,
            on_wait=report.waiting,
            goes_on=goes_on,
        )
    if goes_on():
        course = Course(wish.attempts)
        sweep_all(store, begun.name, engine, manner, course=course, watch=report.sweeping, goes_on=goes_on)
    campaign.take_containments(store, contained()[0])
    if wish.partitions and goes_on():
        remember(
            campaign.ask_all(
                store,
                begun.name,
                engine,
                manner,
                wish.partitions,
                wish.endpoint,
                on_progress=report.asking,
                goes_on=goes_on,
            )
        )


def _tell(store: Store, receivers: Receivers, endpoint: str | None, ctrl_c: CtrlC) -> bool:
    """Tell the receivers what is new, and say what came of it; False where one did not take it."""
    from keysweep.cli.notify import lines_of
    from keysweep.notify.run import tell

    told = tell(store, receivers, os.environ, endpoint=endpoint, goes_on=lambda: not ctrl_c.is_pressed)
    for line in lines_of(told, Style.detect(sys.stderr, os.environ)):
        click.echo(line, err=True)
    return not told.failed
