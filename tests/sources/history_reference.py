"""The slow way to sweep a history: git prints every object, and each is scanned whole."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from keysweep import Finding, Origin, ScanResult, scan
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.sources.history.objects.names import scan_names
from tests.repositories import environment


def objects(repository: Path) -> Iterator[tuple[str, str, bytes]]:
    """ID, type and content of every object that git can read, in the order in which git reads fastest."""
    git = ["git", "-C", str(repository), "-c", "core.deltaBaseCacheLimit=512m"]
    command = [*git, "cat-file", "--batch-all-objects", "--unordered", "--batch"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout
        while header := process.stdout.readline():
            fields = header.decode().split()
            if len(fields) == 3:  # not "ID missing"
                name, kind, size = fields
                yield name, kind, process.stdout.read(int(size) + 1)[:-1]
    assert process.returncode == 0


def scanned(repository: Path) -> Iterator[tuple[str, ScanResult]]:
    """Each object's ID and what comes of scanning it alone; no ID for trees, because many list the same name."""
    for name, kind, content in objects(repository):
        if kind == "tree":
            yield "", ScanResult(tuple(scan_names(content, len(name) // 2, name, Limits(), Options())))
        else:
            yield name, scan(content, Origin(""))


def reference(repository: Path) -> tuple[set[tuple[str, str]], int]:
    """(fingerprint, object ID) of all findings, and how many objects there are."""
    found: set[tuple[str, str]] = set()
    count = 0
    for name, result in scanned(repository):
        count += 1
        found |= {(finding.fingerprint, name) for finding in result.findings}
    return found, count


def holder(finding: Finding) -> str:
    """The object that holds it; none for names, which many trees list."""
    if finding.place.decoding[:1] == ("file name",):
        return ""
    return finding.origin.blob or finding.origin.commit or ""
