"""What a run leaves for later ones, in numbers and without names, and what has changed since an earlier one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from keysweep.account.audit import Audit, Judged
from keysweep.account.evidence import Key
from keysweep.account.judging import rules
from keysweep.account.judging.ages import band_of
from keysweep.account.judging.checks import Bounds, Lapse
from keysweep.account.judging.identity import lapse_id, named
from keysweep.account.judging.rules import RULES
from keysweep.frozen import fields, frozen

FORMAT, VERSION = "keysweep-account-run", 1
_BY_ID = {each.id: each for each in RULES}
_ALWAYS = ("most_days", "idle_days", "kept_days")
"""Bounds that are told whatever they are; the others where they are not the usual ones."""
_OF_LEAKS = frozenset({rules.LEAKED.id, rules.USED_AFTER_LEAK.id, rules.LEAKED_INACTIVE.id})
"""Rules that are judged only for keys that the run was told of as leaked."""
_OF_USE = frozenset({rules.ATTACKED.id, rules.UNEXPECTED_REGION.id})
"""Rules for which CloudTrail is asked about active keys, and about those that the run was told of as leaked."""


@frozen
class Counted:
    """One account as a run saw it."""

    account: str
    complete: bool
    keys: int
    active: int
    by_severity: Mapping[str, int]
    by_age: Mapping[str, int]
    """Of active keys, by the name of the band."""
    lapses: Mapping[str, tuple[str, ...]]
    """Rule to what names each lapse of it."""
    carried: Mapping[str, tuple[str, ...]]
    """The same of earlier lapses that this run did not look for: they are neither there nor mended."""

    def found(self) -> frozenset[str]:
        """What names the lapses that it found."""
        return frozenset(name for names in self.lapses.values() for name in names)

    def names(self) -> frozenset[str]:
        """The same with those that may still be there."""
        return self.found().union(*self.carried.values())


@frozen
class Run:
    """One run of `keysweep account`."""

    taken: datetime
    """Aware UTC."""
    complete: bool
    how: Mapping[str, int | str]
    """What decides which lapses a run finds, beside the accounts: runs that differ in it are not compared."""
    accounts: tuple[Counted, ...]
    unreached: tuple[str, ...]
    """Accounts that it was to read and could not."""

    @property
    def wanted(self) -> frozenset[str]:
        """The accounts that it was about."""
        return frozenset((*(each.account for each in self.accounts), *self.unreached))

    def count(self, severity: str) -> int:
        """Lapses of that severity."""
        return sum(each.by_severity.get(severity, 0) for each in self.accounts)


@frozen
class Mended:
    """A lapse of an earlier run that this one looked for and did not find."""

    id: str
    account: str
    rule: str
    key: Key | None
    """None where it was about the account itself, or where the key is gone."""
    is_gone: bool
    """Whether the account has no such key any more."""


@frozen
class Unjudged:
    """A lapse of an earlier run that this one did not look for, or may have missed."""

    id: str
    account: str
    rule: str


@frozen
class Change:
    """What is otherwise than in the last complete runs of the same accounts."""

    since: datetime
    """When the newest of them was."""
    accounts: int
    """How many accounts could be compared."""
    new: tuple[Lapse, ...]
    mended: tuple[Mended, ...]
    unjudged: tuple[Unjudged, ...]
    """Nobody knows whether these are mended."""


def how(bounds: Bounds) -> dict[str, int | str]:
    """What is said of a run to know which others it can be compared with."""
    usual = Bounds()
    told: dict[str, int | str] = {}
    for name in fields(Bounds):
        value = getattr(bounds, name)
        if name in _ALWAYS or value != getattr(usual, name):
            told[name.replace("_", "-")] = value if isinstance(value, int) else _digest(value)
    return told


def _digest(value: object) -> str:
    """What is the same for the same patterns and names, and tells none of them."""
    return sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def summary(audit: Audit, bounds: Bounds, change: Change | None, taken: datetime) -> Run:
    """What is kept of a run."""
    unjudged = change.unjudged if change else ()
    accounts = tuple(_counted(each, audit, unjudged) for each in audit.judged)
    return Run(taken, audit.is_complete, how(bounds), accounts, tuple(each.account for each in audit.unreached))


def _counted(judged: Judged, audit: Audit, unjudged: Iterable[Unjudged]) -> Counted:
    account = judged.account
    keys = [key for key, _ in account.each_key()]
    return Counted(
        account.id,
        _is_complete(judged, audit),
        len(keys),
        sum(key.is_active for key in keys),
        Counter(lapse.severity.label for lapse in judged.lapses),
        Counter(band_of(key, account.taken).name for key in keys if key.is_active),
        _by_rule((lapse.rule.id, lapse_id(lapse)) for lapse in judged.lapses),
        _by_rule((each.rule, each.id) for each in unjudged if each.account == account.id),
    )


def _by_rule(named: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for rule, name in named:
        found.setdefault(rule, set()).add(name)
    return {rule: tuple(sorted(names)) for rule, names in found.items()}


def _is_complete(judged: Judged, audit: Audit) -> bool:
    return not judged.account.gaps and not audit.gaps


def since(audit: Audit, bounds: Bounds, runs: Iterable[Run]) -> Change | None:
    """What has changed since the last complete run of each account; None where there was none.

    A run with other bounds finds other lapses, so it is passed over.
    """
    earlier = _last_of_each(run for run in runs if dict(run.how) == how(bounds))
    new: list[Lapse] = []
    mended: list[Mended] = []
    unjudged: list[Unjudged] = []
    times = []
    for judged in audit.judged:
        if (found := earlier.get(judged.account.id)) is None:
            continue
        taken, before = found
        times.append(taken)
        known = before.names()
        new += [lapse for lapse in judged.lapses if lapse_id(lapse) not in known]
        gone = list(_gone(judged, before))
        settled = list(_mended(judged, audit, gone, bounds)) if _is_complete(judged, audit) else []
        mended += settled
        names = {each.id for each in settled}
        unjudged += [Unjudged(name, judged.account.id, rule) for rule, name in gone if name not in names]
    return Change(max(times), len(times), tuple(new), tuple(mended), tuple(unjudged)) if times else None


def _last_of_each(runs: Iterable[Run]) -> dict[str, tuple[datetime, Counted]]:
    last: dict[str, tuple[datetime, Counted]] = {}
    for run in sorted(runs, key=lambda it: it.taken):
        last |= {each.account: (run.taken, each) for each in run.accounts if each.complete}
    return last


def _gone(judged: Judged, before: Counted) -> Iterator[tuple[str, str]]:
    """Rule and name of each lapse that is not there any more."""
    now = {lapse_id(lapse) for lapse in judged.lapses}
    for rule, names in (*before.lapses.items(), *before.carried.items()):
        yield from ((rule, name) for name in names if name not in now)


def _mended(judged: Judged, audit: Audit, gone: Sequence[tuple[str, str]], bounds: Bounds) -> Iterator[Mended]:
    """Those that were looked for again: by a rule that is still judged, and of leaks while they are known."""
    account = judged.account
    rules = [_BY_ID[rule] for rule in {rule for rule, _ in gone} if rule in _BY_ID]
    keys: list[Key | None] = [None, *(key for key, _ in account.each_key())]
    still = {named(account.id, rule, key): key for rule in rules for key in keys}
    for rule, name in gone:
        key = still.get(name)
        if rule in _BY_ID and (key is None or _is_looked_for(rule, key, audit, bounds)):
            yield Mended(name, account.id, rule, key, name not in still)


def _is_looked_for(rule: str, key: Key, audit: Audit, bounds: Bounds) -> bool:
    """Whether this run would have found it."""
    if rule in _OF_LEAKS:
        return key.key_id in audit.leaks
    if rule in _OF_USE:
        return key.is_active or key.key_id in audit.leaks
    if rule == rules.UNAPPROVED.id:
        made = key.creation
        return made is not None and bool(bounds.creators or made.with_key in audit.leaks)
    return True


def document(run: Run) -> dict[str, Any]:
    """A run ready for JSON."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "taken": run.taken.isoformat(),
        "complete": run.complete,
        "how": dict(run.how),
        "unreached": list(run.unreached),
        "accounts": [
            {
                "account": each.account,
                "complete": each.complete,
                "keys": each.keys,
                "active": each.active,
                "by_severity": dict(each.by_severity),
                "by_age": dict(each.by_age),
                "lapses": {rule: list(names) for rule, names in each.lapses.items()},
                "carried": {rule: list(names) for rule, names in each.carried.items()},
            }
            for each in run.accounts
        ],
    }


def run_of(document: Any) -> Run:
    """A run that was read back; ValueError for what no run is."""
    try:
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise ValueError("it is of another version")
        taken = datetime.fromisoformat(document["taken"])
        if taken.tzinfo is None:
            raise ValueError("its time has no zone")
        how = {
            _text(name): value if isinstance(value, int) else _text(value)
            for name, value in document["how"].items()
        }
        accounts = tuple(_account_of(each) for each in document["accounts"])
        return Run(taken, document["complete"] is True, how, accounts, tuple(map(_text, document["unreached"])))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("it is no run of keysweep account") from error


def _account_of(told: Any) -> Counted:
    return Counted(
        _text(told["account"]),
        told["complete"] is True,
        _number(told["keys"]),
        _number(told["active"]),
        {_text(name): _number(count) for name, count in told["by_severity"].items()},
        {_text(name): _number(count) for name, count in told["by_age"].items()},
        *(
            {_text(rule): tuple(map(_text, each)) for rule, each in told[of].items()}
            for of in ("lapses", "carried")
        ),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise ValueError("it holds something else than short texts")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise ValueError("it holds something else than counts")
    return value
