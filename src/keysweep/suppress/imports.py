"""What other scanners accept, mapped onto findings of keysweep; what cannot be mapped is told, never guessed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from keysweep import git
from keysweep.detect.scanner import scan
from keysweep.errors import UsageError
from keysweep.findings import Finding, Origin, Place
from keysweep.frozen import frozen
from keysweep.settings import Settings
from keysweep.suppress.policy import seen_from

_MOST_BYTES = 64 << 20
_MOST_LINE_BYTES = 1 << 16
_SECONDS = 1.0
"""Most time that one pattern may take on one line."""
_LINE = re.compile(r"[0-9]{1,9}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
"""Whole or abbreviated."""


@frozen
class Imported:
    """What came of a file."""

    found: tuple[tuple[str, str], ...]
    """Fingerprint and path of what it accepts."""
    left: tuple[str, ...]
    """What of it could not be mapped, and why not, a clause each."""


def kind_of(file: str) -> str:
    """Whose file it is, by its name; UsageError where that does not say."""
    name = os.path.basename(file)
    for ending, kind in (
        (".gitleaksignore", "gitleaks"),
        (".secrets.baseline", "detect-secrets"),
        (".gitallowed", "git-secrets"),
    ):
        if name.endswith(ending):
            return kind
    raise UsageError(f"{file} does not tell by its name whose file it is: say so with --from.")


def imported(kind: str, file: str | None, findings: Sequence[Finding], root: Path, settings: Settings) -> Imported:
    """Map what `file` accepts onto `findings`, those of the tree at `root`.

    Without a file this is about the patterns in the configuration of git. Raises UsageError for a file that cannot
    be read or is of another kind.
    """
    if kind == "gitleaks":
        return _gitleaks(_gitleaks_entries(file or ""), findings, root, settings)
    if kind == "detect-secrets":
        return _detect_secrets(file or "", findings, root)
    patterns = _configured_patterns(root) if file is None else _text(file).splitlines()
    return _git_secrets(patterns, findings, root)


def _text(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name the file of another scanner.") from error
    if len(content) > _MOST_BYTES:
        raise UsageError(f"{file} is larger than {_MOST_BYTES >> 20} MiB: name the file of another scanner.")
    return content.decode("utf-8", "surrogateescape")


def _gitleaks_entries(file: str) -> Sequence[str]:
    """The lines of a .gitleaksignore, or what would be those lines for the findings of a report in JSON."""
    text = _text(file)
    try:
        return [str(each["Fingerprint"]) for each in json.loads(text)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if file.endswith(".json"):
            raise UsageError(
                f"{file} is no report of gitleaks in JSON: make it anew, or name another file."
            ) from error
        return text.splitlines()  # of which the first may begin as JSON does: `[id]/page.tsx:rule:1`


def _gitleaks(entries: Sequence[str], findings: Sequence[Finding], root: Path, settings: Settings) -> Imported:
    """Entries of `path:rule:line`, before them in history the commit; lines are those of that version."""
    found: list[tuple[str, str]] = []
    left = []
    here = _by_path(findings, root)
    for number, line in enumerate(entries, start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        fields = entry.split(":")
        commit = fields.pop(0) if len(fields) > 3 and _COMMIT.fullmatch(fields[0]) else None
        if len(fields) < 3 or not _LINE.fullmatch(fields[-1]) or "\0" in entry:
            left.append(f"entry {number}: it is not [COMMIT:]PATH:RULE:LINE")
            continue
        path, at = ":".join(fields[:-2]).replace("\\", "/").removeprefix("./"), int(fields[-1])
        there = _in_commit(commit, path, root, settings) if commit else here.get(path, [])
        names = [each.fingerprint for each in there if any(place.line == at for place in _places(each))]
        found += [(name, path) for name in names]
        if not names:
            left.append(f"entry {number}: keysweep finds nothing in line {at} of {path}{_of(commit)}")
    return Imported(tuple(found), tuple(left))


def _of(commit: str | None) -> str:
    return f" in commit {commit[:12]}" if commit else ""


def _in_commit(commit: str, path: str, root: Path, settings: Settings) -> Sequence[Finding]:
    content = git.answer(("cat-file", "blob", f"{commit}:{path}"), os.fspath(root))
    return scan(content, Origin(path), settings.limits, settings.options()).findings if content else ()


def _detect_secrets(file: str, findings: Sequence[Finding], root: Path) -> Imported:
    """`results` name for each file the SHA-1 of what was found there."""
    try:
        results = json.loads(_text(file))["results"]
        entries = [
            (str(name).replace("\\", "/").removeprefix("./"), each) for name, of in results.items() for each in of
        ]
        wanted = [
            (path, str(each["hashed_secret"]), str(each["type"]), each.get("is_secret")) for path, each in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{file} is no baseline of detect-secrets: make it anew, or name another file."
        ) from error
    here = _by_path(findings, root)
    found: list[tuple[str, str]] = []
    left = []
    for path, digest, what, is_secret in wanted:
        names = [each.fingerprint for each in here.get(path, ()) if digest in _digests(each)]
        if is_secret is True:
            left.append(f"{path}: {what}: it was audited there as a real secret")
        elif names:
            found += [(name, path) for name in names]
        else:
            left.append(f"{path}: {what}: keysweep finds nothing of that hash there")
    return Imported(tuple(found), tuple(left))


def _digests(finding: Finding) -> set[str]:
    values = (part.value.reveal() for part in finding.parts)
    return {
        hashlib.sha1(value.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        for value in values
    }


def _configured_patterns(root: Path) -> list[str]:
    told = git.answer(("config", "-z", "--get-all", "secrets.allowed"), os.fspath(root)) or b""
    return [each for each in told.decode("utf-8", "surrogateescape").split("\0") if each]


def _git_secrets(patterns: Sequence[str], findings: Sequence[Finding], root: Path) -> Imported:
    """Patterns for lines as `PATH:LINE:TEXT`; a finding is accepted if every line that it stands in is."""
    left: list[str] = []
    tests = list(_compiled(patterns, left))
    found = []
    used: set[int] = set()
    for finding in findings:
        lines = [_line(finding.origin, place, root) for place in _places(finding)]
        lines += [_line(part.origin, part.place, root) for part in finding.parts if part.origin]
        allowing = [_first_match(tests, line, left) if line is not None else None for line in lines]
        numbers = [number for number in allowing if number is not None]
        used.update(numbers)
        if len(numbers) == len(lines):
            found.append((finding.fingerprint, seen_from(os.fspath(root), finding.origin)))
        elif numbers:
            left.append(f"{finding.origin.path}:{finding.place.line}: a pattern allows only a part of the pair")
    left += [
        f"pattern {number}: it allows nothing that keysweep finds" for number, _ in tests if number not in used
    ]
    return Imported(tuple(found), tuple(dict.fromkeys(left)))


def _compiled(patterns: Sequence[str], left: list[str]) -> Iterable[tuple[int, Callable[[str], object]]]:
    """Each pattern by its number, for it may hold what must not be printed; comments are as in .gitallowed."""
    import regex

    for number, text in enumerate(patterns, start=1):
        if not text.strip() or text.startswith("#"):
            continue
        try:
            pattern = regex.compile(text)
        except regex.error:
            left.append(f"pattern {number}: it is no regular expression")
            continue

        def search(line: str, pattern: regex.Pattern[str] = pattern) -> object:
            return pattern.search(line, timeout=_SECONDS)

        yield number, search


def _first_match(tests: list[tuple[int, Callable[[str], object]]], line: str, left: list[str]) -> int | None:
    """The first pattern that allows a line; one that takes too long is told, and is not tried again."""
    for each in tuple(tests):
        number, search = each
        try:
            if search(line):
                return number
        except TimeoutError:
            tests.remove(each)
            left.append(f"pattern {number}: it took longer than {_SECONDS:g} s on one line")
    return None


def _line(origin: Origin, place: Place, root: Path) -> str | None:
    """The line of a file as git-secrets would see it; None in archives and where it cannot be read."""
    if origin.members:
        return None
    try:
        with open(origin.path, "rb") as stream:
            stream.seek(max(0, place.offset - _MOST_LINE_BYTES))
            before = stream.read(min(place.offset, _MOST_LINE_BYTES)).rpartition(b"\n")[2]
            line = before + stream.read(_MOST_LINE_BYTES).partition(b"\n")[0]
    except OSError:
        return None
    path = seen_from(os.fspath(root), origin)
    return f"{path}:{place.line}:{line.decode('utf-8', 'surrogateescape')}"


def _by_path(findings: Iterable[Finding], root: Path) -> dict[str, list[Finding]]:
    table: dict[str, list[Finding]] = {}
    for each in findings:
        table.setdefault(seen_from(os.fspath(root), each.origin).removeprefix("./"), []).append(each)
    return table


def _places(finding: Finding) -> list[Place]:
    """Where its parts stand in its own file, and where they stand again."""
    return [*(part.place for part in finding.parts if part.origin is None), *finding.also_at]
