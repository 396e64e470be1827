"""What `keysweep purge-plan` shows: for people what is where and what to do, and the same as data."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from keysweep.findings import Commit, Problem, Role
from keysweep.frozen import frozen
from keysweep.purge.commands import line
from keysweep.purge.plan import Copy, Leak, Plan
from keysweep.purge.safety import Safety, State
from keysweep.purge.steps import Step
from keysweep.purge.stored import secret_parts
from keysweep.purge.ways import Stands, Way
from keysweep.purge.words import counted, named, refs_in_words
from keysweep.report.style import Style
from keysweep.report.text import ROLES, TITLES
from keysweep.report.wrapping import wrapped

_COLOURS = {State.LIVE: "alarm", State.UNKNOWN: "yellow"}
_WAYS = {
    Way.TEXT: "replaced where it stands",
    Way.MESSAGE: "replaced where it stands",
    Way.NAME: "the name is changed",
    Way.STRIP: "the file goes as a whole",
    Way.LEFT: "by hand",
}
_INDENT = 11


@frozen
class Shown:
    """A plan with all that is said about it."""

    repository: str
    plan: Plan
    safety: tuple[Safety, ...]
    """That of each leak."""
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    files: Mapping[str, bytes]
    """Those that are written, by their paths. Secret."""


def write(shown: Shown, form: str, stream: TextIO, *, is_file: bool) -> None:
    """Write it as `form` says; nothing of it holds a secret."""
    redacted = _redactor(shown.plan)
    if form == "json":
        json.dump(_document(shown, redacted), stream, indent=2)
        stream.write("\n")
        return
    style = Style() if is_file else Style.detect(stream, os.environ)
    stream.write("\n".join(_as_text(shown, style, redacted)) + "\n")


def _redactor(plan: Plan) -> Callable[[str], str]:
    """What takes secrets out of a text: the name of a file may be one, or hold one."""
    hidden = {
        part.value.reveal(): part.value.redacted
        for leak in plan.leaks
        for part in secret_parts(leak.finding)
        if part.value.reveal() not in ("", leak.finding.key_id)
    }
    hidden |= {os.fsdecode(each): "(redacted)" for each in plan.names if os.fsdecode(each) not in hidden}

    def redacted(text: str) -> str:
        for value, instead in hidden.items():
            text = text.replace(value, instead)
        return text

    return redacted


def _as_text(shown: Shown, style: Style, redacted: Callable[[str], str]) -> list[str]:
    lines: list[str] = []
    order = sorted(
        zip(shown.plan.leaks, shown.safety, strict=True), key=lambda each: list(State).index(each[1].state)
    )
    for leak, safety in order:
        lines += [*_leak(leak, safety, style, redacted), ""]
    for problem in shown.problems:
        where = f"{problem.origin.display} " if problem.origin else ""
        lines.append(f"{style.paint('incomplete', 'yellow')}  {style.safe(redacted(where + problem.message))}")
    lines += [_summary(shown, style)]
    lines += [f"          Note: {style.safe(redacted(note))}." for note in shown.notes]
    if not shown.plan.leaks:
        return lines
    lines += ["", *_worth(shown.safety, style), ""]
    for number, step in enumerate(shown.steps, 1):
        lines.append(style.paint(f"{number}. {step.title}", "bold"))
        for said in step.says:
            lines += wrapped(redacted(said), 3, style)
        lines += [f"     {redacted(line(command, style.safe))}" for command in step.commands]
        lines.append("")
    return [*lines, *_written(shown, style)]


def _leak(leak: Leak, safety: Safety, style: Style, redacted: Callable[[str], str]) -> list[str]:
    finding = leak.finding
    head = style.paint(f"{safety.state.value.upper():9}", _COLOURS.get(safety.state, "dim"))
    name = finding.key_id or TITLES[finding.kind]
    rows = [("is", f"{TITLES[finding.kind]}; {safety.why}")]
    rows += [
        (ROLES[part.role][:8], part.value.redacted)
        for part in secret_parts(finding)
        if part.role is not Role.KEY_ID
    ]
    rows += [("stands" if number == 0 else "", _copy(copy)) for number, copy in enumerate(leak.copies)]
    first = _first(leak)
    if first:
        date = f" of {first.date:%Y-%m-%d}" if first.date else ""
        rows.append(("since", f"commit {first.id[:12]}{date} by {first.author or first.email}"))
    rows.append(("in", refs_in_words(leak.refs) or "no ref reaches it: a fresh clone does not have it"))
    rows.append(("print", finding.fingerprint))
    lines = [f"{head} {style.paint(style.safe(name), 'bold')}"]
    for label, text in rows:
        first_line, *rest = wrapped(redacted(text), _INDENT, style) or [""]
        lines += [f"  {style.paint(f'{label:8}', 'dim')} {first_line.lstrip()}", *rest]
    return lines


def _copy(copy: Copy) -> str:
    """Where alike copies stand, how, and what becomes of them."""
    count = len(copy.objects)
    where = {
        Stands.COMMIT: f"message of {counted(count, 'commit')}",
        Stands.TAG: f"message of {counted(count, 'tag')}",
        Stands.NAME: "name of a file",
    }.get(copy.stands)
    if where is None:
        where = f"{named(copy.paths) or 'a file that no commit has'} ({counted(count, 'version')})"
    why = f": {copy.why}" if copy.why else ""
    return f"{where}, {copy.how}: {_WAYS[copy.way]}{why}"


def _first(leak: Leak) -> Commit | None:
    """The commit that brought it first."""
    dated = [commit for each in leak.finding.exposures for commit in each.introduced if commit.date]
    return min(dated, key=lambda each: (each.date, each.id), default=None)


def _summary(shown: Shown, style: Style) -> str:
    counts = Counter(each.state for each in shown.safety)
    said = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
    if not shown.plan.leaks:
        return style.safe(f"keysweep: nothing to take out of the history of {shown.repository}.")
    return style.safe(
        f"keysweep: {counted(len(shown.plan.leaks), 'leaked credential')} in the history of {shown.repository}: "
        f"{said}."
    )


def _worth(safety: Sequence[Safety], style: Style) -> list[str]:
    """Whether rewriting is the right thing to do at all."""
    if all(each.state.is_harmless for each in safety):
        text = (
            "Is it worth it? None of these lets anybody in any more, and a dead key in history does no harm. "
            "Rewriting is right where the repository will be published, where a rule or a customer asks for "
            "it, or where something else in the same files must go. Otherwise accept them (keysweep baseline "
            "create --history) and leave everybody's clones alone."
        )
    else:
        text = (
            "Rewriting makes no key safe: whoever cloned before has it, and so have forks, caches and backups. "
            "Contain what is live or unknown first (step 1). After that a key in history does no harm, and "
            "everything from step 2 on is a choice: it costs everybody their clone."
        )
    return wrapped(text, 0, style)


def _written(shown: Shown, style: Style) -> list[str]:
    if not shown.files:
        return ["Nothing was changed, and no file was written: this is the plan."]
    return [
        style.paint("Written, with the secrets in them, for you alone (mode 0600):", "yellow"),
        *(f"  {style.safe(each)}" for each in shown.files),
        "Do not commit, copy or mail them; step 8 destroys them. Nothing else was changed.",
    ]


def _document(shown: Shown, redacted: Callable[[str], str]) -> dict[str, Any]:
    plan = shown.plan
    return {
        "format": "keysweep-purge-plan",
        "version": 1,
        "repository": redacted(shown.repository),
        "complete": not shown.problems,
        "problems": [redacted(each.message) for each in shown.problems],
        "notes": [redacted(each) for each in shown.notes],
        "leaks": list(_leaks(shown, redacted)),
        "refs": list(plan.refs),
        "lines": len(plan.text),
        "blobs": list(plan.blobs),
        "names": len(plan.names),
        "remotes": [{"name": name, "address": address} for name, address in plan.around.remotes],
        "steps": [
            {
                "name": step.name,
                "title": step.title,
                "says": [redacted(each) for each in step.says],
                "commands": [redacted(line(command, Style().safe)) for command in step.commands],
            }
            for step in shown.steps
        ],
        "written": list(shown.files),
    }


def _leaks(shown: Shown, redacted: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    for leak, safety in zip(shown.plan.leaks, shown.safety, strict=True):
        first = _first(leak)
        yield {
            "fingerprint": leak.finding.fingerprint,
            "kind": leak.finding.kind.value,
            "key_id": leak.finding.key_id,
            "account_id": leak.finding.account_id,
            "redacted": [part.value.redacted for part in secret_parts(leak.finding)],
            "state": safety.state.value,
            "why": safety.why,
            "first_commit": first.id if first else None,
            "refs": list(leak.refs),
            "copies": [
                {
                    "way": copy.way.value,
                    "stands": copy.stands.value,
                    "how": copy.how,
                    "paths": [redacted(path) for path in copy.paths],
                    "objects": list(copy.objects),
                    "why": copy.why or None,
                }
                for copy in leak.copies
            ],
        }
