"""What a push brings, whether it is on its way out or comes in: commits, and what refs name beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import IO

from keysweep import git
from keysweep.detect.across import pair_across
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.prefilter import HYPERSCAN_FROM_BYTES
from keysweep.errors import IncompleteError
from keysweep.findings import Finding, Origin, Problem, ScanResult, Source
from keysweep.frozen import frozen
from keysweep.sources.diffs import list_changes
from keysweep.sources.engine import prepare
from keysweep.sources.versions import Version, Versions
from keysweep.sources.windows import WINDOW_BYTES

_ZERO = re.compile(r"0+")
_KEPT_ENGINE_FROM_BYTES = 256 << 10
"""From about this size on, what is read pays for loading Hyperscan's database, where it was compiled before."""
_TAG = re.compile(rb"object ([0-9a-f]{40,64})\ntype (\w+)\n")


@frozen
class Brought:
    """An object that a push brings, and what names it."""

    object_id: str
    name: str


def told_by_git(stdin: IO[bytes]) -> list[list[str]]:
    """The fields of each line in which git tells a hook what is pushed."""
    lines = stdin.read().decode("utf-8", "surrogateescape").split("\n")
    return [line.split(" ") for line in lines if line]


def is_no_object(name: str) -> bool:
    """Whether it is what git writes in place of an object where there is none."""
    return bool(_ZERO.fullmatch(name))


def scan_brought(
    commits: Sequence[str],
    beside: Sequence[Version],
    limits: Limits | None = None,
    options: Options | None = None,
    cwd: str | None = None,
) -> ScanResult:
    """Scan what commits add, their messages, and versions that stand beside them."""
    unlisted: list[Problem] = []
    changes = list(list_changes(commits, unlisted, cwd))
    whole = [*beside, *(_message(name, "commit") for name in commits)]
    findings: list[Finding] = []
    told: set[tuple[str | None, str]] = set()
    _make_ready([each.after for each in changes if each.after] + [each.object_id for each in beside], cwd)
    with Versions(limits or Limits(), options or Options(), cwd) as versions:
        versions.scan(whole)
        for each in whole:
            findings += versions.findings(each.object_id, each.origin.path)
        for _, new in versions.added_by(changes, Source.COMMIT):
            findings += [each for each in new if (each.origin.blob, each.fingerprint) not in told]
            told.update((each.origin.blob, each.fingerprint) for each in new)
    scanned = versions.scanned
    problems = (*unlisted, *versions.problems)
    return ScanResult(pair_across(findings), problems, sum(scanned.values()), len(scanned))


def _make_ready(names: Sequence[str], cwd: str | None) -> None:
    """Have Hyperscan at hand where it pays: it reads twenty times as fast, and takes 0.3 s to compile."""
    size_bytes = sum(max(size, 0) for size, _ in git.object_sizes(list(dict.fromkeys(names)), cwd)) if names else 0
    if size_bytes >= _KEPT_ENGINE_FROM_BYTES:
        prepare(only_if_kept=size_bytes < HYPERSCAN_FROM_BYTES)


def kinds_of(names: Sequence[str], cwd: str | None) -> list[str]:
    """Whether each object is a commit, a tag, a tree or a blob; `git.MISSING` where it is none that is here."""
    if not names:
        return []
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    kinds = git.run(("cat-file", "--batch-check=%(objecttype)"), cwd, asked).decode("utf-8", "replace").split("\n")
    known = ("commit", "tag", "tree", "blob")
    return [kind if kind in known else git.MISSING for kind in kinds[: len(names)]]


def beside_commits(brought: Sequence[Brought], cwd: str | None) -> list[Version]:
    """What of it no commit holds: messages of tags, also of one in another, and files and trees that refs name."""
    kinds = kinds_of([each.object_id for each in brought], cwd)
    waiting = [
        (each, kind) for each, kind in zip(brought, kinds, strict=True) if kind not in ("commit", git.MISSING)
    ]
    versions: dict[str, list[Version]] = {}
    while waiting:
        each, kind = waiting.pop()
        if each.object_id in versions or kind == "commit":
            continue
        if kind == "tag":
            waiting.append(_tagged(each, cwd))
            versions[each.object_id] = [_message(each.object_id, "tag")]
        elif kind == "tree":
            versions[each.object_id] = _files_of(each.object_id, cwd)
        else:
            origin = Origin(each.name, Source.COMMIT, blob=each.object_id)
            versions[each.object_id] = [Version(each.object_id, "blob", origin)]
    return [version for of_one in versions.values() for version in of_one]


def _tagged(tag: Brought, cwd: str | None) -> tuple[Brought, str]:
    """What a tag is of, and of which kind that is."""
    with git.Objects(cwd) as objects:
        _, content = objects.read(tag.object_id, WINDOW_BYTES)
    found = _TAG.match(content)
    if found is None:
        raise IncompleteError(f"tag {tag.object_id[:12]} cannot be read: make it anew, or leave it out.")
    return Brought(found[1].decode("ascii"), tag.name), found[2].decode("ascii")


def _files_of(tree: str, cwd: str | None) -> list[Version]:
    """The files in a tree."""
    versions = []
    for entry in git.run(("ls-tree", "-r", "-z", "--full-tree", tree), cwd).split(b"\0"):
        columns, _, path = entry.partition(b"\t")
        if columns.split(b" ")[1:2] == [b"blob"]:
            blob = columns.split(b" ")[2].decode("ascii")
            versions.append(Version(blob, "blob", Origin(os.fsdecode(path), Source.COMMIT, blob=blob)))
    return versions


def _message(name: str, kind: str) -> Version:
    return Version(name, kind, Origin(f"{kind} message", Source.COMMIT_MESSAGE, commit=name))
