"""What a place for a new key has to do: say which key it holds, take a pair, and go back to what it held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from keysweep.errors import UsageError
from keysweep.findings import Secret
from keysweep.frozen import frozen

ABSENT, NO_KEY = "absent", "no key"
"""What a place holds that is not there, or that is and has no key in it."""

STDOUT = "printed, and kept nowhere by keysweep"
"""What standard output holds, at any time: nothing can be read from it, or taken back."""

KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}")

_NAMES: Mapping[str, re.Pattern[str]] = {
    "secretsmanager": re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}"),
    "ssm": re.compile(r"[A-Za-z0-9/_.-]{1,1011}"),
    "profile": re.compile(r"[A-Za-z0-9/_+=.,@-]{1,128}"),
}
"""Kind of place to how it may be named there."""


@frozen
class Place:
    """Where a key is handed to."""

    kind: str
    """`secretsmanager`, `ssm`, `profile` or `stdout`."""
    name: str = ""
    region: str = ""
    """Of the first two; empty for the partition's main one."""
    file: str = ""
    """Of a profile: the credentials file that it is in."""

    def __str__(self) -> str:
        """As the command line has it."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def words(self) -> str:
        """The same, and where that is."""
        where = self.region or self.file
        return f"{self} ({where})" if where else str(self)

    @staticmethod
    def parse(text: str) -> Place:
        """The place that somebody wrote. Raises UsageError for what is none."""
        kind, _, name = text.partition(":")
        if text == "stdout":
            return Place(text)
        pattern = _NAMES.get(kind)
        if pattern is None or not pattern.fullmatch(name):
            raise UsageError(
                "a new key can be handed to secretsmanager:NAME, ssm:NAME, profile:NAME or stdout; names have no "
                "spaces or control characters."
            )
        return Place(kind, name)


@frozen
class Pair:
    """A new key."""

    key_id: str
    secret: Secret


STAND_IN = Pair("A" * 20, Secret("A" * 40))
"""As long as a new key, for trying out what one would make of a place."""


@frozen
class Held:
    """What a place holds, without any secret."""

    key_id: str
    """Or ABSENT, NO_KEY, or STDOUT."""
    version: str = ""
    """What the place itself calls the value that it holds."""


class Sink(Protocol):
    """One place. Every method raises SinkError, or AwsError where AWS refuses."""

    def held(self) -> Held:
        """Which key it holds."""
        ...

    def rehearse(self) -> None:
        """See that a pair could be put there, as far as that is seen without writing: before a key is made."""
        ...

    def put(self, pair: Pair) -> str | None:
        """Have it hold `pair`, in the place of the key that it held; the request ID of AWS."""
        ...

    def put_back(self, before: Held, left: str) -> str | None:
        """Have it hold again what it held `before` the key `left` was put there; the request ID of AWS."""
        ...

    def forget(self, key_id: str) -> bool:
        """Take out what was kept of the old key for `put_back`; whether there was anything."""
        ...
