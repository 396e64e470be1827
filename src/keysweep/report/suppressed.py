"""What does not count, for people: how many and by what, and on request each of them."""

from __future__ import annotations

from keysweep.findings import Silencer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.findings import ScanResult
    from keysweep.report.style import Style

_NAMES = {Silencer.BASELINE: "the baseline", Silencer.PRAGMA: "pragmas"}
"""The others are the configuration."""


def counted(result: ScanResult, suppressed: int) -> str:
    """How many do not count, and what silenced them: `3 suppressed: 2 by configuration, 1 by pragmas`."""
    by: dict[str, int] = {}
    for each in result.suppressed:
        name = _NAMES.get(each.by, "configuration")
        by[name] = by.get(name, 0) + 1
    if len(by) <= 1:
        return f"{suppressed} suppressed by {next(iter(by), 'configuration')}"
    return f"{suppressed} suppressed: " + ", ".join(f"{count} by {name}" for name, count in sorted(by.items()))


def listed(result: ScanResult, style: Style) -> list[str]:
    """A line for each: what it is, where, by what, why, who answers for it, and until when."""
    lines = []
    for each in result.suppressed:
        told = each.finding or each.problem
        if told is None:
            continue
        what = f"{each.finding.kind.value} {each.finding.fingerprint}" if each.finding else "problem"
        origin = told.origin
        where = origin.display if origin else ""
        if each.finding:
            where += f":{each.finding.place.line}:{each.finding.place.column}"
        if origin and origin.commit:
            where += f" (commit {origin.commit[:12]})"
        why = f": {each.reason}" if each.reason else ""
        more = f" ({each.owner})" if each.owner else ""
        more += f" until {each.until}" if each.until else ""
        lines.append(
            f"{style.paint('suppressed', 'dim')}  {style.safe(where)}  {what}  "
            f"by {each.by.value}{style.safe(why + more)}"
        )
    return lines
