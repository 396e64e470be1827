"""What replaces a key, by what uses it: a role, and a snippet that makes it, with what the key really does."""

from __future__ import annotations

import re
from datetime import timedelta

from keysweep.account.evidence import Account, Key, User
from keysweep.account.judging.snippets import SNIPPETS, Facts
from keysweep.account.usage.agents import Guess, Kind
from keysweep.account.usage.use import use_of
from keysweep.frozen import frozen

_MOST_ACTIONS = 40
"""More make a policy that nobody reads: then whole services are named."""
_USED_WITHIN = timedelta(days=90)
_ACTION = re.compile(r"[a-z0-9-]{1,40}:[A-Za-z]{1,80}", re.ASCII)
_SERVICE = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Needs no permission, or makes no sense for a role."""
_VERSION = re.compile(r"\d{4}[\d_-]*(v\d)?$")
"""What events of Lambda and CloudFront have behind the name of the action: `CreateFunction20150331`."""
_SERVICES = {
    "monitoring": "cloudwatch",
    "tagging": "tag",
    "email": "ses",
    "streams.dynamodb": "dynamodb",
    "api.ecr": "ecr",
    "models.lex": "lex",
}
"""Sources of events whose service has another name in policies."""
_ACTIONS = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
}
"""Events that are not named as the action that allows them."""


@frozen
class Replacement:
    """What to have in place of a key."""

    kind: Kind
    user: str
    """Whose key it replaces."""
    title: str
    practice: int
    language: str
    """`terraform`, `yaml` or `ini`."""
    snippet: str
    more: tuple[tuple[str, str], ...] = ()
    """Snippets that belong to it, each with its language."""

    @property
    def snippets(self) -> tuple[str, ...]:
        """All of them, in the order in which they are needed."""
        return (self.snippet, *(snippet for _, snippet in self.more))


def replacement_of(key: Key, user: User, account: Account) -> Replacement | None:
    """What replaces the key for whatever uses it most; None where that is not known, or nothing does."""
    guess = replaced_use(key)
    if guess is None or key.use is None:
        return None
    regions = use_of(key.use)
    facts = Facts(
        account.id if re.fullmatch(r"\d{12}", account.id) else "ACCOUNT",
        account.partition,
        re.sub(r"[^A-Za-z0-9-]", "-", user.name)[:50] or "NAME",
        min(regions, key=lambda it: (-regions[it], it), default="REGION"),
        actions_of(key, user, account),
    )
    title, practice, write = SNIPPETS[guess.kind]
    (language, snippet), *more = write(facts)
    return Replacement(guess.kind, user.name, title, practice, language, snippet, tuple(more))


def replaced_use(key: Key) -> Guess | None:
    """The use of a key that a role can take over: the most frequent one that is known."""
    return next((guess for guess, _ in key.use.kinds if guess.kind in SNIPPETS), None) if key.use else None


def actions_of(key: Key, user: User, account: Account) -> tuple[str, ...]:
    """What a policy has to allow for what uses the key most, and nothing that came with a leak."""
    guess = replaced_use(key)
    calls = [each for each in key.use.calls if guess and each.kind is guess.kind] if key.use else []
    called = [_action(each.name) for each in calls if not each.is_new]
    named = sorted({each for each in called if _ACTION.fullmatch(each) and each not in _FREE})
    if len(named) > _MOST_ACTIONS:
        named = sorted({f"{each.partition(':')[0]}:*" for each in named})
    known = {each.partition(":")[0] for each in named}
    since = account.taken - _USED_WITHIN
    advised = sorted({each.service for each in user.granted or () if each.last and each.last >= since})
    services = [each for each in advised if each not in known and each not in {"sts", "signin"}]
    return (*named, *(f"{each}:*" for each in services if _SERVICE.fullmatch(each)))


def _action(call: str) -> str:
    service, _, name = call.partition(":")
    written = f"{_SERVICES.get(service, service)}:{_VERSION.sub('', name)}"
    return _ACTIONS.get(written, written)
