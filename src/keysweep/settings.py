"""What may be set, and the defaults; `config.py` reads it from files."""

from __future__ import annotations

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Confidence, Severity
from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keysweep.detect.custom import CustomRule


@frozen
class Settings:
    """What a configuration file may set; the command line overrides it."""

    fail_on: Severity = Severity.MEDIUM
    """Findings of this severity and above make exit code 1."""
    min_confidence: Confidence = Confidence.LOW
    """Findings below are suppressed, and counted."""
    exclude: tuple[str, ...] = ()
    """Globs of paths whose findings and problems are suppressed, and counted."""
    allow: Mapping[str, str] | None = None
    """Fingerprint to reason for findings that are accepted, and counted."""
    baseline: str | None = None
    """The file of accepted findings, seen from the configuration; without it, the usual one if that is there."""
    report_placeholders: bool = False
    """Whether documentation examples and masks are reported too, with severity info."""
    canary_accounts: frozenset[str] = frozenset()
    """Accounts in which you lay bait yourselves: their keys are named as such, and never tried."""
    rules: tuple[CustomRule, ...] = ()
    """Patterns of your own."""
    limits: Limits = Limits()
    """How far content that is nested, compressed or hostile is opened."""

    def options(self) -> Options:
        """What of this concerns detection."""
        return Options(self.report_placeholders, self.canary_accounts, self.rules)
