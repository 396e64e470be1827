"""Which rules an account breaks, each with its evidence. Nothing is asked here; the unknown is not judged."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from keysweep.account.evidence import Account, Key, Trail, User
from keysweep.account.judging import of_use, rules
from keysweep.account.judging.replacements import Replacement, replacement_of
from keysweep.account.judging.rules import RULES, Rule
from keysweep.account.judging.strength import is_held, is_powerful, power_of, simulation_of
from keysweep.account.judging.words import day, some
from keysweep.findings import Severity
from keysweep.frozen import frozen

_OWN_CHECK = timedelta(minutes=2)
_USED_LATE = timedelta(hours=1)
"""IAM may tell of a use with the time at which it was noted."""
_ORDER = {rule.id: number for number, rule in enumerate(RULES)}
_DASHED = re.compile(r"(--(?:user|role)-name) (?=-)")
"""Where a name would be read as an option: IAM lets names begin with a dash."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@frozen
class Bounds:
    """How old and how idle a key may be, who may make it, and where it may be used."""

    most_days: int = 90
    """Of age."""
    idle_days: int = 45
    kept_days: int = 30
    """That an inactive key is kept, since its last use."""
    root_days: int = 90
    """Within which the root user may not be used."""
    creators: tuple[str, ...] = ()
    """Patterns of who may make keys; anybody may if there are none."""
    home_regions: tuple[str, ...] = ()
    """Where keys may be used; what is unusual is guessed if there are none."""
    usage_days: int = 0
    """How far back it was asked what uses the keys; 0 where it was not, and no rule about that is judged."""
    usage_regions: tuple[str, ...] = ()
    """Where CloudTrail was asked; everywhere if there are none."""


@frozen
class Leak:
    """What is known of a key that was found where it should not be."""

    since: datetime | None
    """When it was first committed; aware UTC."""
    places: tuple[str, ...]
    checked: datetime | None = None
    """When keysweep itself used the key to verify it."""


@frozen
class Lapse:
    """A rule that one key breaks, or the account itself."""

    rule: Rule
    severity: Severity
    account: str
    key: Key | None
    """None where it is about the account."""
    user: User | None
    """None for the root user, and for the account."""
    evidence: tuple[str, ...]
    """Clauses."""
    age_days: int = 0
    """Of the key, as far as it is known."""
    rank: int = 0
    """Of those that are as severe, which is worse: how much speaks for harm by a leaked key."""
    replacement: Replacement | None = None
    """What to have in place of the key, where the rule says that there is something."""

    def steps(self) -> rules.Remedy:
        """How to mend it, with the names of this key."""
        key = self.key
        told = {
            "user": shlex.quote((key.user if key else None) or "root"),
            "key_id": (key.key_id if key else "") or "KEY_ID",
            "arn": shlex.quote(key.arn if key else ""),
            "policies": ", ".join(self.user.powers.granted_by if self.user and self.user.powers else ()),
        }
        is_other = self.rule is not rules.ROOT_KEY and key is not None and key.user is None
        remedy = rules.OF_LEAKED_ROOT_KEY if is_other else self.rule.remedy
        return rules.Remedy(
            tuple(_DASHED.sub(r"\1=", each.format_map(told)) for each in remedy.cli),
            remedy.terraform.format_map(told),
            remedy.console.format_map(told),
        )


def lapses(account: Account, bounds: Bounds, leaks: Mapping[str, Leak]) -> list[Lapse]:
    """Every rule that is broken, what is worst first."""
    of_root = of_use.of_root(account, bounds, leaks)
    found = [
        Lapse(rule, _severity(rule, account, bounds, leaks), account.id, None, None, evidence)
        for rule, evidence in (*_of_account(account), *of_root)
    ]
    for key, user in account.each_key():
        leak = leaks.get(key.key_id) if key.key_id else None
        rank = _rank(key, user, account, bounds, leak)
        age = _days(key.age(account.taken))
        for rule, told in _broken(key, user, account, bounds, leaks):
            severity = _severity(rule, account, bounds, leaks, key, user)
            evidence = (*told, *_context(rule, key, user, leak))
            instead = replacement_of(key, user, account) if rule is rules.REPLACEABLE and user else None
            found.append(Lapse(rule, severity, account.id, key, user, evidence, age, rank, instead))
    return sorted(found, key=urgency)


