"""A findings file read back, as far as others need it: who was found, and where to look for it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from keysweep.errors import UsageError
from keysweep.findings import Kind, Origin, Recorded, Source
from keysweep.frozen import frozen
from keysweep.report.json import FORMAT, VERSION

MOST_BYTES = 1 << 30
_Understood = TypeVar("_Understood")


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
    return read(path, file_of)


def told(path: str) -> Told:
    """All that a findings file tells of; UsageError as with `load`."""
    return read(path, _told)


def read(path: str, understood: Callable[[dict[str, Any]], _Understood]) -> _Understood:
    """What `understood` makes of a findings file; UsageError where it is none.

    `understood` may raise KeyError, TypeError, ValueError and the like for a damaged one.
    """
    document = _document(path, "a findings file")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UsageError(f"{path} is no findings file of keysweep: make one with `keysweep scan --format json`.")
    if document.get("version") != VERSION:
        raise UsageError(
            f"{path} is of version {document.get('version')!s:.20}, and this reads {VERSION}: scan again."
        )
    try:
        return understood(document)
    except _DAMAGE as error:
        raise UsageError(f"{path} is a damaged findings file: scan again.") from error


def read_verdicts(path: str, understood: Callable[[dict[str, Any]], _Understood]) -> _Understood:
    """What `understood` makes of what `verify --format json` wrote; UsageError as with `read`."""
    document = _document(path, "a file of verdicts")
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != _VERDICTS:
        raise UsageError(f"{path} has no verdicts of keysweep: make it with `keysweep verify --format json`.")
    try:
        return understood(document)
    except _DAMAGE as error:
        raise UsageError(f"{path} is a damaged file of verdicts: verify again.") from error


_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_VERDICTS = ("keysweep-verification", 1)


def _document(path: str, what: str) -> Any:
    try:
        with open(path, encoding="utf-8") as stream:
            content = stream.read(MOST_BYTES + 1)
        return json.loads(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name {what}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not {what}: it is not UTF-8.") from error
    except MemoryError as error:
        raise UsageError(f"{path} takes more memory than there is: split it, or scan again.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not {what}: it is not JSON; make one with --format json.") from error


def _told(document: dict[str, Any]) -> Told:
    return Told(
        tuple(_named(each) for each in document["findings"]),
        tuple(_named(each["finding"]) for each in document["suppressed"] if each["finding"] is not None),
        bool(document["complete"]),
    )


def _named(finding: dict[str, Any]) -> tuple[str, str]:
    return fingerprint_of(finding), text(finding["origin"]["path"])


def file_of(document: dict[str, Any]) -> FindingsFile:
    """What a document says; KeyError, TypeError or ValueError for what is none."""
    scanned = document["scanned"]
    return FindingsFile(
        tuple(
            _recorded(each)
            for each in document["findings"]
            if text_or_none(each["placeholder"]) is None and each["kind"] != Kind.CUSTOM
        ),
        text_or_none(scanned.get("directory")) or "",
        text_or_none(scanned.get("repository")),
        bool(document["complete"]),
    )


def _recorded(finding: dict[str, Any]) -> Recorded:
    parts = (*finding["parts"], *finding["alternatives"])
    return Recorded(
        fingerprint_of(finding),
        text_or_none(finding["key_id"]),
        origin_of(finding["origin"]),
        tuple(origin_of(part["origin"]) for part in parts if part["origin"] is not None),
        text_or_none(finding["canary"]),
    )


def fingerprint_of(finding: dict[str, Any]) -> str:
    """A fingerprint goes into baselines, so it has to be one; ValueError."""
    found = text(finding["fingerprint"])
    if len(found) != 32 or not set(found) <= set("0123456789abcdef"):
        raise ValueError(found)
    return found


def origin_of(origin: dict[str, Any]) -> Origin:
    """Where content came from; KeyError, TypeError or ValueError for what is no origin."""
    members = origin["members"]
    if not isinstance(members, list):
        raise TypeError(members)
    return Origin(
        text(origin["path"]),
        Source(origin["source"]),
        object_name(origin["commit"]),
        object_name(origin["blob"]),
        tuple(map(text, members)),
        text(origin.get("what", "")),
    )


def text(value: object) -> str:
    """A string; TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def text_or_none(value: object) -> str | None:
    """A string or nothing; TypeError for anything else."""
    return None if value is None else text(value)


def object_name(value: object) -> str | None:
    """An object's name goes to git, so it has to be one."""
    name = text_or_none(value)
    if name is not None and (len(name) not in {40, 64} or not set(name) <= set("0123456789abcdef")):
        raise ValueError(name)
    return name
