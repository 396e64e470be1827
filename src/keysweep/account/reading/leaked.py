"""Keys that leaked, looked up by their ID: a credential report names none, and may be hours older than they."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from keysweep.account.evidence import Account, Gap, Key, User
from keysweep.account.reading.account import Overview, Person, listed_keys
from keysweep.account.reading.asking import attempt, each_of
from keysweep.aws.clients import DENIED, NOT_THERE, code_of, failures
from keysweep.aws.ownership import LastUse, last_use_of
from keysweep.aws.responders import Acting
from keysweep.frozen import frozen, replace

WHAT = "whose keys that leaked are, and when they were last used"
_NEEDS = "iam:GetAccessKeyLastUsed"


@frozen
class _Found:
    """What IAM says of a key now."""

    user: str
    """Empty for the root user, of which IAM tells no name."""
    last_use: LastUse


def with_leaked(
    acting: Acting,
    account: Account,
    known: Overview,
    leaked: Collection[str],
    *,
    goes_on: Callable[[], bool] = lambda: True,
) -> Account:
    """The account with these keys as IAM knows them now, those too of which the report does not tell.

    What could not be read stands in `gaps`.
    """
    iam = acting.client("iam")
    gaps: list[Gap] = []
    there = [key.key_id for key, _ in account.each_key() if key.key_id]

    def ask(key_id: str) -> tuple[str, _Found | None]:
        other = next((each for each in there if each != key_id), "")
        return key_id, attempt(gaps, WHAT, _NEEDS, lambda: _looked_up(iam, key_id, other))

    answered = each_of(sorted(leaked), ask, WHAT, gaps, goes_on)
    found = {key_id: told for key_id, told in answered if told}
    users = [replace(user, keys=tuple(_renewed(each, found) for each in user.keys)) for user in account.users]
    late = {told.user for key_id, told in found.items() if told.user and key_id not in there}

    def read(person: Person) -> tuple[Person, tuple[Key, ...]]:
        return person, _keys_of(iam, person, found, ask, gaps)

    for person, keys in each_of(_people(acting, known, late), read, "which keys users have", gaps, goes_on):
        users = [each for each in users if each.name != person.name]
        if keys:
            users.append(User(person.name, person.arn, keys, person.powers))
    gaps += known.unlisted(each.name for each in users)
    of_root = {key_id: told for key_id, told in found.items() if not told.user}
    return replace(
        account,
        users=tuple(sorted(users, key=lambda it: it.name)),
        root_keys=tuple(_named(account.root_keys, of_root, f"arn:{account.partition}:iam::{account.id}:root")),
        gaps=tuple(dict.fromkeys((*account.gaps, *gaps))),
    )


def _looked_up(iam: Any, key_id: str, other: str) -> _Found | None:
    """None where there is no such key; raises what botocore raises.

    IAM also says that it is denied where there is none: `other` is a key that there is, and tells these apart.
    """
    try:
        answer = iam.get_access_key_last_used(AccessKeyId=key_id)
    except failures() as error:
        code = code_of(error)
        if code in NOT_THERE or (code in DENIED and other and _may_ask(iam, other)):
            return None
        raise
    return _Found(str(answer.get("UserName") or ""), last_use_of(answer["AccessKeyLastUsed"]))


def _may_ask(iam: Any, key_id: str) -> bool:
    try:
        iam.get_access_key_last_used(AccessKeyId=key_id)
    except failures():
        return False
    return True


def _people(acting: Acting, known: Overview, names: Collection[str]) -> Iterator[Person]:
    """Those users, also such as are younger than the list of all."""
    people = {each.name: each for each in known.people}
    for name in sorted(names):
        arn = f"arn:{acting.partition.name}:iam::{acting.account}:user/{name}"
        yield people.get(name) or Person(name, arn, None)


def _keys_of(
    iam: Any,
    person: Person,
    found: Mapping[str, _Found],
    ask: Callable[[str], tuple[str, _Found | None]],
    gaps: list[Gap],
) -> tuple[Key, ...]:
    keys = attempt(gaps, "which keys users have", "iam:ListAccessKeys", lambda: listed_keys(iam, person)) or []
    asked = {key.key_id: found.get(key.key_id) or ask(key.key_id)[1] for key in keys}
    return tuple(_renewed(each, {name: told for name, told in asked.items() if told}) for each in keys)


def _renewed(key: Key, found: Mapping[str, _Found]) -> Key:
    """The key with the later of both last uses that are known."""
    told, known = found.get(key.key_id), key.last_use
    if told is None or (known and known.date and (told.last_use.date is None or told.last_use.date < known.date)):
        return key
    return replace(key, last_use=told.last_use)


def _named(keys: tuple[Key, ...], found: Mapping[str, _Found], arn: str) -> list[Key]:
    """The keys of the root user, those with their IDs that leaked.

    A report tells of them without ID. Of two that one is taken that was used then, and else the active one.
    """
    named = list(keys)
    for key_id, told in found.items():
        free = [number for number, each in enumerate(named) if not each.key_id]
        order = sorted(free, key=lambda it: (not _same(named[it], told), not named[it].is_active))
        if order:
            named[order[0]] = _renewed(replace(named[order[0]], key_id=key_id), found)
        else:
            named.append(Key(key_id, None, arn, True, None, told.last_use))
    return named


def _same(key: Key, told: _Found) -> bool:
    """Whether both were last used in the same second."""
    one, other = key.last_use, told.last_use.date
    return bool(one and one.date and other and one.date == other.replace(microsecond=0))
