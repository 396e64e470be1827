"""The keys of the ministack wrapper: what clients see of each, what ministack calls it, and when it was used."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from random import SystemRandom
from threading import Lock

from tests.emulators.keys import AccessKey, mint

_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")


@dataclass(frozen=True)
class LastUse:
    """When, where and for what a key was last used."""

    date: datetime
    service: str
    region: str


@dataclass(frozen=True)
class Key:
    """One key on both sides of the wrapper, and whose it is."""

    outward: AccessKey
    inward: AccessKey
    arn: str
    user: str | None
    """The IAM user's name, or None for a root user or a role session."""
    expired: bool = False
    last_use: LastUse | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the key of an account's root user."""
        return self.arn.endswith(":root")

    @property
    def is_temporary(self) -> bool:
        """Whether STS issued it."""
        return self.outward.token is not None


class Ring:
    """All the keys, by either ID."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._random = SystemRandom()
        self._keys: dict[str, Key] = {}
        self._outward: dict[str, str] = {}

    def add(self, inward: AccessKey, arn: str) -> Key:
        """Give a key of ministack's an outward one that carries its account."""
        outward = mint(self._random, inward.account, "ASIA" if inward.token else "AKIA")
        _, is_user, path = arn.partition(":user/")
        key = Key(outward, inward, arn, path.rpartition("/")[2] if is_user else None)
        with self._lock:
            self._keys[outward.key_id] = key
            self._outward[inward.key_id] = outward.key_id
        return key

    def get(self, key_id: str) -> Key | None:
        """The key with this outward ID."""
        return self._keys.get(key_id)

    def root(self, account: str) -> Key | None:
        """The root key of `account`, if it has one."""
        return self._keys.get(self._outward.get(account, ""))

    def expire(self, key_id: str) -> None:
        """End a session now."""
        with self._lock:
            self._keys[key_id] = replace(self._keys[key_id], expired=True)

    def use(self, key_id: str, use: LastUse | None) -> None:
        """Note when a key was last used, or that it never was."""
        with self._lock:
            if key_id in self._keys:
                self._keys[key_id] = replace(self._keys[key_id], last_use=use)

    def outwards(self, text: str) -> str:
        """`text` with the inward IDs in it replaced by the outward ones."""
        return _ID.sub(lambda found: self._outward.get(found[0], found[0]), text)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._keys.clear()
            self._outward.clear()
