"""Puts into an emulated account what a test needs, in one line each: users with pairs, roles, policies, tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tests.emulators.clients import REGION, Emulator
from tests.emulators.keys import AccessKey


class Account:
    """One account of an emulator, worked on with a key that may do everything in it."""

    def __init__(self, emulator: Emulator, key: AccessKey, region: str = REGION) -> None:
        """`key` is `ministack.root(...)` or `moto.administrator(...)`."""
        self.key = key
        self.id = key.account
        self._emulator = emulator
        self._region = region

    @cached_property
    def iam(self) -> Any:
        """IAM as who may do everything."""
        return self._emulator.client("iam", self.key, self._region)

    def user(self, name: str, *, path: str = "/", tags: Mapping[str, str] | None = None) -> AccessKey:
        """A new user without any rights, and a key of it."""
        pairs = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        self.iam.create_user(UserName=name, Path=path, Tags=pairs)
        return self.access_key(name)

    def access_key(self, user: str) -> AccessKey:
        """One more key of `user`."""
        made = self.iam.create_access_key(UserName=user)["AccessKey"]
        return AccessKey(made["AccessKeyId"], made["SecretAccessKey"], self.id)

    def allow(self, user: str, *actions: str, resource: str = "*") -> None:
        """Let `user` do `actions`."""
        self._put_user_policy(user, "Allow", actions, resource)

    def deny(self, user: str, *actions: str, resource: str = "*") -> None:
        """Keep `user` from `actions`."""
        self._put_user_policy(user, "Deny", actions, resource)

    def attach(self, user: str, managed: str) -> None:
        """Attach AWS's own policy `managed` to `user`, such as AWSCompromisedKeyQuarantineV3."""
        partition = self.iam.get_user(UserName=user)["User"]["Arn"].split(":")[1]
        self.iam.attach_user_policy(UserName=user, PolicyArn=f"arn:{partition}:iam::aws:policy/{managed}")

    def role(self, name: str, *actions: str, trusts: str, external_id: str | None = None) -> str:
        """The ARN of a new role that may do `actions`, and that the principal `trusts` may assume."""
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"AWS": trusts},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        if external_id is not None:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(statement))["Role"]
        if actions:
            policy = _document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})
            self.iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)
        arn: str = made["Arn"]
        return arn

    def status(self, user: str, key: AccessKey) -> str | None:
        """`Active`, `Inactive`, or None if `user` has no such key."""
        listed = self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return next((it["Status"] for it in listed if it["AccessKeyId"] == key.key_id), None)

    def deactivate(self, user: str, key: AccessKey) -> None:
        """Make `key` inactive."""
        self.iam.update_access_key(UserName=user, AccessKeyId=key.key_id, Status="Inactive")

    def assume(self, caller: AccessKey, role: str, **parameters: str) -> AccessKey:
        """A session of `role`, which `caller` assumes; `parameters` are AssumeRole's, such as ExternalId."""
        answer = self._emulator.client("sts", caller, self._region).assume_role(
            RoleArn=role, **{"RoleSessionName": "session", **parameters}
        )
        return session_of(answer, role.split(":")[4])

    def _put_user_policy(self, user: str, effect: str, actions: tuple[str, ...], resource: str) -> None:
        policy = _document({"Effect": effect, "Action": list(actions), "Resource": resource})
        self.iam.put_user_policy(UserName=user, PolicyName=effect.lower(), PolicyDocument=policy)


def session_of(answer: Mapping[str, Any], account: str) -> AccessKey:
    """The key in an answer of AssumeRole or GetSessionToken."""
    given = answer["Credentials"]
    return AccessKey(given["AccessKeyId"], given["SecretAccessKey"], account, given["SessionToken"])


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
