"""One file per format; `FORMATS` is the table of them."""

from __future__ import annotations

FORMATS = {"text": "keysweep.report.text", "json": "keysweep.report.json"}
"""Format name to the module whose `render(result, stream, ...)` writes it; imported when used."""
