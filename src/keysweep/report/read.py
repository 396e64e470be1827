"""A findings file read back, as far as others need it: who was found, and where to look for it again."""

from __future__ import annotations

import json
from typing import Any

from keysweep.errors import UsageError
from keysweep.findings import Kind, Origin, Recorded, Source
from keysweep.frozen import frozen
from keysweep.report.json import FORMAT, VERSION

MOST_BYTES = 1 << 30


@frozen
class FindingsFile:
    """What a findings file says."""

    findings: tuple[Recorded, ...]
    """But for documentation examples and matches of the user's own rules, which are no credentials of AWS."""
    directory: str
    """What paths of files are relative to."""
    repository: str | None
    """The repository that was scanned: a directory, or an address."""
    complete: bool


@frozen
class Told:
    """Every finding that a findings file tells of, by fingerprint and path."""

    found: tuple[tuple[str, str], ...]
    suppressed: tuple[tuple[str, str], ...]
    complete: bool


def load(path: str) -> FindingsFile:
    """Read what `scan --format json` wrote; UsageError for anything else, saying what is wrong with it."""
    document = _document(path)
    try:
        return _file(document)
    except _DAMAGE as error:
        raise UsageError(f"{path} is a damaged findings file: scan again.") from error


def told(path: str) -> Told:
    """All that a findings file tells of; UsageError as with `load`."""
    document = _document(path)
    try:
        return Told(
            tuple(_named(each) for each in document["findings"]),
            tuple(_named(each["finding"]) for each in document["suppressed"] if each["finding"] is not None),
            bool(document["complete"]),
        )
    except _DAMAGE as error:
        raise UsageError(f"{path} is a damaged findings file: scan again.") from error


_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def _named(finding: dict[str, Any]) -> tuple[str, str]:
    return _text(finding["fingerprint"]), _text(finding["origin"]["path"])


def _document(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name a findings file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no findings file: it is not UTF-8.") from error
    except MemoryError as error:
        raise UsageError(f"{path} takes more memory than there is: split it, or scan again.") from error
    try:
        document = json.loads(content)
    except MemoryError as error:
        raise UsageError(f"{path} takes more memory than there is: split it, or scan again.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no findings file: it is not JSON; make one with --format json.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f"{path} is no findings file of keysweep: make one with `keysweep scan --format json`.")
    if document.get("version") != VERSION:
        raise UsageError(
            f"{path} is of version {document.get('version')!s:.20}, and this reads {VERSION}: scan again."
        )
    return document


def _file(document: dict[str, Any]) -> FindingsFile:
    scanned = document["scanned"]
    return FindingsFile(
        tuple(
            _recorded(each)
            for each in document["findings"]
            if _text_or_none(each["placeholder"]) is None and each["kind"] != Kind.CUSTOM
        ),
        _text_or_none(scanned.get("directory")) or "",
        _text_or_none(scanned.get("repository")),
        bool(document["complete"]),
    )


def _recorded(finding: dict[str, Any]) -> Recorded:
    parts = (*finding["parts"], *finding["alternatives"])
    return Recorded(
        _text(finding["fingerprint"]),
        _text_or_none(finding["key_id"]),
        _origin(finding["origin"]),
        tuple(_origin(part["origin"]) for part in parts if part["origin"] is not None),
        _text_or_none(finding["canary"]),
    )


def _origin(origin: dict[str, Any]) -> Origin:
    members = origin["members"]
    if not isinstance(members, list):
        raise TypeError(members)
    return Origin(
        _text(origin["path"]),
        Source(origin["source"]),
        _name(origin["commit"]),
        _name(origin["blob"]),
        tuple(map(_text, members)),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _name(value: object) -> str | None:
    """An object's name goes to git, so it has to be one."""
    name = _text_or_none(value)
    if name is not None and (len(name) not in {40, 64} or not set(name) <= set("0123456789abcdef")):
        raise ValueError(name)
    return name
