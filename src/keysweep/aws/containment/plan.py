"""The plan: for each key whose it is, what would be done as whom, what that may break, or why nothing is done.

Only reads. Whatever is not known stops a key from being planned: no guard takes a missing answer for a good one.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from keysweep.aws.clients import translated
from keysweep.aws.containment import warnings
from keysweep.aws.containment.items import Asked, Item, last_use
from keysweep.aws.containment.lookups import AT_ONCE, Lookups
from keysweep.aws.containment.refusals import Refusal, refuse
from keysweep.aws.containment.targets import Target
from keysweep.aws.mandate import Mandate
from keysweep.aws.ownership import tags_of
from keysweep.aws.roles import holders_of, role_of
from keysweep.errors import AwsError
from keysweep.frozen import frozen, replace
from keysweep.verdicts import Principal, Status, path_in


def plan(
    targets: Sequence[Target], lookups: Lookups, mandate: Mandate, asked: Asked, now: datetime
) -> tuple[Item, ...]:
    """Judge every key, in their order; `now` is aware UTC.

    What AWS does not answer about one key refuses that one alone.
    """
    judge = _Judge(lookups, mandate, asked, now)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        items = list(pool.map(judge.judged, targets))
    planned = 0
    for number, each in enumerate(items):
        planned += each.is_planned
        if each.is_planned and planned > mandate.most_keys:
            most = f"the policy lets one run change {mandate.most_keys} keys"
            items[number] = replace(each, actions=(), refusal=refuse("too-many", most))
    return tuple(warnings.with_each_other(items))


@frozen
class _Judge:
    """All guards, in the order in which they stop a key."""

    lookups: Lookups
    mandate: Mandate
    asked: Asked
    now: datetime

    def judged(self, target: Target) -> Item:
        try:
            return self._judge(target)
        except AwsError as error:
            account = target.account
            if account is not None and account not in self.mandate.allow_accounts:
                return Item(
                    target, account, refuse("foreign-account", self._not_allowed(account), account=account)
                )
            return Item(target, account, refuse("unreachable", str(error), account=account or "ID"))

    def _judge(self, target: Target) -> Item:
        if target.described.example:
            return Item(target, refusal=refuse("example"))
        if target.described.canary:
            return Item(target, target.account, refuse("canary", f"bait laid by {target.described.canary}"))
        verdict = target.verdict
        account = target.account or (self.lookups.account_of(target) if target.is_named else None)
        if account is None:
            return Item(target, refusal=refuse("unknown-account", keyid=target.key_id))
        said = verdict.account_id if verdict else None
        if said not in (None, account):
            reason = f"the key ID says account {account}, and AWS says {said}"
            return Item(target, account, refuse("accounts-disagree", reason))
        if verdict and verdict.status in (Status.DEAD, Status.EXPIRED) and not self._is_known(target, account):
            return Item(target, account, settled=f"AWS refuses it already: {verdict.reason}")
        if verdict and verdict.principal is Principal.ROOT:
            return Item(target, account, refuse("root"))
        if not self.lookups.may_look(target, account):
            return Item(target, account, refuse("foreign-account", self._not_allowed(account), account=account))
        item = self._of_its_kind(Item(target, account))
        if item.is_planned and account not in self.mandate.allow_accounts:
            foreign = refuse("foreign-account", self._not_allowed(account), account=account)
            return replace(item, actions=(), refusal=foreign)
        return item

    def _of_its_kind(self, item: Item) -> Item:
        target, verdict = item.target, item.target.verdict
        if target.key_id.startswith("AKIA") or target.is_service_credential:
            return self._of_user(item)
        if not target.key_id.startswith("ASIA") or verdict is None or verdict.status is not Status.LIVE:
            guard = "not-live" if target.key_id.startswith("ASIA") else "other-principal"
            return replace(item, refusal=refuse(guard, keyid=target.key_id))
        if verdict.principal is Principal.ROLE:
            return self._of_role(item)
        if verdict.principal is Principal.USER:
            return self._of_user_session(item)
        return replace(item, refusal=refuse("other-principal"))

    def _of_user(self, item: Item) -> Item:
        """A long-term key, or a service-specific credential."""
        target, account = item.target, item.account
        assert account
        acting = self.lookups.acting(target, account)
        owner = self.lookups.owner(target, account, acting)
        verdict = target.verdict
        is_live = verdict is not None and verdict.status is Status.LIVE
        if owner is None and is_live and verdict is not None:
            reason = f"AWS accepts it as {verdict.arn}, and IAM of account {account} has no such key"
            return replace(item, refusal=refuse("accounts-disagree", reason))
        if owner is None:
            return replace(item, refusal=refuse("not-found", f"account {account} has no such key"))
        item = replace(item, owner=owner, acting=acting)
        if not owner.is_active:
            return self._off(item)
        if not is_live and not target.is_named and not target.is_service_credential:
            reason = f"it is active, and {verdict.reason if verdict else 'its secret was not found'}"
            return replace(item, refusal=refuse("not-live", reason, keyid=target.key_id))
        if is_live and verdict is not None and verdict.name not in (None, owner.user):
            reason = f"IAM says that it is of user {owner.user}, and STS of {verdict.name}"
            return replace(item, refusal=refuse("accounts-disagree", reason))
        refusal = protection(
            self.mandate, owner.user, owner.path, owner.tags, target.key_id
        ) or self._used_recently(item)
        if refusal:
            return replace(item, refusal=refusal)
        first = "deactivate-service-credential" if target.is_service_credential else "deactivate-key"
        return self._planned(item, (first, *_in_order(self.asked.also, "deny-sessions", "quarantine")))

    def _off(self, item: Item) -> Item:
        """Switched off already: its sessions live on, and to end them somebody has to vouch for the leak.

        Nothing tells whether the secret of such a key is right, so whoever writes a file could choose the user.
        """
        off = "IAM says that it is switched off already"
        also = _in_order(self.asked.also, "deny-sessions", "quarantine")
        owner, target = item.owner, item.target
        if owner is None or not also or target.is_service_credential:
            return replace(item, settled=off)
        if not target.is_named:
            options = " ".join(f"--{each}" for each in also)
            told = f"{off}; for {options} name it: keysweep contain {target.key_id} {options}"
            return replace(item, settled=told)
        refusal = protection(self.mandate, owner.user, owner.path, owner.tags, target.key_id)
        return replace(item, refusal=refusal) if refusal else self._planned(item, also)

    def _is_known(self, target: Target, account: str) -> bool:
        """Whether IAM knows a key that STS does not: one that is off, or new."""
        if not target.key_id.startswith("AKIA") or self.asked.itself or not self.lookups.may_look(target, account):
            return False
        return self.lookups.known(target, account) is not None

    def _of_user_session(self, item: Item) -> Item:
        verdict = item.target.verdict
        assert verdict is not None
        assert verdict.arn
        assert verdict.name
        assert item.account
        if "deny-sessions" not in self.asked.also:
            return replace(item, refusal=refuse("user-session"))
        acting = self.lookups.acting(item.target, item.account)
        tags = None
        if self.mandate.deny_tags:
            with translated(f"read the tags of user {verdict.name}"):
                tags = tags_of(acting.client("iam"), verdict.name)
        item = replace(item, acting=acting)
        refusal = protection(self.mandate, verdict.name, path_in(verdict.arn), tags, item.target.key_id)
        if refusal:
            return replace(item, refusal=refusal)
        return self._planned(item, ("deny-sessions",))

    def _of_role(self, item: Item) -> Item:
        verdict = item.target.verdict
        assert verdict is not None
        assert verdict.name
        assert item.account
        if self.asked.itself:
            return replace(item, refusal=refuse("role-session", "--self is for long-term keys of users"))
        acting = self.lookups.acting(item.target, item.account)
        role = role_of(acting.client("iam"), item.account, verdict.name)
        if role is None:
            return replace(item, settled=f"role {verdict.name} is gone, and its sessions with it")
        item = replace(item, acting=acting, role=role)
        if role.untouchable:
            return replace(item, refusal=refuse("reserved-role", role.untouchable))
        if "revoke-role-sessions" not in self.asked.also:
            return replace(item, refusal=refuse("role-session"))
        refusal = protection(self.mandate, role.name, role.path, role.tags, item.target.key_id)
        if refusal:
            return replace(item, refusal=refusal)
        regions = dict.fromkeys([acting.partition.region, *self.asked.regions])
        holders = holders_of(lambda region: acting.client("cloudtrail", region), role, regions, self.now)
        return self._planned(replace(item, holders=holders), ("revoke-role-sessions",))

    def _planned(self, item: Item, actions: tuple[str, ...]) -> Item:
        if self.asked.auto and not set(actions) <= set(self.mandate.unattended_actions):
            over = ", ".join(each for each in actions if each not in self.mandate.unattended_actions)
            return replace(item, refusal=refuse("unattended", f"the policy lets no unattended run do {over}"))
        item = replace(item, actions=actions)
        return replace(item, warnings=warnings.of(item, self.asked, self.now))

    def _used_recently(self, item: Item) -> Refusal | None:
        use = last_use(item)
        if use is None or use.date is None or self.asked.force:
            return None
        ago = self.now - use.date
        if ago >= timedelta(minutes=self.mandate.recent_use_minutes):
            return None
        minutes = max(0, int(ago.total_seconds() // 60))
        when = "less than a minute ago" if minutes == 0 else f"{minutes} min ago"
        reason = f"it was used {when} ({use.service} in {use.region}): something may stand still"
        return refuse("recent-use", reason)

    def _not_allowed(self, account: str) -> str:
        return not_allowed(self.mandate, account)


def _in_order(chosen: frozenset[str], *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in chosen)


def protection(
    mandate: Mandate, name: str, path: str | None, tags: tuple[tuple[str, str], ...] | None, key_id: str
) -> Refusal | None:
    """Why nothing of a user or role is touched; None where the policy sets it not aside."""
    unknown = (mandate.deny_paths and path is None) or (mandate.deny_tags and tags is None)
    if unknown:
        return refuse("protection-unknown")
    reason = mandate.denies(name, path or "/", dict(tags or ()))
    return refuse("protected", reason, user=name, keyid=key_id) if reason else None


def not_allowed(mandate: Mandate, account: str) -> str:
    """Why nothing is changed in an account that is not on the allow-list."""
    if not mandate.allow_accounts:
        return "the allow-list is empty, so nothing is ever changed"
    return f"account {account} is not on the allow-list"
