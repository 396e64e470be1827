"""What uses the keys of an account: IAM is asked of services and powers, CloudTrail of the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from keysweep.account.evidence import Account, Gap, Regions, Trail
from keysweep.account.reading.asking import alone
from keysweep.account.usage import trailed
from keysweep.account.usage.advised import advised
from keysweep.account.usage.lookups import Pacing
from keysweep.account.usage.regions import WHAT as REGIONS
from keysweep.account.usage.regions import regions_of, trails_in
from keysweep.account.usage.simulated import simulated
from keysweep.aws.responders import Acting
from keysweep.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.judging.checks import Leak

NOT_ASKED = (
    "What uses each key was not asked: --usage asks CloudTrail what the keys did, and IAM which services are used "
    "and what takes permissions away again."
)


@frozen
class Wanted:
    """How far is looked."""

    days: int = 90
    """Back in time; CloudTrail keeps 90."""
    regions: tuple[str, ...] = ()
    """Where CloudTrail is asked; all that are enabled if there are none."""
    judges_creators: bool = False
    """Whether it is said who may make keys."""


def with_usage(
    acting: Acting,
    account: Account,
    wanted: Wanted,
    leaks: Mapping[str, Leak],
    *,
    watch: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
    goes_on: Callable[[], bool] = lambda: True,
    sleep: Callable[[float], None] = time.sleep,
) -> Account:
    """The account with all that is known of the use of its keys, as far as it was read until `goes_on` says no.

    `watch` hears of what so many of so many are read. What could not be read stands in `gaps`.
    """
    account = _with_iam(acting, account, leaks, watch, goes_on, sleep)
    until = acting.now()
    since = until - timedelta(days=wanted.days)
    pacing = Pacing(until, goes_on, sleep)
    missed: list[Gap] = []
    nothing = Regions((acting.partition.region,)), ()
    regions, gaps = alone(lambda: regions_of(acting), REGIONS, missed, goes_on) or nothing
    gaps = () if wanted.regions else (*gaps, *missed)
    account = replace(account, regions=regions, gaps=(*account.gaps, *gaps))
    chosen = wanted.regions or regions.enabled
    account = _with_trails(acting, account, chosen, goes_on)
    told = trailed.told(acting, account, chosen, since, leaks, pacing, watch)
    account = trailed.told_of(account, told, trailed.deserted(acting, told, since, pacing))
    return replace(account, notes=(*account.notes, *_notes(account, told, wanted, since)))


def _notes(account: Account, told: trailed.Told, wanted: Wanted, since: datetime) -> Iterator[str]:
    """What cannot be told, and is no gap: nobody has it, or nobody wished to know."""
    if told.passed_over:
        yield f"Keys that IAM says were not used in the last {wanted.days} days were not looked up in CloudTrail."
    if not wanted.judges_creators:
        yield "Who made each key was not judged: --approved-creator says who may."
    elif any(user and (key.created is None or key.created < since) for key, user in account.each_key()):
        yield f"Who made keys older than {wanted.days} days is not known: CloudTrail was not asked further back."


def _with_iam(
    acting: Acting,
    account: Account,
    leaks: Mapping[str, Leak],
    watch: Callable[[str, int, int], None],
    goes_on: Callable[[], bool],
    sleep: Callable[[float], None],
) -> Account:
    iam = acting.client("iam")
    users = [user for user in account.users if any(key.is_active or key.key_id in leaks for key in user.keys)]
    powerful = [user for user in users if user.powers and user.powers.takes_over]
    powers, gaps = simulated(iam, powerful, goes_on)
    services, more = advised(iam, users, watch, goes_on, sleep)
    return replace(
        account,
        users=tuple(
            replace(user, granted=services.get(user.name), simulated=powers.get(user.name))
            for user in account.users
        ),
        gaps=(*account.gaps, *gaps, *more),
    )


def _with_trails(
    acting: Acting, account: Account, regions: tuple[str, ...], goes_on: Callable[[], bool]
) -> Account:
    """With the trails of each region, where none is for all of them."""
    known = account.trails
    if known is None or any(each.is_everywhere and each.is_enough for each in known):
        return account
    missed: list[Gap] = []
    told = alone(lambda: trails_in(acting, regions, goes_on), "the trails of each region", missed, goes_on)
    found, gaps = told or ((), tuple(missed))
    merged: dict[tuple[str, str], Trail] = {(each.name, each.home): each for each in (*known, *found)}
    return replace(account, trails=tuple(merged.values()), gaps=(*account.gaps, *_merged(gaps)))


def _merged(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """Those with the same reason as one."""
    regions: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        regions.setdefault((gap.needs, gap.reason), []).append(gap.what)
    return tuple(
        Gap(names[0] if len(names) == 1 else f"{names[0]} and of {len(names) - 1} more regions", needs, reason)
        for (needs, reason), names in regions.items()
    )
