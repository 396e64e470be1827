"""HTML for people who decide: one file that works offline, with filters, a timeline, details and next steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from keysweep.findings import ScanResult, Severity
from keysweep.report.decisions import MEANINGS
from keysweep.report.entries import location, ordered_problems, said, title, weak_places
from keysweep.report.html.data import rows
from keysweep.report.html.frame import embedded, shown, write
from keysweep.report.html.groups import Group, groups
from keysweep.report.html.leaks import leaks
from keysweep.report.html.timeline import Line, timeline
from keysweep.report.html.words import headline, labels, lead, short_names, tone
from keysweep.report.style import size
from keysweep.report.suppressed import counted
from keysweep.verdicts import Containment

_MOST_LISTED = 500
"""Problems, and findings that do not count: beyond that a list helps nobody."""
_MOST_WITHOUT_SCRIPT = 100
_FILTERS = (
    ("status", "Status", "any status"),
    ("severity", "Severity", "any severity"),
    ("account", "Account", "any account"),
    ("repository", "Repository", "any repository"),
    ("author", "Author", "any author"),
    ("age", "Exposed for", "any time"),
)
_COLUMNS = (
    ("status", "Status"),
    ("severity", "Severity"),
    ("key", "Key"),
    ("account", "Account"),
    ("where", "Where"),
    ("author", "Author"),
    ("days", "Exposed for"),
)


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    fail_on: Severity = Severity.MEDIUM,
    suppressed: int = 0,
    repositories: Sequence[str] = (),
    directory: str | None = None,
    repository: str | None = None,
    contained: Mapping[str, Containment] | None = None,
    now: datetime | None = None,
) -> None:
    """Write the page; it never shows a secret.

    `repositories` is what each of several scans was of; a single scan was of `repository` or `directory`.
    `contained` is what was done about keys, by their IDs. `now` is aware.
    """
    of = tuple(dict.fromkeys(repositories)) or (repository or directory or "",)
    values = _values(result, of, contained or {}, fail_on, suppressed, now or datetime.now(UTC))
    write(stream, "keysweep.report.html", values)


def _values(
    result: ScanResult,
    of: Sequence[str],
    contained: Mapping[str, Containment],
    fail_on: Severity,
    suppressed: int,
    now: datetime,
) -> dict[str, Any]:
    found = leaks(result.findings, of, contained)
    names = short_names(of)
    table = rows(found, of, now)
    drawn = timeline(found, now)
    told = {
        "made": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "made_day": f"{now:%Y-%m-%d %H:%M}",
        "scanned": [names[each] for each in of if each],
        "read": f"{result.scanned_items} item{'s' * (result.scanned_items != 1)} ({size(result.scanned_bytes)})",
        "fail_on": fail_on.label,
        "headline": headline(result, found),
        "lead": lead(result, found),
        "problems": [said(each) for each in ordered_problems(result.problems)[:_MOST_LISTED]],
        "notes": [*result.notes, *filter(None, [weak_places(result, fail_on)])],
        "suppressed_line": counted(result, suppressed) if suppressed else "",
        "suppressed": _suppressed(result),
        "groups": [_group(each, names) for each in groups(found, now)],
        "lines": [_line(each) for each in drawn.lines],
    }
    words = labels(names)
    return {
        **shown(told),
        **_embedded(table, words),
        "tone": tone(result, found),
        "filters": _FILTERS,
        "columns": _COLUMNS,
        "problems_total": len(result.problems),
        "suppressed_total": suppressed,
        "leaks_total": len(found),
        "timeline": drawn,
        "first": table[:_MOST_WITHOUT_SCRIPT],
        "labels": words["status"],
    }


def _group(group: Group, names: Mapping[str, str]) -> dict[str, Any]:
    """What stands beside the bars of a group."""
    return {
        "name": group.name,
        "title": group.title,
        "more": group.more,
        "rows": [
            {
                "value": row.value,
                "label": (names.get(row.label, row.label) if group.name == "repository" else row.label)
                or "not known",
                "count": row.count,
                "urgent": row.urgent,
                "share": row.share,
                "urgent_share": row.urgent_share,
                "tone": row.tone,
            }
            for row in group.rows
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    leak = line.leak
    return {
        "id": leak.fingerprint,
        "name": leak.first.key_id or title(leak.first),
        "tone": MEANINGS[leak.standing].tone,
        "start": line.start,
        "length": line.length,
        "told": line.told,
    }


def _suppressed(result: ScanResult) -> list[dict[str, str]]:
    told = []
    for each in result.suppressed[:_MOST_LISTED]:
        finding, problem = each.finding, each.problem
        where = location(finding.origin, finding.place) if finding else said(problem) if problem else ""
        what = f"{title(finding)} {finding.key_id or finding.fingerprint}" if finding else "problem"
        told.append(
            {
                "what": what,
                "where": where,
                "by": each.by.value,
                "reason": each.reason,
                "owner": each.owner,
                "until": each.until or "",
            }
        )
    return told


def _embedded(table: list[dict[str, Any]], labels: dict[str, Any]) -> dict[str, Any]:
    """What stands in the page unescaped, as none of it can be markup."""
    from markupsafe import Markup

    return {
        "labels_json": Markup(embedded(labels)),  # noqa: S704 - JSON in which no markup begins
        "data": Markup(embedded(table)),  # noqa: S704 - JSON in which no markup begins
    }
