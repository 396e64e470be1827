"""Key IDs without a secret that could be tried: whose each is, as IAM or an inventory file says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from keysweep.aws.clients import translated
from keysweep.aws.containment.lookups import AT_ONCE, Lookups
from keysweep.aws.containment.targets import Target
from keysweep.aws.inventory import Inventory, ListedKey
from keysweep.aws.mandate import Mandate
from keysweep.aws.ownership import LastUse, Owned, key_of
from keysweep.aws.responders import Responders
from keysweep.aws.threads import Threads
from keysweep.errors import AwsError
from keysweep.frozen import frozen
from keysweep.verdicts import Status, Verdict

_LOOKED_AGAIN_SECONDS = 0.1
"""How often Ctrl-C is looked for while nothing comes."""


@frozen
class Seen:
    """What came of looking a key ID up in IAM."""

    account: str | None = None
    owned: Owned | None = None
    arn: str | None = None
    user_id: str | None = None
    reason: str = ""
    """Why nothing is known; empty where it is."""
    is_absent: bool = False
    """Whether IAM was asked and has no user with it."""
    is_unanswered: bool = False
    """Whether AWS was to be asked and nothing came of it."""


def look_up(targets: Iterable[Target], responders: Responders, mandate: Mandate) -> Iterator[tuple[str, Seen]]:
    """Look each key ID up in its account, in the order in which the answers come.

    Only where that may be done: as the role in an account of the allow-list, or as the operator in its own. No key
    ID goes anywhere else. AwsError never ends this: what could not be asked says why.
    """
    groups: dict[tuple[str, str], list[Target]] = {}
    operator_fails = cache(lambda partition: _failure(lambda: responders.operator(partition)))
    lookups = Lookups(responders, mandate)
    for target in targets:
        account, refusal = target.account, _not_looked_up(target, mandate)
        if refusal is None and (failed := operator_fails(target.partition)):
            refusal = failed
        if refusal is None and account is None:
            try:
                account = lookups.account_of(target)
            except AwsError as error:
                refusal = _UNHEARD_OF if error.code == "ValidationError" else _failed(error)
        if refusal is None and not lookups.may_look(target, account):
            refusal = _not_allowed(account)
        if refusal is not None or account is None:
            yield target.key_id, refusal or _not_allowed(account)
        else:
            groups.setdefault((account, target.partition), []).append(target)
    for (account, partition), group in groups.items():
        yield from _in_account(account, partition, group, responders)


def _in_account(
    account: str, partition: str, group: Sequence[Target], responders: Responders
) -> Iterator[tuple[str, Seen]]:
    """The role is assumed once, and where that fails, it fails for all."""
    try:
        iam = responders.in_account(account, partition).client("iam")
    except AwsError as error:
        yield from ((each.key_id, _failed(error)) for each in group)
        return
    yield from _in_threads(lambda each: (each.key_id, _seen(iam, account, each.key_id)), group)


def _in_threads(
    work: Callable[[Target], tuple[str, Seen]], targets: Sequence[Target]
) -> Iterator[tuple[str, Seen]]:
    """Several at the same time; no server decides how long Ctrl-C takes."""
    threads: Threads[Target, tuple[str, Seen]] = Threads(lambda job: work(job.task))
    left = list(reversed(targets))
    with threads:
        while left or threads.running:
            while left and threads.running < AT_ONCE:
                threads.begin(left.pop())
            yield from threads.finished(_LOOKED_AGAIN_SECONDS)


def _seen(iam: Any, account: str, key_id: str) -> Seen:
    try:
        owned = key_of(iam, account, key_id)
    except AwsError as error:
        return _failed(error)
    if owned is None:
        reason = f"no user of account {account} has it: it was deleted, never issued, or is the root user's"
        return Seen(account, reason=reason, is_absent=True)
    try:
        with translated(f"read user {owned.user}"):
            user = iam.get_user(UserName=owned.user)["User"]
    except AwsError:  # the name is known all the same
        user = {}
    return Seen(account, owned, user.get("Arn"), user.get("UserId"))


_LONG_TERM = re.compile(r"AKIA[A-Z0-9]{12,124}", re.ASCII)
"""A findings file may say anything, and nothing else of it is sent."""


def _not_looked_up(target: Target, mandate: Mandate) -> Seen | None:
    """Why this one is not looked up, as far as that is known without asking anybody."""
    if target.described.canary or target.described.example:
        return Seen(reason="not looked up: it is bait or an example")
    if not _LONG_TERM.fullmatch(target.key_id):
        return Seen(reason="not looked up: IAM lists only long-term keys of users, which begin with AKIA")
    account, allowed = target.account, mandate.allow_accounts
    if mandate.role is not None and (account not in allowed if account else not allowed):
        return _not_allowed(account)
    return None


_UNHEARD_OF = Seen(reason="not looked up: the key ID names no account, and AWS knows none for it")


def _not_allowed(account: str | None) -> Seen:
    if account is None:
        return Seen(reason="not looked up: no account is on the allow-list")
    remedy = f"if it is yours: --allow-account {account}"
    return Seen(account, reason=f"not looked up: account {account} is not on the allow-list ({remedy})")


def _failed(error: AwsError) -> Seen:
    return Seen(reason=f"not looked up: {str(error).rstrip('.')}", is_unanswered=True)


def _failure(asking: Callable[[], object]) -> Seen | None:
    try:
        asking()
    except AwsError as error:
        return _failed(error)
    return None


def verdict_on(target: Target, why: str, inventory: Inventory | None, seen: Mapping[str, Seen] | None) -> Verdict:
    """What is known of one key ID; `why` says why its secret was not tried.

    What IAM says comes before what files say, which may be old. `seen` is None where nobody asked for looking up.
    """
    found = (
        seen.get(target.key_id, Seen(reason="not looked up: interrupted before that"))
        if seen is not None
        else None
    )
    if found and found.owned:
        return _by_iam(target, found, found.owned)
    listed = inventory.keys.get(target.key_id, ()) if inventory else ()
    if inventory and listed and not (found and found.is_absent):
        return _by_files(target, listed, inventory)
    reasons = [why, found.reason if found else ""]
    if inventory and listed:
        reasons.append(f"{listed[0].file} still has it")
    elif inventory:
        reasons.append("no inventory file lists it")
    reason = "; ".join(each for each in reasons if each)
    return Verdict(target.key_id, Status.UNKNOWN, reason, datetime.now(UTC))


def _by_iam(target: Target, seen: Seen, owned: Owned) -> Verdict:
    facts = [
        f"account {owned.account} has it",
        "active" if owned.is_active else "inactive",
        f"user {owned.user}",
        _last_use(owned.last_use),
    ]
    return Verdict(
        target.key_id,
        Status.ACTIVE if owned.is_active else Status.INACTIVE,
        ", ".join(each for each in facts if each),
        datetime.now(UTC),
        partition=target.partition,
        account_id=owned.account,
        arn=seen.arn,
        user_id=seen.user_id,
        user=owned.user,
    )


def _by_files(target: Target, listed: Sequence[ListedKey], inventory: Inventory) -> Verdict:
    """Where files contradict one another, the worse of two states is believed, and none of two owners."""
    best = max(listed, key=lambda each: (each.is_active, each.written))
    row = inventory.reported_for(best, target.account)
    account = target.account or (row.account if row else None)
    users = sorted({each.user for each in listed if each.user})
    is_active = best.is_active or bool(row and row.is_active)
    facts = [
        f"account {account} has it" if account else "the inventory has it",
        "active" if is_active else best.state.lower(),
        f"user {users[0]}" if len(users) == 1 else "",
        "the root user" if row and row.user is None else "",
        _last_use(row.last_use) if row else "",
        f"says {best.file}",
    ]
    if len({each.state for each in listed}) > 1 or (row and row.is_active != best.is_active):
        facts.append("and another entry contradicts that")
    if len(users) > 1:
        facts.append(f"and the files contradict one another about its user ({', '.join(users[:3])})")
    return Verdict(
        target.key_id,
        Status.ACTIVE if is_active else Status.INACTIVE,
        ", ".join(each for each in facts if each),
        best.written,
        account_id=account,
        arn=row.arn if row and len(users) <= 1 else None,
        user=users[0] if len(users) == 1 else None,
    )


def _last_use(use: LastUse) -> str:
    if use.date is None:
        return "never used"
    where = f" in {use.region}" if use.region != "N/A" else ""
    by = f" by {use.service}" if use.service != "N/A" else ""
    return f"last used {use.date.date().isoformat()}{by}{where}"
