"""Weak places: what makes a key on a machine easier to steal than it has to be, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from keysweep.findings import Finding, Origin, Severity, Source, WeakPlace
from keysweep.frozen import frozen
from keysweep.sources.machine.access import Access
from keysweep.sources.machine.files import Expected
from keysweep.sources.machine.places import PRACTICE, Nature
from keysweep.sources.machine.processes import Inherited
from keysweep.sources.machine.replacement import Replacement
from keysweep.sources.machine.worth import is_secret, is_temporary


@frozen
class Rule:
    """One way of being weak."""

    id: str
    title: str
    severities: tuple[Severity, ...]
    when: str
    """Which of them holds when, in the same order."""
    practices: tuple[int, ...]


EXPOSED = Rule(
    "exposed-file",
    "Others get to a file with keys",
    (Severity.HIGH, Severity.MEDIUM, Severity.LOW),
    "high where everybody may read a key, or others may write the file or a directory above it, or own it; medium "
    "where a group may read a key; low where there is no key in the file yet, but it is there for secrets",
    (3,),
)
SHARED = Rule(
    "shared-file",
    "A file with keys is copied elsewhere",
    (Severity.HIGH, Severity.MEDIUM),
    "high in a synchronised folder; medium in a git work tree, from which one commit brings it everywhere",
    (3,),
)
REPLACEABLE = Rule(
    "replaceable-key",
    "A long-term key could be replaced",
    (Severity.LOW,),
    "low: it is no leak, and signing in, credential_process or a role would do the same",
    (7, 9),
)
TYPED = Rule(
    "key-in-history",
    "A secret was typed and is kept",
    (Severity.MEDIUM,),
    "medium: beside the finding it says how to take it out and how to keep it from coming back",
    (3,),
)
LEFT_BEHIND = Rule(
    "key-left-behind",
    "A copy with a secret was left behind",
    (Severity.MEDIUM,),
    "medium: beside the finding it says what made the copy",
    (3,),
)
INHERITED = Rule(
    "key-in-environment",
    "Processes have a long-term key in their environment",
    (Severity.MEDIUM,),
    "medium: beside the finding it lists all processes that have it",
    (9,),
)
RULES = (EXPOSED, SHARED, REPLACEABLE, TYPED, LEFT_BEHIND, INHERITED)
"""All of them, in the order in which reports have them."""

_MOST_LISTED = 20
_NO_WRITING = {
    "shell": "Begin such lines with a space (bash: HISTCONTROL=ignorespace; zsh: setopt HIST_IGNORE_SPACE).",
    "console": "Read secrets from a file or a prompt (`getpass`), which no history keeps.",
}


def of_file(path: str, expected: Expected, access: Access, findings: Sequence[Finding]) -> Iterator[WeakPlace]:
    """What is weak about one file; `findings` are those in it."""
    secret = [each for each in findings if is_secret(each)]
    origin = _origin(path, expected)
    prints = tuple(dict.fromkeys(each.fingerprint for each in secret))
    yield from _exposed(path, expected, access, origin, prints)
    if not secret:
        return
    if access.synchronised:
        evidence = (
            f"{access.synchronised} is a synchronised folder: every machine of it, and its provider, has a copy"
        )
        step = "Move it out of there, and give the key up for a new one: copies of it stay where they are."
        yield _weak(SHARED, Severity.HIGH, 3, origin, (evidence,), (step,), prints)
    if access.work_tree:
        evidence = f"{access.work_tree} is a git work tree"
        step = (
            "Move it out, or list it in .gitignore; `keysweep scan --history` there says whether it was committed."
        )
        yield _weak(SHARED, Severity.MEDIUM, 3, origin, (evidence,), (step,), prints)
    nature = expected.place.nature
    if nature is Nature.HISTORY:
        usual = _NO_WRITING["shell" if "shell" in expected.place.what else "console"]
        yield _weak(TYPED, Severity.MEDIUM, 3, origin, _told(secret), (expected.place.instead, usual), prints)
    elif nature is Nature.LEFTOVER:
        yield _weak(LEFT_BEHIND, Severity.MEDIUM, 3, origin, _told(secret), (expected.place.instead,), prints)
    elif nature in (Nature.TOOL, Nature.STARTUP, Nature.CACHE):
        lasting = [each for each in secret if not is_temporary(each) and not each.canary]
        if lasting:
            prints = tuple(dict.fromkeys(each.fingerprint for each in lasting))
            steps = (expected.place.instead,)
            yield _weak(REPLACEABLE, Severity.LOW, PRACTICE[nature], origin, _told(lasting), steps, prints)


def _exposed(
    path: str, expected: Expected, access: Access, origin: Origin, prints: tuple[str, ...]
) -> Iterator[WeakPlace]:
    """Permissions: of a file with a key, and of one that runs programs or is there for secrets."""
    runs_programs = expected.place.nature is Nature.SDK
    evidence = [f"{access.readers} may read it"] if access.readers else []
    evidence += [*access.writers, *([f"it belongs to {access.owner}"] if access.owner else [])]
    is_written = bool(access.writers or access.owner)
    if not evidence or not (prints or expected.place.keeps_secrets):
        return
    if is_written and runs_programs:
        evidence.append("a credential_process in it runs as you")
    if (is_written and (prints or runs_programs)) or (prints and access.readers == "everybody"):
        severity = Severity.HIGH
    else:
        severity = Severity.MEDIUM if prints else Severity.LOW
    steps = [f"`chmod 600 {shlex.quote(path)}`"]
    steps += [f"`chmod go-w {shlex.quote(each)}`" for each in access.directories]
    if access.owner:
        steps.insert(0, f'`sudo chown "$(id -u)" {shlex.quote(path)}`')
    if prints and access.readers:
        steps.append("Where others use this machine, give the key up for a new one: they may have read it.")
    yield _weak(EXPOSED, severity, 3, origin, tuple(evidence), tuple(steps), prints)


def of_environments(inherited: Iterable[Inherited]) -> Iterator[WeakPlace]:
    """Long-term keys that processes have; one that expires is there as it should be."""
    for each in inherited:
        finding = each.finding
        if not is_secret(finding) or is_temporary(finding) or finding.canary:
            continue
        listed = each.processes[:_MOST_LISTED]
        more = [f"{len(each.processes) - _MOST_LISTED} more"] if len(each.processes) > _MOST_LISTED else []
        evidence = (*([f"in {' and '.join(each.variables)}"] if each.variables else []), *listed, *more)
        steps = (
            "Start them with AWS_PROFILE, and a profile that signs in or takes a role, in place of the key.",
            "Take the key out of what sets it (a start-up file, a unit, a .env); they keep it until they end.",
        )
        yield _weak(INHERITED, Severity.MEDIUM, 9, finding.origin, evidence, steps, (finding.fingerprint,))


def of_profiles(
    replacements: Iterable[Replacement], findings: Sequence[Finding], expected: Mapping[str, Expected]
) -> Iterator[WeakPlace]:
    """Long-term keys of profiles, where the scan found them too: an example is none, nor is bait."""
    for each in replacements:
        held = [
            finding
            for finding in findings
            if finding.key_id == each.key_id
            and is_secret(finding)
            and not finding.canary
            and finding.origin.path in expected
            and expected[finding.origin.path].place.nature is Nature.SDK
        ]
        if not held:
            continue
        prints = tuple(dict.fromkeys(finding.fingerprint for finding in held))
        yield _weak(REPLACEABLE, Severity.LOW, 7, held[0].origin, each.evidence, each.steps, prints, each.snippet)


def _weak(
    rule: Rule,
    severity: Severity,
    practice: int,
    origin: Origin,
    evidence: tuple[str, ...],
    steps: tuple[str, ...],
    fingerprints: tuple[str, ...],
    snippet: str = "",
) -> WeakPlace:
    return WeakPlace(rule.id, severity, rule.title, practice, origin, evidence, steps, snippet, fingerprints)


def _origin(path: str, expected: Expected) -> Origin:
    return Origin(path, Source.FILE, what=expected.what)


def _told(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Which they are, by key ID where there is one, and in which line."""
    told = dict.fromkeys(
        f"{each.key_id or each.kind.value.replace('-', ' ')} in line {each.place.line}" for each in findings
    )
    more = [f"{len(told) - _MOST_LISTED} more"] if len(told) > _MOST_LISTED else []
    return (*list(told)[:_MOST_LISTED], *more)
