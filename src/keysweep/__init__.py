"""Finds leaked AWS access keys. `from keysweep import scan, Origin` is the whole public API."""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` alone would cost the hook a tenth of its time
if TYPE_CHECKING:
    from keysweep.detect.scanner import scan
    from keysweep.findings import Finding, Origin, ScanResult

__all__ = ["Finding", "Origin", "ScanResult", "__version__", "scan"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import on first use, so that starting the hook costs none of it."""
    if name == "scan":
        from keysweep.detect.scanner import scan

        return scan
    if name in {"Finding", "Origin", "ScanResult"}:
        from keysweep import findings

        return getattr(findings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