def urgency(lapse: Lapse) -> tuple[int, int, int, int, str, str, str]:
    """By which what is worst comes first, in one account and over many."""
    key = lapse.key
    return (
        -lapse.severity,
        -lapse.rank,
        _ORDER[lapse.rule.id],
        -lapse.age_days,
        lapse.account,
        (key.user if key else None) or "",
        key.key_id if key else "",
    )


def _rank(key: Key, user: User | None, account: Account, bounds: Bounds, leak: Leak | None) -> int:
    """How much speaks for harm: from an unexpected place, powerful, used after its leak, of unknown power, old.

    0 without a leak.
    """
    if leak is None or not key.is_active:
        return 0
    age = key.age(account.taken)
    is_used = _used_after(key, leak) is not None or bool(key.use and key.use.after_leak)
    told = (
        is_used and of_use.is_unexpected(key, account, bounds),
        user is None or is_powerful(user),
        is_used,
        user is not None and user.powers is None,
        age is not None and age > timedelta(days=bounds.most_days),
    )
    return sum(2**place for place, is_so in enumerate(reversed(told)) if is_so)


def _of_account(account: Account) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    trails = account.trails
    if trails is None or any(each.is_everywhere and each.is_enough for each in trails):
        return
    told = [f"trail {each.name} {_lacks(each)}" for each in trails]
    covered = {each.home for each in trails if each.is_enough}
    if told and account.regions and account.regions.enabled:
        bare = [region for region in account.regions.enabled if region not in covered]
        told.append(f"no trail in {some(bare)}" if bare else "every region of today has one, no later one will")
    yield rules.NO_TRAIL, tuple(told) or ("there is no trail",)


def _lacks(trail: Trail) -> str:
    """Why a trail is not enough, a clause."""
    if not trail.is_logging:
        return "is switched off"
    return "is for one region" if trail.is_whole else "leaves out calls that manage the account"


def _broken(
    key: Key, user: User | None, account: Account, bounds: Bounds, leaks: Mapping[str, Leak]
) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    leak = leaks.get(key.key_id) if key.key_id else None
    if user is None:
        yield rules.ROOT_KEY, ("it may do everything", _state(key), _made(key), _used(key))
    if leak and key.is_active:
        yield rules.LEAKED, (_leaked(leak), _used(key))
        trailed = of_use.after_leak(key, leak, account, bounds)
        when = _used_after(key, leak)
        if trailed or when is not None:
            told = (f"last used {day(when)}{_where(key)}",) if when else ()
            yield rules.USED_AFTER_LEAK, (_leaked(leak), *told, *trailed)
    if leak and not key.is_active:
        yield rules.LEAKED_INACTIVE, (_leaked(leak),)
        if trailed := of_use.after_leak(key, leak, account, bounds):
            yield rules.USED_AFTER_LEAK, (_leaked(leak), "it is switched off now", *trailed)
    if user is None:
        return
    yield from of_use.of_key(key, user, account, bounds, leaks)
    idle, age = key.idle(account.taken), key.age(account.taken)
    if key.is_active:
        yield from _of_active(key, user, bounds, idle, age)
    elif not leak and idle is not None and idle > timedelta(days=bounds.kept_days):
        yield rules.KEPT, (f"not used for {idle.days} days", _made(key))


