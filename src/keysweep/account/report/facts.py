"""What reports tell beside what was found."""

from __future__ import annotations

from datetime import datetime

from keysweep.account.audit import Audit
from keysweep.account.judging.ages import Aged, by_age
from keysweep.account.judging.checks import Bounds
from keysweep.account.runs.course import Change
from keysweep.errors import ExitCode
from keysweep.findings import Severity
from keysweep.frozen import frozen


@frozen
class Facts:
    """How accounts were judged, when, and what has changed since the last time."""

    now: datetime
    """Aware UTC."""
    bounds: Bounds
    change: Change | None = None
    """None where there is no complete run to compare with."""
    notes: tuple[str, ...] = ()
    """What a reader has to know beside what was found, a clause each."""
    fail_on: Severity = Severity.MEDIUM
    hub_region: str | None = None
    """Of the Security Hub that findings are for; None for that of IAM itself."""

    def exit_code(self, audit: Audit, *, is_told: bool = True) -> int:
        """What the process tells its caller; `is_told` says whether every report could be written."""
        if any(each.severity >= self.fail_on for each in audit.lapses):
            return ExitCode.FINDINGS
        if audit.unreached and not audit.judged:
            return ExitCode.AWS
        return ExitCode.CLEAN if audit.is_complete and is_told else ExitCode.INCOMPLETE

    def all_notes(self, audit: Audit) -> list[str]:
        """With what has to be known of accounts, each once."""
        return list(dict.fromkeys((*self.notes, *(note for each in audit.judged for note in each.account.notes))))

    def ages(self, audit: Audit) -> tuple[Aged, ...]:
        """The keys of all accounts by their age."""
        keys = ((key, each.account.taken) for each in audit.judged for key, _ in each.account.each_key())
        return by_age(keys, self.bounds.most_days)
