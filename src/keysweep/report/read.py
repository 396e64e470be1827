"""A findings file read back, as far as others need it: who was found, and where to look for it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from keysweep.errors import UsageError
from keysweep.findings import Origin, Recorded, Source
from keysweep.frozen import frozen
from keysweep.report.json import FORMAT, VERSION

MOST_BYTES = 1 << 30


@frozen
class FindingsFile:
    """What a findings file says."""

    findings: tuple[Recorded, ...]
    """But for documentation examples."""
    directory: str
    """What paths of files are relative to."""
    repository: str | None
    """The repository that was scanned: a directory, or an address."""
    complete: bool


def load(path: str) -> FindingsFile:
    """Read what `scan --format json` wrote; UsageError for anything else, saying what is wrong with it."""
    try:
        with open(path, encoding="utf-8") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name a findings file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no findings file: it is not UTF-8.") from error
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no findings file: it is not JSON; make one with --format json.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f"{path} is no findings file of keysweep: make one with `keysweep scan --format json`.")
    if document.get("version") != VERSION:
        raise UsageError(
            f"{path} is of version {document.get('version')!s:.20}, and this reads {VERSION}: scan again."
        )
    try:
        return _file(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is a damaged findings file: scan again.") from error


def _file(document: dict[str, Any]) -> FindingsFile:
    scanned = document["scanned"]
    return FindingsFile(
        tuple(_recorded(each) for each in document["findings"] if each["placeholder"] is None),
        str(scanned.get("directory") or ""),
        scanned.get("repository"),
        bool(document["complete"]),
    )


def _recorded(finding: dict[str, Any]) -> Recorded:
    further = (_origin(part["origin"]) for part in finding["parts"] if part["origin"])
    key_id = finding["key_id"]
    verdict, canary = finding["verdict"], finding["canary"]
    return Recorded(
        str(finding["fingerprint"]),
        str(key_id) if key_id else None,
        _origin(finding["origin"]),
        tuple(further),
        canary=str(canary) if canary else None,
        checked=datetime.fromisoformat(verdict["checked"]).astimezone(UTC) if verdict else None,
    )


def _origin(origin: dict[str, Any]) -> Origin:
    members = tuple(str(each) for each in origin["members"])
    return Origin(
        str(origin["path"]), Source(origin["source"]), _name(origin["commit"]), _name(origin["blob"]), members
    )


def _name(value: object) -> str | None:
    """An object's name goes to git, so it has to be one."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) not in {40, 64} or not set(value) <= set("0123456789abcdef"):
        raise ValueError(value)
    return value
