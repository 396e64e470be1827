"""Standard input."""

from __future__ import annotations

from typing import IO

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Origin, ScanResult, Source
from keysweep.sources.windows import scan_windows


def scan_stdin(stream: IO[bytes], limits: Limits, options: Options) -> ScanResult:
    """Scan everything that `stream` gives, holding one window of it at a time."""
    return scan_windows(stream.read, Origin("(stdin)", Source.STDIN), limits, options)
