"""The slow way to sweep a history: git prints every object, and each is scanned whole."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from keysweep import Origin, scan
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.sources.history.sweep import scan_names
from tests.repositories import environment


def objects(repository: Path) -> Iterator[tuple[str, str, bytes]]:
    """ID, type and content of every object that git lists."""
    command = ["git", "-C", str(repository), "cat-file", "--batch-all-objects", "--batch"]
    output = subprocess.run(command, env=environment(), capture_output=True, check=True).stdout
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        name, kind, size = output[at:end].decode().split()
        yield name, kind, output[end + 1 : end + 1 + int(size)]
        at = end + 2 + int(size)


def reference(repository: Path) -> tuple[set[tuple[str, str]], int]:
    """(fingerprint, object ID) of all findings, and how many objects there are; no ID for names in trees."""
    found: set[tuple[str, str]] = set()
    count = 0
    for name, kind, content in objects(repository):
        count += 1
        if kind == "tree":
            named = scan_names(content, len(name) // 2, name, Limits(), Options())
            found |= {(finding.fingerprint, "") for finding in named}
        else:
            found |= {(finding.fingerprint, name) for finding in scan(content, Origin("")).findings}
    return found, count
