"""One file per format; `FORMATS` is the table of them."""

from __future__ import annotations

FORMATS = {
    "text": "keysweep.report.text",
    "json": "keysweep.report.json",
    "jsonl": "keysweep.report.jsonl",
    "csv": "keysweep.report.csv",
    "sarif": "keysweep.report.sarif",
    "gitlab": "keysweep.report.gitlab",
    "junit": "keysweep.report.junit",
    "github-annotations": "keysweep.report.github_annotations",
    "github-summary": "keysweep.report.github_summary",
    "markdown": "keysweep.report.markdown",
    "html": "keysweep.report.html.page",
}
"""Format name to the module whose `render(result, stream, ...)` writes it; imported when used.

`render` takes by name what it needs of a scan, and `show_secrets` only where a format may show secrets at all:
reports that are uploaded, posted or kept never do.
"""
