"""JSON Lines for pipelines: what `json` has, a record a line; the first tells whether everything was read."""

from __future__ import annotations

import json
from typing import TextIO

from keysweep.findings import ScanResult, Severity
from keysweep.frozen import replace
from keysweep.report.entries import ordered, ordered_problems
from keysweep.report.json import document, inert


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    show_secrets: bool = False,
    fail_on: Severity = Severity.MEDIUM,
    suppressed: int = 0,
    directory: str | None = None,
    repository: str | None = None,
) -> None:
    """Write one record of type `scan`, and one `finding`, `problem`, `suppressed` or `weak-place` for each.

    The values are those of the JSON document, so `findings.schema.json` describes them.
    """
    whole = document(
        replace(
            result,
            findings=tuple(ordered(result.findings)),
            problems=tuple(ordered_problems(result.problems)),
        ),
        show_secrets=show_secrets,
        fail_on=fail_on,
        suppressed=suppressed,
        directory=directory,
        repository=repository,
    )
    findings, problems, silenced = whole.pop("findings"), whole.pop("problems"), whole.pop("suppressed")
    weak = whole.pop("weak_places", ())
    _line(stream, "scan", whole)
    for finding in findings:
        _line(stream, "finding", finding)
    for problem in problems:
        _line(stream, "problem", problem)
    for each in silenced:
        _line(stream, "suppressed", each)
    for each in weak:
        _line(stream, "weak-place", each)


def _line(stream: TextIO, kind: str, record: dict[str, object]) -> None:
    stream.write(inert(json.dumps({"type": kind, **record}, separators=(",", ":"))) + "\n")
