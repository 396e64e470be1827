"""What the keys of an account did, who made them, and what the root user did: read from CloudTrail.

Asked only where somebody wishes it: two questions a second in each region make minutes of many keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from keysweep.account.evidence import Account, Gap, Key, Regions, RootUse
from keysweep.account.judging.words import some
from keysweep.account.usage.agents import Kind
from keysweep.account.usage.lookups import Pacing, Question, answered
from keysweep.account.usage.tallies import Creations, Others, Sightings
from keysweep.account.usage.use import Call, Use, away_from_home, use_of
from keysweep.aws.clients import DENIED
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError
from keysweep.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.judging.checks import Leak

NEEDS = "cloudtrail:LookupEvents"
_MOST_PAGES = 20
_MOST_PAGES_OF_LEAKED = 200
_MOST_PAGES_OF_OTHERS = 5
_LATE = timedelta(days=1)
"""So late may IAM tell of the last use of a key, and more."""
_ROOT, _MADE = ("Username", "root"), ("EventName", "CreateAccessKey")
_CHANGES = ("ReadOnly", "false")


@frozen
class Told:
    """What CloudTrail told of an account."""

    keys: Mapping[str, Use]
    """By key ID; a key of which nothing at all could be asked is not among them."""
    creations: Creations | None
    """None where that was not told."""
    root: Use | None
    gaps: tuple[Gap, ...]
    passed_over: int
    """Keys that were not looked up, because IAM says that they were not used in that time."""


def told(
    acting: Acting,
    account: Account,
    regions: Sequence[str],
    since: datetime,
    leaks: Mapping[str, Leak],
    pacing: Pacing,
    watch: Callable[[str, int, int], None],
) -> Told:
    """Ask about every active key in every region, those that leaked first, until `pacing` says no."""
    keys = [key for key, _ in account.each_key() if key.key_id and (key.is_active or key.key_id in leaks)]
    wanted = sorted(
        (key for key in keys if _may_have_been_used(key, since, pacing.until, leaks)),
        key=lambda it: it.key_id not in leaks,
    )
    home = acting.partition.region
    asked: list[Question[Any]] = []
    for region in dict.fromkeys([home, *regions]):
        ours = [_of_key(key, region, since, leaks.get(key.key_id)) for key in wanted]
        leaked = sum(key.key_id in leaks for key in wanted)
        made = [Question(region, _MADE, Creations, since, _MOST_PAGES)] if region == home else []
        asked += [*ours[:leaked], *made, _of_root(region, since), *ours[leaked:]]
    done: list[Question[Any]] = []
    for number, each in enumerate(answered(acting, asked, pacing), 1):
        done.append(each)
        watch("answers of CloudTrail", number, len(asked))
    by_subject: dict[tuple[str, str], list[Question[Any]]] = {}
    for each in done:
        by_subject.setdefault(each.attribute, []).append(each)
    uses = {
        key.key_id: use
        for key in wanted
        if (use := _use(by_subject.get(("AccessKeyId", key.key_id), []), since, pacing.until))
    }
    made = by_subject.get(_MADE, [])
    is_made_known = bool(made) and (made[0].error is None or made[0].pages > 0)
    return Told(
        uses,
        made[0].tally if is_made_known else None,
        _use(by_subject.get(_ROOT, []), since, pacing.until),
        tuple(_gaps(done)),
        len(keys) - len(wanted),
    )


def deserted(acting: Acting, told: Told, since: datetime, pacing: Pacing) -> tuple[tuple[str, str], ...]:
    """Region and key ID, where the key works mostly elsewhere and nobody but it changed anything.

    Of very many changes the newest are looked at.
    """
    users: dict[str, set[str]] = {}
    for key_id, use in told.keys.items():
        for region in away_from_home(use):
            users.setdefault(region, set()).add(key_id)
    everybody = {region for use in (*told.keys.values(), told.root) if use for region in use_of(use)}
    several = {
        region
        for region in everybody
        if sum(region in use_of(use) for use in (*told.keys.values(), told.root) if use) > 1
    }
    asked = [
        Question(region, _CHANGES, Others, since, _MOST_PAGES_OF_OTHERS)
        for region in users
        if region not in several
    ]
    found = set()
    for each in answered(acting, asked, pacing):
        (key_id,) = users[each.region]
        if (each.error is None or each.pages) and each.tally.keys <= {key_id}:
            found.add((each.region, key_id))
    return tuple(sorted(found))


def told_of(account: Account, told: Told, found: tuple[tuple[str, str], ...]) -> Account:
    """The account with it."""
    creations = told.creations.found if told.creations else {}

    def with_use(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        return tuple(
            replace(key, use=told.keys.get(key.key_id), creation=creations.get(key.key_id)) for key in keys
        )

    users = tuple(replace(user, keys=with_use(user.keys)) for user in account.users)
    regions = account.regions or Regions(())
    return replace(
        account,
        users=users,
        root_keys=with_use(account.root_keys),
        root_use=RootUse(account.root_use.signed_in if account.root_use else None, told.root),
        regions=replace(regions, deserted=found),
        gaps=(*account.gaps, *told.gaps),
    )


def _may_have_been_used(key: Key, since: datetime, until: datetime, leaks: Mapping[str, Leak]) -> bool:
    """Whether there is anything to be found; of a key that leaked it is not left to IAM to say so."""
    if key.key_id in leaks or key.last_use is None:
        return True
    if key.created is None or key.created >= until - _LATE:
        return True
    return key.last_use.date is not None and key.last_use.date >= since - _LATE


def _of_key(key: Key, region: str, since: datetime, leak: Leak | None) -> Question[Any]:
    def empty() -> Sightings:
        return Sightings(region, leak.since if leak else None, leak.checked if leak else None, of_root=False)

    pages = _MOST_PAGES_OF_LEAKED if leak else _MOST_PAGES
    return Question(region, ("AccessKeyId", key.key_id), empty, since, pages)


def _of_root(region: str, since: datetime) -> Question[Any]:
    return Question(region, _ROOT, lambda: Sightings(region, None, None, of_root=True), since, _MOST_PAGES)


def _use(parts: Iterable[Question[Any]], since: datetime, until: datetime) -> Use | None:
    """What the answers of all regions come to; None where none answered."""
    parts = list(parts)
    if not any(each.pages for each in parts):
        return None
    sightings = sorted(
        (it for each in parts for it in each.tally.sightings), key=lambda it: (-it.count, it.region, it.service)
    )
    return Use(
        since,
        until,
        tuple(sightings),
        _calls(parts),
        tuple(sorted((each.region, _clause(each.error)) for each in parts if each.error)),
        tuple(sorted({key_id for each in parts for key_id in each.tally.key_ids})),
    )


def _calls(parts: Iterable[Question[Any]]) -> tuple[Call, ...]:
    """Those of all regions together."""
    found: dict[tuple[str, Kind], bool] = {}
    for each in parts:
        for call, is_new in each.tally.calls.items():
            found[call] = found.get(call, True) and is_new
    named = (Call(name, kind, is_new) for (name, kind), is_new in found.items())
    return tuple(sorted(named, key=lambda it: (it.name, it.kind.value)))


def _gaps(done: Iterable[Question[Any]]) -> Iterable[Gap]:
    """One for each reason, with the regions; one key of which more was to be read hides no other."""
    none: dict[tuple[str, str], dict[str, None]] = {}
    partly: dict[str, tuple[dict[str, None], dict[tuple[str, str], None]]] = {}
    for each in done:
        if each.error is None:
            continue
        reason = _clause(each.error)
        if each.pages:
            regions, subjects = partly.setdefault(reason, ({}, {}))
            regions[each.region] = subjects[each.attribute] = None
        else:
            needs = NEEDS if each.error.code in DENIED else ""
            none.setdefault((needs, reason), {})[each.region] = None
    for (needs, reason), regions in none.items():
        yield Gap(f"what keys did in {some(sorted(regions))}", needs, reason)
    for reason, (regions, subjects) in partly.items():
        names = [name for attribute, name in subjects if attribute == "AccessKeyId"]
        who = some(sorted(names)) if names else "the root user and whoever made keys"
        yield Gap(f"all that {who} did in {some(sorted(regions))}", "", reason)


def _clause(error: AwsError) -> str:
    return str(error).rstrip(".")