def _of_active(
    key: Key, user: User, bounds: Bounds, idle: timedelta | None, age: timedelta | None
) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    if user.powers and user.powers.takes_over:
        yield rules.POWERFUL, ()
    is_idle = idle is not None and idle > timedelta(days=bounds.idle_days)
    if is_idle and key.is_never_used:
        yield rules.NEVER_USED, (_made(key),)
    elif is_idle and idle:
        yield rules.UNUSED, (f"not used for {idle.days} days", _used(key))
    if age is not None and age > timedelta(days=bounds.most_days):
        told = f"{age.days} days old, at most {bounds.most_days} are allowed"
        yield rules.OLD, (told, *(["nobody uses it: switch it off in place of rotating it"] if is_idle else []))
    active = [each for each in user.keys if each.is_active]
    if len(active) > 1 and key is min(active, key=_recency):
        other = next(each for each in active if each is not key)
        yield rules.TWO_ACTIVE, (f"the other one is {other.name}, {_used(other)}", _used(key))


def _severity(
    rule: Rule,
    account: Account,
    bounds: Bounds,
    leaks: Mapping[str, Leak],
    key: Key | None = None,
    user: User | None = None,
) -> Severity:
    """That of the rule, or another where something makes it better or worse."""
    if rule is rules.ROOT_USE and of_use.leaked_root_keys(account, leaks):
        return Severity.CRITICAL
    if key is None:
        return rule.severity
    if rule is rules.UNAPPROVED and of_use.is_made_with_leaked(key, leaks):
        return Severity.CRITICAL
    harmless = user is not None and user.powers is not None and not user.powers.services
    better = {
        rules.LEAKED: (harmless, Severity.HIGH),
        rules.USED_AFTER_LEAK: (not key.is_active, Severity.HIGH),
        rules.POWERFUL: (user is not None and is_held(user), Severity.MEDIUM),
        rules.UNEXPECTED_REGION: (of_use.is_guessed(key, account, bounds), Severity.MEDIUM),
        rules.REPLACEABLE: (not of_use.is_surely_replaceable(key), Severity.LOW),
    }
    is_better, severity = better.get(rule, (False, rule.severity))
    return severity if is_better else rule.severity


def _context(rule: Rule, key: Key, user: User | None, leak: Leak | None) -> Iterator[str]:
    """What makes it worse or better, beside what breaks the rule."""
    if rule in {rules.LEAKED, rules.USED_AFTER_LEAK, rules.POWERFUL} and user:
        yield power_of(user)
        yield from simulation_of(user)
    if rule in {rules.LEAKED, rules.USED_AFTER_LEAK} and key.user is None:
        yield "it is a key of the root user, which may do everything"
    if leak and leak.places and rule in {rules.LEAKED, rules.USED_AFTER_LEAK}:
        more = f" and {len(leak.places) - 1} more" if len(leak.places) > 1 else ""
        yield f"found at {leak.places[0]}{more}"
    if rule is rules.POWERFUL:
        yield _used(key)


def _leaked(leak: Leak) -> str:
    return f"leaked on {day(leak.since)}" if leak.since else "leaked"


def _used_after(key: Key, leak: Leak) -> datetime | None:
    """When it was used after it had leaked, by somebody else than keysweep; None where that is not known."""
    use = key.last_use
    if use is None or use.date is None or leak.since is None or use.date < leak.since + _USED_LATE:
        return None
    is_own = use.service == "sts" and leak.checked is not None and abs(use.date - leak.checked) <= _OWN_CHECK
    return None if is_own else use.date


def _state(key: Key) -> str:
    return "it is active" if key.is_active else "it is switched off"


def _made(key: Key) -> str:
    return f"made {day(key.created)}" if key.created else "when it was made is not known"


def _used(key: Key) -> str:
    if key.last_use is None:
        return "whether it is used is not known"
    if key.last_use.date is None:
        return "never used"
    return f"last used {day(key.last_use.date)}{_where(key)}"


def _where(key: Key) -> str:
    use = key.last_use
    if use is None:
        return ""
    by = f" by {use.service}" if use.service != "N/A" else ""
    return f"{by} in {use.region}" if use.region != "N/A" else by


def _recency(key: Key) -> tuple[datetime, datetime]:
    """By which of two keys the one is chosen that is missed less."""
    return (key.last_use.date if key.last_use and key.last_use.date else _NEVER, key.created or _NEVER)


def _days(span: timedelta | None) -> int:
    return span.days if span else 0
