"""What an audit found, one file per format: what is worst first."""

from __future__ import annotations

import json
import os
from typing import TextIO

from keysweep.account.audit import Audit
from keysweep.account.report import data, table, text
from keysweep.report.style import Style

FORMATS = ("text", "json", "csv")


def write(audit: Audit, stream: TextIO, *, form: str, is_file: bool) -> None:
    """Write it in one of FORMATS; a file is written for any terminal."""
    if form == "json":
        json.dump(data.document(audit), stream, indent=2)
        stream.write("\n")
    elif form == "csv":
        table.write(audit, stream)
    else:
        style = Style(width=100) if is_file else Style.detect(stream, os.environ)
        stream.write("".join(f"{line}\n" for line in text.lines(audit, style)))
