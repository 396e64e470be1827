"""Which rules the use of keys breaks, and what it says of a leak; the unknown is not judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from keysweep.account.evidence import Account, Key, User
from keysweep.account.judging import rules
from keysweep.account.judging.replacements import replaced_use, replacement_of
from keysweep.account.judging.rules import Rule
from keysweep.account.judging.words import calls, day, some
from keysweep.account.usage.agents import Confidence, Kind, program
from keysweep.account.usage.use import GLOBAL, Sighting, Use
from keysweep.aws.notable import NOTABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.judging.checks import Bounds, Leak

_MOST_NAMED = 3
_MOST_PLACES = 5
"""More addresses make a key one that is used from everywhere."""
Broken = Iterator[tuple[Rule, tuple[str, ...]]]


def leaked_root_keys(account: Account, leaks: Mapping[str, Leak]) -> list[str]:
    """Keys of the root user that it used and that have leaked: only CloudTrail names them."""
    use = account.root_use.use if account.root_use else None
    return [key_id for key_id in (use.key_ids if use else ()) if key_id in leaks]


def of_root(account: Account, bounds: Bounds, leaks: Mapping[str, Leak]) -> Broken:
    """Of what the root user did."""
    known = account.root_use
    if known is None:
        return
    told = []
    if known.signed_in and account.taken - known.signed_in <= timedelta(days=bounds.root_days):
        told.append(f"its password was last used {day(known.signed_in)}")
    for key in account.root_keys:
        use = key.last_use.date if key.last_use else None
        if use and account.taken - use <= timedelta(days=bounds.root_days):
            told.append(f"a key of it was last used {day(use)}")
    if known.use and (recent := _since(known.use.sightings, account.taken - timedelta(days=bounds.root_days))):
        count = sum(each.count for each in recent)
        told.append(
            f"{calls(count)} in CloudTrail, the last {day(max(each.last for each in recent))}, "
            f"from {some(_distinct(each.address for each in recent))}"
        )
    told += [f"its key {key_id} has leaked" for key_id in leaked_root_keys(account, leaks)]
    if told:
        yield rules.ROOT_USE, tuple(told)


def of_key(key: Key, user: User, account: Account, bounds: Bounds, leaks: Mapping[str, Leak]) -> Broken:
    """Of what one key of a user did, who made it, and what it could do without."""
    yield from _made_by(key, bounds, leaks)
    attacks = [each for each in (key.use.sightings if key.use else ()) if each.guess.kind is Kind.ATTACK]
    if attacks:
        count = sum(each.count for each in attacks)
        last = day(max(each.last for each in attacks))
        yield rules.ATTACKED, (f"{calls(count)}, the last {last}", _from(attacks), attacks[0].guess.why)
    if told := tuple(unexpected_regions(key, account, bounds)):
        yield rules.UNEXPECTED_REGION, told
    if not key.is_active:
        return
    if instead := replacement_of(key, user, account):
        yield rules.REPLACEABLE, (*_kinds(key), f"{instead.title} can replace it")
    elif told := tuple(_unknown_use(key)):
        yield rules.REPLACEABLE, (*told, "which role can replace it depends on where that runs")
    yield from _unused(key, user, account.taken, bounds)


def is_made_with_leaked(key: Key, leaks: Mapping[str, Leak]) -> bool:
    """Whether somebody made it with a key that had leaked by then: it outlives that one."""
    made = key.creation
    leak = leaks.get(made.with_key) if made else None
    return bool(made and leak and leak.since and made.when >= leak.since)


def _made_by(key: Key, bounds: Bounds, leaks: Mapping[str, Leak]) -> Broken:
    made = key.creation
    if made is None:
        return
    if is_made_with_leaked(key, leaks):
        evidence = f"made {day(made.when)} with {made.with_key}, which had leaked, from {made.address}"
        yield rules.UNAPPROVED, (evidence, f"by {made.by} with {program(made.agent)}")
    elif bounds.creators and not any(
        fnmatchcase(name, pattern) for name in made.names for pattern in bounds.creators
    ):
        evidence = f"made {day(made.when)} by {made.by} from {made.address} with {program(made.agent)}"
        yield rules.UNAPPROVED, (evidence, f"approved are {', '.join(bounds.creators)}")


def is_guessed(key: Key, account: Account, bounds: Bounds) -> bool:
    """Whether regions are only thought to be odd: nobody said which ones are not, and they are enabled."""
    last, known = key.last_use, account.regions
    used = {each.region for each in key.use.sightings} if key.use else set()
    disabled = set(known.disabled if known else ())
    return not bounds.home_regions and not disabled & (used | ({last.region} if last else set()))


def unexpected_regions(key: Key, account: Account, bounds: Bounds) -> Iterator[str]:
    """Why the regions in which it was used are odd, a clause for each reason."""
    last, known = key.last_use, account.regions
    used: dict[str, int] = {}
    for each in key.use.sightings if key.use else ():
        if each.service not in GLOBAL:
            used[each.region] = used.get(each.region, 0) + each.count
    if last and last.date and last.region != "N/A" and last.service not in GLOBAL:
        used.setdefault(last.region, 0)
    disabled = sorted(region for region in used if known and region in known.disabled)
    if disabled:
        yield f"used in {some(disabled)}, which the account has not enabled"
    odd = [region for region in used if bounds.home_regions and region not in bounds.home_regions]
    if odd := sorted({*odd} - {*disabled}):
        yield f"used in {some(_counted(odd, used))}, and you work in {some(bounds.home_regions)}"
    if bounds.home_regions or not known:
        return
    alone = sorted(region for region in used if (region, key.key_id) in known.deserted)
    if alone:
        yield f"used in {some(_counted(alone, used))}, where CloudTrail knows of no change by anybody else"


def _unused(key: Key, user: User, now: datetime, bounds: Bounds) -> Broken:
    """Of a user who had the time to use what it may, told with one key; who uses nothing has rules of its own."""
    age = key.age(now)
    is_told = key is next(each for each in user.keys if each.is_active)
    if user.granted is None or not is_told or age is None or age < timedelta(days=bounds.idle_days):
        return
    used = [each.service for each in user.granted if each.last]
    idle = len(user.granted) - len(used)
    if used and idle:
        names = some(sorted(each.service for each in user.granted if not each.last))
        yield (
            rules.UNUSED_PERMISSIONS,
            (
                f"its user used {len(used)} of {len(user.granted)} services that it may use: {some(sorted(used))}",
                f"never in 400 days: {names}",
            ),
        )


def after_leak(key: Key, leak: Leak, account: Account, bounds: Bounds) -> tuple[str, ...]:
    """What CloudTrail knows of the time after the leak; nothing where it knows of no use."""
    use = key.use
    if use is None or leak.since is None or not use.after_leak:
        return ()
    after = [each for each in use.sightings if each.after_leak]
    told = [
        f"{calls(use.after_leak)} after the leak, the last {day(max(each.last for each in after))}",
        f"they came {_from(after)}",
    ]
    before = [each for each in use.sightings if each.was_before_leak]
    if strange := _strangers(use):
        told.append(f"not like before the leak: what came {_from(strange)}")
    elif not before:
        told.append("whether that is like before the leak is not known: CloudTrail tells of nothing before it")
    if len(places := {each.address for each in before}) > _MOST_PLACES:
        told.append(f"before the leak it was used from {len(places)} addresses, so that another one says little")
    told += _notable(use)
    told += unexpected_regions(key, account, bounds)
    return tuple(told)


def _notable(use: Use) -> Iterator[str]:
    """What was first done after the leak and is to be looked at first, by why."""
    by_why: dict[str, list[str]] = {}
    for call in use.calls:
        service, _, name = call.name.partition(":")
        if call.is_new and (why := NOTABLE.get((f"{service}.amazonaws.com", name))):
            by_why.setdefault(why, []).append(call.name)
    for why, names in by_why.items():
        yield f"first done after the leak: {some(sorted(set(names)))}, which {why}"


def is_unexpected(key: Key, account: Account, bounds: Bounds) -> bool:
    """Whether a key was used after its leak from a place, or with a program, that is not like before."""
    use = key.use
    if use is None or not use.after_leak:
        return any(True for _ in unexpected_regions(key, account, bounds))
    attack = any(each.guess.kind is Kind.ATTACK and each.after_leak for each in use.sightings)
    return attack or bool(_strangers(use)) or any(True for _ in unexpected_regions(key, account, bounds))


def _strangers(use: Use) -> list[Sighting]:
    """What came after the leak with another program than before, or from another address where there were few.

    None where nothing had come before. Runners of CI systems have another address each time.
    """
    before = [each for each in use.sightings if each.was_before_leak]
    addresses = {each.address for each in before}
    programs = {program(each.agent) for each in before}
    is_settled = len(addresses) <= _MOST_PLACES
    return [
        each
        for each in use.sightings
        if before and each.after_leak and not each.was_before_leak
        if program(each.agent) not in programs or (is_settled and each.address not in addresses)
    ]


def _kinds(key: Key) -> Iterator[str]:
    """What uses it, in clauses."""
    if key.use is None:
        return
    told = []
    for guess, count in key.use.kinds[:_MOST_NAMED]:
        sure = "" if guess.kind is Kind.UNKNOWN else f" ({guess.confidence.value}: {guess.why})"
        if guess.confidence is Confidence.SURE:
            sure = f" ({guess.why})"
        told.append(f"{calls(count)} by {guess.kind.value}{sure}")
    yield from (*told, _from(key.use.sightings))


def _unknown_use(key: Key) -> Iterator[str]:
    """What is known of a use of which nothing tells what it is."""
    use, last = key.use, key.last_use
    if use is None:
        return
    if any(guess.kind is Kind.UNKNOWN for guess, _ in use.kinds):
        yield from _kinds(key)
    elif not use.events and not use.shortfalls and last and last.date and last.date >= use.since:
        by = f" by {last.service}" if last.service != "N/A" else ""
        yield f"last used {day(last.date)}{by}, and CloudTrail tells of no call: it leaves out reads of data"


def is_surely_replaceable(key: Key) -> bool:
    """Whether it is more than a guess what uses a key, and so what can replace it."""
    guess = replaced_use(key)
    return guess is not None and guess.confidence is not Confidence.MAYBE


def _from(sightings: Sequence[Sighting]) -> str:
    addresses = _distinct(each.address for each in sightings)
    return f"from {some(addresses)} with {some(_distinct(program(each.agent) for each in sightings))}"


def _since(sightings: Sequence[Sighting], when: datetime) -> list[Sighting]:
    return [each for each in sightings if each.last >= when]


def _counted(regions: Sequence[str], counts: dict[str, int]) -> list[str]:
    return [f"{each} ({calls(counts[each])})" if counts[each] else each for each in regions]


def _distinct(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(name or "nowhere" for name in names))
