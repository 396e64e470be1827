"""`keysweep account` over many accounts: which they are, who reads them, and what is left for the next run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any

import click

from keysweep.cli.operator import account_id
from keysweep.errors import UsageError
from keysweep.frozen import frozen, replace
from keysweep.report.style import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.audit import Unreached
    from keysweep.account.evidence import Account
    from keysweep.account.reading.kept import Kept
    from keysweep.account.reading.members import Member
    from keysweep.account.reading.organisation import Way
    from keysweep.aws.mandate import Mandate
    from keysweep.aws.responders import Acting

_Command = Callable[..., Any]
_Watch = Callable[[int, int], None]


@frozen
class Wanted:
    """Which accounts, and how they are read."""

    org: bool
    accounts: tuple[str, ...]
    skipped: tuple[str, ...]
    role: str | None
    resumes: bool
    at_once: int

    @property
    def are_many(self) -> bool:
        """Whether it is about others than one's own."""
        return self.org or bool(self.accounts)


@frozen
class Read:
    """What came of it."""

    accounts: tuple[Account, ...]
    unreached: tuple[Unreached, ...] = ()
    closed: tuple[Member, ...] = ()
    """Suspended, or being closed, where no key works."""


def organisation_options(command: _Command) -> _Command:
    """Which accounts; they come as `wanted`."""

    @wraps(command)
    def wrapper(
        org: bool,
        accounts: tuple[str, ...],
        skipped: tuple[str, ...],
        role: str | None,
        resume: bool,
        jobs: int,
        **others: Any,
    ) -> Any:
        wanted = Wanted(org, tuple(dict.fromkeys(accounts)), skipped, role, resume, jobs)
        _check(wanted)
        return command(wanted=wanted, **others)

    for option in (
        click.option("--jobs", type=click.IntRange(1, 64), default=8, show_default=True, help="Accounts at once."),
        click.option("--resume", is_flag=True, help="Read only the accounts that the last run did not."),
        click.option("--role", help="Role to assume in each of them.  [default: of the policy file]"),
        _ids("--skip", "skipped", "With --org: leave this account out; repeatable."),
        _ids("--account", "accounts", "This account, through the role, in place of your own; repeatable."),
        click.option("--org", is_flag=True, help="All accounts of your organisation, through the role."),
    ):
        option(wrapper)
    return wrapper


def _ids(name: str, into: str, what: str) -> Callable[[_Command], _Command]:
    return click.option(
        name,
        into,
        multiple=True,
        metavar="ID",
        callback=lambda _context, _option, value: tuple(map(account_id, value)),
        help=what,
    )


def _check(wanted: Wanted) -> None:
    if wanted.org and wanted.accounts:
        raise UsageError("--org and --account exclude each other: --org reads every account there is.")
    if wanted.skipped and not wanted.org:
        raise UsageError("--skip goes with --org: leave the --account away instead.")
    if (wanted.resumes or wanted.role) and not wanted.are_many:
        raise UsageError("--resume and --role go with --org or --account: your own account is read at once.")


def mandated(mandate: Mandate, wanted: Wanted) -> Mandate:
    """The policy with the role that is wanted. Raises UsageError where there is none and one is needed."""
    if wanted.role:
        mandate = replace(mandate, role=wanted.role)
    if wanted.are_many and mandate.role is None:
        raise UsageError(
            "no role is named to assume in each account: give --role NAME, or name it under [responder] in "
            "containment.toml; `keysweep responder policy --with Audit` prints one."
        )
    return mandate


def read_many(wanted: Wanted, way: Way, how: str, watch: _Watch) -> Read:
    """Read all of them; `watch` hears of how many. Raises AwsError where not even the accounts can be listed."""
    from keysweep.account.reading.kept import Kept
    from keysweep.account.reading.members import Member, members
    from keysweep.aws.containment.journal import directory

    operator = way.responders.operator(way.partition)
    listed = members(operator) if wanted.org else [Member(each) for each in wanted.accounts]
    unknown = set(wanted.skipped) - {each.account for each in listed}
    if unknown:
        raise UsageError(f"--skip names {', '.join(sorted(unknown))}, which is not in the organisation.")
    chosen = [each for each in listed if each.account not in wanted.skipped]
    closed = tuple(each for each in chosen if not each.is_open)
    todo = [each for each in chosen if each.is_open]
    if not todo:
        raise UsageError("no account is left to read: all are skipped, suspended or being closed.")
    with Kept(directory() / "accounts" / f"{way.partition}-{operator.account}.jsonl", how) as kept:
        known = _known(kept, operator, todo) if wanted.resumes else {}
        found = _read(todo, known, kept, way, watch)
    return replace(found, closed=closed)


def _known(kept: Kept, operator: Acting, todo: Sequence[Member]) -> dict[str, Account]:
    """What the last run has read of them."""
    wanted = {each.account for each in todo}
    known = {name: each for name, each in kept.accounts(operator.now()).items() if name in wanted}
    _say(
        f"{len(known)} of {number_of(len(todo), 'account')} were read by the last run and are not asked again"
        if known
        else "no earlier run has left accounts to go on with, so all are read"
    )
    return known


def _read(todo: Sequence[Member], known: dict[str, Account], kept: Kept, way: Way, watch: _Watch) -> Read:
    from keysweep.account.evidence import Account
    from keysweep.account.reading.organisation import read_all

    keep = _keeper(kept, known.values())
    read = list(known.values())
    unreached = []
    watch(len(known), len(todo))
    for each in read_all([each for each in todo if each.account not in known], way):
        if isinstance(each, Account):
            read.append(each)
            keep(each)
        else:
            unreached.append(each)
        watch(len(read) + len(unreached), len(todo))
    if unreached or any(each.gaps for each in read):
        _say("not every account was read whole: the same with --resume reads only the others")
    else:
        with suppress(OSError):  # accounts that were read today, and are read again tomorrow
            kept.clear()
    return Read(tuple(sorted(read, key=lambda it: it.id)), tuple(sorted(unreached, key=lambda it: it.account)))


def _keeper(kept: Kept, known: Iterable[Account]) -> Callable[[Account], None]:
    """Whom to give each account to, so that the next run finds it; says once that this does not work."""
    is_told = False

    def attempt(keep: Callable[[], None]) -> None:
        nonlocal is_told
        try:
            keep()
        except OSError as error:
            if not is_told:
                _say(f"{kept.path} cannot be written ({error.strerror}): --resume will read all accounts again")
            is_told = True

    attempt(lambda: kept.begin(known))
    return lambda account: attempt(lambda: kept.add(account))


def _say(text: str) -> None:
    print(f"keysweep: {text}.", file=sys.stderr)
