"""Where something stands, as SARIF says it: artifacts, regions, and locations that belong together."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

from keysweep.findings import Commit, Exposure, Finding, Origin, Place
from keysweep.report.rules import escaped
from keysweep.report.text import ROLES

BASE = "%SRCROOT%"
MOST_RELATED = 100
"""GitHub shows no more locations of a result."""

_SCP = re.compile(r"(?:([^@/:]+)@)?([^/:]+):(?!//)(.*)")


def artifact(path: str) -> dict[str, str]:
    """The bytes of a path, percent-encoded: relative to the source root, or absolute where it is that."""
    uri = quote(_bytes(path.replace(os.sep, "/")), safe="/~")
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": BASE}


def address(repository: str) -> str:
    """A directory or an address that git takes, as a URI."""
    if os.path.isabs(repository):
        return f"file://{quote(_bytes(repository), safe='/~')}"
    if scp := _SCP.fullmatch(repository):
        user = f"{quote(scp[1])}@" if scp[1] else ""
        return f"ssh://{user}{quote(scp[2])}/{quote(_bytes(scp[3].lstrip('/')), safe='/~')}"
    return quote(_bytes(repository), safe=":/?#[]@!$&'()*+,;=%~")


def _bytes(path: str) -> bytes:
    """A path as it is stored; half a surrogate pair, which no path can hold, is taken as it comes."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")


def place(origin: Origin, where: Place) -> dict[str, Any]:
    """A location. That of a member of an archive is the archive, since nobody can open the member by itself."""
    made: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact(origin.path)}}
    if origin.members:
        made["physicalLocation"]["region"] = {"startLine": 1}
        made["logicalLocations"] = [
            {"name": origin.members[-1], "fullyQualifiedName": origin.display, "kind": "resource"}
        ]
        made["properties"] = {"regionInMember": _region(where)}
    else:
        made["physicalLocation"]["region"] = _region(where)
    return made


def _region(where: Place) -> dict[str, Any]:
    """The bytes are exact; the end in columns is where that many characters would end."""
    return {
        "startLine": where.line,
        "startColumn": where.column,
        "endLine": where.line,
        "endColumn": where.column + max(1, where.length),
        "byteOffset": where.offset,
        "byteLength": where.length,
        "snippet": {"text": where.snippet},
    }


def related(finding: Finding) -> tuple[list[dict[str, Any]], int]:
    """The other parts first, numbered from 1 as messages link to them; and how many locations are left out."""
    told = [(part.origin or finding.origin, part.place, ROLES[part.role]) for part in finding.parts[1:]]
    told += [
        (part.origin or finding.origin, part.place, f"or this {ROLES[part.role]}") for part in finding.alternatives
    ]
    told += [(finding.origin, each, "here too") for each in finding.also_at]
    made = [place(origin, where) | {"message": {"text": text}} for origin, where, text in told]
    made += [_exposed(each) for each in finding.exposures]
    kept = [{"id": number, **each} for number, each in enumerate(made[:MOST_RELATED], 1)]
    return kept, len(made) - len(kept)


def _exposed(exposure: Exposure) -> dict[str, Any]:
    told = "in history"
    if exposure.introduced:
        told += f" since {_named(exposure.introduced[0])}"
    if exposure.removed:
        told += f", taken out by {_named(exposure.removed[-1])}"
    return {
        "physicalLocation": {"artifactLocation": artifact(exposure.path)},
        "message": {"text": escaped(told)},
    }


def _named(commit: Commit) -> str:
    return f"{commit.id[:12]} by {commit.author} <{commit.email}>"
