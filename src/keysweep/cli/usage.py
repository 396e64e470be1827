"""The options of `keysweep account` that are about the use of keys, and that use asked for."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import click

from keysweep.cli.progress import TerminalLine
from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.regions import is_region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.evidence import Account
    from keysweep.account.judging.checks import Leak
    from keysweep.aws.responders import Acting

_Command = Callable[..., Any]
_MOST_DAYS = 90
"""CloudTrail tells of no more."""


@frozen
class Usage:
    """What somebody wishes to know of the use of keys."""

    is_asked: bool
    days: int | None
    regions: tuple[str, ...]
    creators: tuple[str, ...]
    home_regions: tuple[str, ...]

    def check(self) -> None:
        """Raises UsageError for what goes with --usage only, and for regions that cannot be any."""
        given = (
            ("--region", self.regions),
            ("--approved-creator", self.creators),
            ("--usage-days", self.days is not None),
        )
        for name, is_given in given:
            if is_given and not self.is_asked:
                raise UsageError(f"{name} goes with --usage: CloudTrail is asked only with that.")
        for region in (*self.regions, *self.home_regions):
            if not is_region(region):
                raise UsageError(f"{region!r} is no region: give the name of one, such as eu-west-1.")

    @property
    def back(self) -> int:
        """In days."""
        return self.days or _MOST_DAYS

    @property
    def bounds(self) -> tuple[tuple[str, ...], tuple[str, ...], int, tuple[str, ...]]:
        """What keys are held to, as `Bounds` has it."""
        return self.creators, self.home_regions, self.back if self.is_asked else 0, tuple(sorted({*self.regions}))

    def how(self, leaks: Mapping[str, Leak]) -> str:
        """What this adds to the way in which accounts are read: another way finds other things in them."""
        if not self.is_asked:
            return f", leaks {sha256(repr(sorted(leaks)).encode()).hexdigest()[:16]}" if leaks else ""
        dates = sorted((name, str(each.since)) for name, each in leaks.items())
        told = repr((self.back, self.regions, bool(self.creators), dates))
        return f", use {sha256(told.encode()).hexdigest()[:16]}"

    def read(
        self,
        acting: Acting,
        account: Account,
        leaks: Mapping[str, Leak],
        *,
        goes_on: Callable[[], bool],
        is_shown: bool = True,
    ) -> Account:
        """The account with the use of its keys, or with a note that nobody asked; `is_shown` as it comes."""
        from keysweep.account.usage.wanted import NOT_ASKED, Wanted, with_usage
        from keysweep.frozen import replace

        if not self.is_asked:
            return replace(account, notes=(*account.notes, NOT_ASKED))
        line = TerminalLine(sys.stderr) if is_shown and sys.stderr.isatty() else None

        def watch(what: str, done: int, number: int) -> None:
            if line:
                line.show(f"{what}: {done} of {number}")

        try:
            wanted = Wanted(self.back, self.regions, bool(self.creators))
            return with_usage(acting, account, wanted, leaks, watch=watch, goes_on=goes_on)
        finally:
            if line:
                line.clear()


def usage_options(command: _Command) -> _Command:
    """The options, which the command gets together as `usage`."""

    @click.option("--usage", "usage_asked", is_flag=True, help="Ask CloudTrail and IAM what uses each active key.")
    @click.option(
        "--usage-days",
        type=click.IntRange(1, _MOST_DAYS),
        help="How far back CloudTrail is asked.  [default: 90]",
    )
    @click.option(
        "--region",
        "regions",
        metavar="REGION",
        multiple=True,
        help="Ask CloudTrail here only, and where IAM writes its events; repeatable.  [default: all enabled ones]",
    )
    @click.option(
        "--approved-creator",
        "creators",
        metavar="GLOB",
        multiple=True,
        help="Who may make keys: name or ARN of a user or role; repeatable.  [default: not judged]",
    )
    @click.option(
        "--home-region",
        "home_regions",
        metavar="REGION",
        multiple=True,
        help="Where your keys are used; elsewhere is unexpected; repeatable.  [default: guessed from --usage]",
    )
    @functools.wraps(command)
    def with_usage(
        *arguments: Any,
        usage_asked: bool,
        usage_days: int | None,
        regions: tuple[str, ...],
        creators: tuple[str, ...],
        home_regions: tuple[str, ...],
        **others: Any,
    ) -> Any:
        usage = Usage(usage_asked, usage_days, regions, creators, home_regions)
        return command(*arguments, usage=usage, **others)

    return with_usage
