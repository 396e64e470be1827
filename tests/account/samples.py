"""Audits that every format has to tell of: with all that there is, of many accounts, and with hostile names."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from keysweep.account.audit import Audit, Judged, Unreached
from keysweep.account.evidence import Account, Gap, Key, Powers, Trail, User
from keysweep.account.judging.checks import Bounds, Leak, lapses
from keysweep.account.report import FORMATS
from keysweep.account.report.facts import Facts
from keysweep.account.usage.agents import Confidence, Guess, Kind
from keysweep.account.usage.use import Call, Sighting, Use
from keysweep.aws.ownership import NEVER, LastUse
from keysweep.frozen import replace

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FACTS = Facts(NOW, Bounds())
ACCOUNT = "111122223333"
ALL = Powers(is_administrator=True, services=("*",), granted_by=("AdministratorAccess",))
SOME = Powers(services=("s3",), stores=("s3",), granted_by=("read",))
USED_BY_GITHUB = Use(
    NOW - timedelta(90),
    NOW,
    (Sighting("eu-west-1", "s3", "203.0.113.7", "x", Guess(Kind.GITHUB, Confidence.SURE, "so"), 5, NOW, NOW),),
    (Call("s3:ListBuckets", Kind.GITHUB, is_new=False),),
)
TRAILS = (Trail("all", is_everywhere=True, is_logging=True),)


def key(number: int, user: str | None = "deploy", *, age: float | None = 30, **changes: Any) -> Key:
    """One that was used yesterday, unless `changes` say otherwise."""
    arn = f"arn:aws:iam::{ACCOUNT}:{f'user/{user}' if user else 'root'}"
    made = NOW - timedelta(days=age) if age is not None else None
    used = LastUse(NOW - timedelta(days=1), "s3", "eu-west-1")
    return replace(Key(f"AKIA{number:016d}", user, arn, True, made, used), **changes)


def account(*users: User, number: str = ACCOUNT, **changes: Any) -> Account:
    return replace(Account(number, "aws", NOW, users, len(users) + 3, trails=TRAILS), **changes)


def user(*keys: Key, name: str = "deploy", powers: Powers | None = SOME) -> User:
    return User(name, f"arn:aws:iam::{ACCOUNT}:user/{name}", keys, powers)


def audit(*accounts: Account, leaks: dict[str, Leak] | None = None, **changes: Any) -> Audit:
    known = leaks or {}
    judged = tuple(Judged(each, tuple(lapses(each, Bounds(), known))) for each in accounts)
    return replace(Audit(judged, known), **changes)


def everything() -> Audit:
    """Each rule once at least, two accounts, what was not checked, and an account that was not read."""
    first = account(
        user(key(1, age=400), powers=ALL),
        user(key(2, "quiet", age=120, last_use=NEVER), key(3, "quiet", age=10), name="quiet"),
        user(key(4, "old", age=200, is_active=False), key(5, "old", age=80, last_use=LastUse(NOW - timedelta(days=60), "sqs", "us-east-1")), name="old"),
        user(key(6, "gone", age=300, is_active=False, last_use=LastUse(NOW - timedelta(days=200), "N/A", "N/A")), name="gone", powers=None),
        user(key(7, "vague", age=None, last_use=None), name="vague"),
        user(key(9, "runner", use=USED_BY_GITHUB), name="runner"),
        root_keys=(key(0, None, age=3000, key_id=""),),
        gaps=(Gap("the age of keys", "iam:ListAccessKeys", "denied"),),
        trails=(),
        notes=("something was not asked",),
    )  # fmt: skip
    other = account(user(key(8, age=20)), number="444455556666", gaps=(Gap("what users may do", "", "slow"),))
    leaks = {f"AKIA{1:016d}": Leak(NOW - timedelta(days=20), ("app: .env:3", "fork: .env:3")),
             f"AKIA{4:016d}": Leak(None, ())}  # fmt: skip
    unreached = (Unreached("777788889999", "sandbox", "no role of that name may be assumed"),)
    return audit(
        first, other, leaks=leaks, gaps=(Gap("leaks of a.json", "", "not complete"),), unreached=unreached
    )


def many(accounts: int, keys: int) -> Audit:
    """So many accounts with so many keys altogether, of all kinds."""
    chance = random.Random(11)
    made = []
    for place in range(accounts):
        people = []
        for each in range(place, keys, accounts):
            name = f"{chance.choice(['deploy', 'backup', 'ci', 'report', 'billing'])}-{each}"
            use = (
                NEVER
                if chance.random() < 0.1
                else LastUse(NOW - timedelta(days=chance.random() ** 3 * 400), "s3", "eu-west-1")
            )
            made_key = key(
                each + 100,
                name,
                age=400 * chance.random() ** 2 + 400 * (chance.random() < 0.1),
                last_use=use,
                is_active=chance.random() < 0.85,
            )
            people.append(user(made_key, name=name, powers=ALL if chance.random() < 0.05 else SOME))
        made.append(account(*people, number=f"{100000000000 + place * 7919:012d}"))
    leaks = {
        f"AKIA{100 + number * 37:016d}": Leak(NOW - timedelta(days=30), (f"repo{number}: config/prod.env:3",))
        for number in range(6)
    }
    return audit(*made, leaks=leaks)


def hostile(text: str) -> Audit:
    """Every text that somebody else can choose is `text`."""
    powers = Powers(is_administrator=True, services=(text,), granted_by=(text, f"group: {text}"))
    odd = key(1, text, age=400, last_use=LastUse(NOW - timedelta(days=1), text, text))
    whole = account(
        User(text, odd.arn, (odd,), powers),
        gaps=(Gap(text, "", text),),
        trails=(Trail(text, is_everywhere=False, is_logging=True),),
    )
    leaks = {odd.key_id: Leak(NOW - timedelta(days=9), (text, text))}
    return audit(
        whole, leaks=leaks, gaps=(Gap(text, "", text),), unreached=(Unreached("444455556666", text, text),)
    )


def written(form: str, told: Audit, facts: Facts = FACTS) -> str:
    stream = io.StringIO()
    more = {"is_file": True} if form == "text" else {}
    import_module(FORMATS[form]).render(told, facts, stream, **more)
    return stream.getvalue()
