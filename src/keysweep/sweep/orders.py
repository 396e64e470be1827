"""What workers are asked to do and what they answer: frozen values that may cross a network, without a secret."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Recorded
from keysweep.frozen import frozen
from keysweep.sweep.mirrors import Mirrors


@frozen
class Manner:
    """How everything in a run is swept."""

    mirrors: Mirrors
    limits: Limits = Limits()
    options: Options = Options()
    jobs: int = 1
    """Processes for one repository."""


@frozen
class Where:
    """A repository, and what it takes to reach it."""

    repository_id: int
    identity: str
    url: str
    kind: str = ""
    """Of host, by which its token is looked up where the work is done; empty for a list of addresses."""
    is_optional: bool = False
    """Whether there may be none: hosts offer wikis that nobody has begun."""


class Trouble(StrEnum):
    """Why something was not swept."""

    DENIED = "denied"
    """There is none, or not for this user: to try again is no use."""
    FOR_NOW = "for-now"
    """The network, the server or the disk: it may work later."""
    OTHER_RULES = "other-rules"
    """The worker runs another keysweep than whoever asks."""
    OWN = "own"
    """A mistake in keysweep."""


@frozen
class Failure:
    """Why something was not swept, in one clause."""

    trouble: Trouble
    reason: str


@frozen
class Swept:
    """What came of sweeping a repository."""

    repository_id: int
    rules: str
    """Names the rules of the worker."""
    seconds: float
    document: Mapping[str, Any] | None = None
    """As a findings file has it."""
    refs: Mapping[str, str] | None = None
    refs_digest: str = ""
    failure: Failure | None = None


@frozen
class Looked:
    """Which refs a repository has now."""

    repository_id: int
    refs_digest: str = ""
    failure: Failure | None = None


@frozen
class Asking:
    """Keys to ask AWS about, with where their secrets can be read again."""

    places: tuple[tuple[Where, tuple[Recorded, ...]], ...]
    partitions: tuple[str, ...] = ("aws",)
    endpoint: str | None = None
    """A server in the place of AWS."""


@frozen
class Asked:
    """What AWS said."""

    verdicts: tuple[Mapping[str, Any], ...]
    """As `verify --format json` writes them, with whether a request was signed with the key."""
    unread: tuple[str, ...] = ()
    """Why secrets could not be read again, a clause each."""
