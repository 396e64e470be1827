"""One credential as detection passes it around: a value, where it stands, what the text calls it."""

from __future__ import annotations

from keysweep.findings import Confidence, Role
from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

BESIDE_AN_ID = "stands beside an access key ID"
"""A reason that a pair says better by where its two halves stand."""


@frozen
class Signature:
    """What a signed request says about the key that signed it."""

    version: int
    issued: datetime | None
    expires: datetime | None
    region: str | None
    service: str | None

    def has_expired(self) -> bool:
        """Whether AWS would refuse the request by now; False where it does not say when."""
        from datetime import UTC, datetime

        return self.expires is not None and self.expires < datetime.now(UTC)


@frozen
class Credential:
    """A credential found in a document; offsets are bytes of the document as stored."""

    role: Role
    value: str
    start: int
    end: int
    rule: str
    """Name of its row in `rules.RULES`."""
    confidence: Confidence
    reasons: tuple[str, ...]
    name: str = ""
    """What the text calls it, such as `aws_secret_access_key_prod`; empty where it has no name."""
    named: bool = False
    """Whether that name says outright what the credential is."""
    steps: tuple[str, ...] = ()
    """How it was decoded, outermost first."""
    placeholder: str | None = None
    signature: Signature | None = None
