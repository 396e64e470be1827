"""What an audit found, one file per format: what is worst first."""

from __future__ import annotations

FORMATS = {
    "text": "keysweep.account.report.text",
    "json": "keysweep.account.report.data",
    "csv": "keysweep.account.report.table",
    "html": "keysweep.account.report.html.page",
    "sarif": "keysweep.account.report.sarif",
    "asff": "keysweep.account.report.asff",
}
"""Format to the module whose `render(audit, facts, stream)` writes it, imported when used; none holds a secret."""
