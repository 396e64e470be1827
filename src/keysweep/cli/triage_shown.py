"""What `keysweep triage` shows of a case, and at the end: made for 80 columns and for 40."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from keysweep.cli.cases import Case
from keysweep.findings import Finding, Kind, Part
from keysweep.report.entries import location, status, title
from keysweep.report.style import Style
from keysweep.report.text import COLOURS, ROLES, exposed
from keysweep.suppress.baseline import Entry
from keysweep.suppress.decisions import Choice, Decision
from keysweep.suppress.lapse import lapse, today
from keysweep.verdicts import Status

_LABEL = 9
_MOST_PLACES = 4
HELP = (
    ("r", "real: it stays a finding, and the end says what to do about it"),
    ("f", "false: accepted for good, with a reason"),
    ("a", "accepted until a day, with a reason; then it is a finding again"),
    ("s", "skip: leave it as it is"),
    ("u", "undo: take the last answer back, as often as you like"),
    ("b", "back: look at the one before again; a new answer replaces the old one"),
    ("m", "more: all of a case that is too long for the screen"),
    ("q", "quit: what was decided is in the baseline already, the rest is left"),
)


def card(case: Case, number: int, of: int, entry: Entry | None, made: Decision | None, style: Style) -> list[str]:
    """One case: what, where, since when, whose, why, and what was said of it so far."""
    finding = case.same[0]
    severity = style.paint(finding.severity.label.upper(), COLOURS[finding.severity])
    head = f"{number} of {of}  {finding.severity.label.upper()}  "
    first, *rest = wrapped(title(finding), style, len(head)) or [""]
    lines = [
        style.paint(("─" if style.unicode else "-") * (style.width - 1), "dim"),
        f"{number} of {of}  {severity}  {style.paint(first.lstrip(), 'bold')}",
        *(style.paint(each, "bold") for each in rest),
    ]
    lines += _rows([*_said(entry, made), *_what(finding)], style)
    lines += _places(finding, style)
    lines += _rows([*_history(finding), *_known(case)], style)
    return lines


def shortened(lines: Sequence[str], rows: int, style: Style) -> list[str]:
    """As many of the lines as a screen of so many rows has room for beside the question."""
    room = max(6, rows - 4)
    if len(lines) <= room:
        return list(lines)
    left = len(lines) - room + 1
    return [*lines[: room - 1], style.paint(f"  {left} more lines: press m", "dim")]


def question(style: Style) -> str:
    """The keys, in as many lines as it takes."""
    keys = ("[r]eal", "[f]alse", "[a]ccepted until", "[s]kip", "[u]ndo", "[b]ack", "[?]", "[q]uit")
    return "\n".join(
        textwrap.wrap("  ".join(each.replace(" ", "\xa0") for each in keys), style.width - 3)
    ).replace("\xa0", " ")


def help_lines(style: Style) -> list[str]:
    """What the keys mean."""
    return _rows(HELP, style)


def summary(cases: Sequence[Case], made: dict[str, Decision], file: str | None, style: Style) -> list[str]:
    """What was decided, and of each that is real what to do next."""
    choices = Counter(made[case.fingerprint].choice for case in cases if case.fingerprint in made)
    decided = sum(choices.values()) - choices[Choice.SKIPPED]
    real = [case for case in cases if case.fingerprint in made and made[case.fingerprint].choice is Choice.REAL]
    lines = []
    for case in real:
        finding = case.same[0]
        named = finding.key_id or title(finding)
        lines += [
            f"{style.paint('REAL', 'alarm')}  {style.paint(style.safe(named), 'bold')}",
            f"  {finding.fingerprint}",
            *_rows([("at", location(finding.origin, finding.place)), ("next", _next(finding, file))], style),
            "",
        ]
    told = (
        f"keysweep: {decided} of {len(cases)} decided: {choices[Choice.REAL]} real, "
        f"{choices[Choice.FALSE]} false, {choices[Choice.UNTIL]} accepted until a day; "
        f"{len(cases) - decided} left."
    )
    return [*lines, *wrapped(told, style)]


def _what(finding: Finding) -> Iterator[tuple[str, str]]:
    whose = f"account {finding.account_id}" if finding.account_id else ""
    if finding.key_id or whose:
        yield "key", ", ".join(filter(None, (finding.key_id, whose)))
    if finding.canary:
        yield "bait", f"a canary of {finding.canary}: never try it"


def _places(finding: Finding, style: Style) -> list[str]:
    lines: list[str] = []
    shown = set()
    for part in finding.parts:
        where = location(part.origin or finding.origin, part.place)
        if (where, part.place.snippet) in shown:
            continue
        shown.add((where, part.place.snippet))
        steps = f" ({', '.join(part.place.decoding)})" if part.place.decoding else ""
        lines += _rows([(ROLES[part.role], where + steps)], style)
        lines.append(_snippet(part, style))
    return lines


def _snippet(part: Part, style: Style) -> str:
    """The line around a credential, cut to the width: the match in colour, or between arrows."""
    start, end = part.place.mark
    text = part.place.snippet
    before, match, after = (style.safe(each) for each in (text[:start].lstrip(), text[start:end], text[end:]))
    arrows = ("", "") if style.colour or not match else (">>", "<<")
    dots = "…" if style.unicode else "..."
    room = style.width - 1 - _LABEL - 2 - len(match) - sum(map(len, arrows)) - 2 * len(dots)
    room = max(0, room)
    if len(before) > room // 2:
        before = dots + before[len(before) - room // 2 :]
    left = max(0, room - len(before.removeprefix(dots)))
    after = after if len(after) <= left else after[:left] + dots
    return " " * (_LABEL + 2) + before + arrows[0] + style.paint(match, "alarm") + arrows[1] + after


def _history(finding: Finding) -> Iterator[tuple[str, str]]:
    for exposure in finding.exposures[:_MOST_PLACES]:
        yield "in", exposed(exposure)
    if len(finding.exposures) > _MOST_PLACES:
        yield "in", f"{len(finding.exposures) - _MOST_PLACES} more places"


def _known(case: Case) -> Iterator[tuple[str, str]]:
    finding = case.same[0]
    others = dict.fromkeys(
        location(each.origin, place)
        for number, each in enumerate(case.same)
        for place in ((each.place, *each.also_at) if number else each.also_at)
    )
    if others:
        told = list(others)[:_MOST_PLACES]
        more = f" and {len(others) - _MOST_PLACES} more" if len(others) > _MOST_PLACES else ""
        yield "also", ", ".join(told) + more
    if finding.verdict:
        yield "aws", status(finding)
    yield "why", "; ".join(finding.reasons)
    if finding.placeholder:
        yield "example", finding.placeholder


def _said(entry: Entry | None, made: Decision | None) -> Iterator[tuple[str, str]]:
    if made and made.choice is not Choice.SKIPPED:
        yield "decided", made.choice.value
    if entry:
        until = f" until {entry.until}" if entry.until else ""
        lapsed = ", which has expired" if lapse(entry.until, today()) else ""
        yield "baseline", f"accepted{until} by {entry.owner}{lapsed}: {entry.reason}"


def _next(finding: Finding, file: str | None) -> str:
    """What whoever has a leak that is real does now."""
    known = finding.verdict.status if finding.verdict else None
    if finding.canary:
        return f"leave it alone, and tell {finding.canary}, whose bait it is"
    if known in (Status.DEAD, Status.EXPIRED, Status.INACTIVE):
        return f"AWS says it is {known}: take it out of the file"
    if finding.kind is Kind.CUSTOM or not finding.key_id:
        return "change it where it is valid, and then take it out: no key ID says whose it is"
    contain = f"`keysweep contain {finding.key_id}`"
    if file and finding.kind is not Kind.ACCESS_KEY_ID and known is None:
        return f"is it live? `keysweep verify {file}`; then rotate it, or plan to switch it off: {contain}"
    return f"rotate it, or plan to switch it off: {contain}"


def _rows(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]], style: Style) -> list[str]:
    lines = []
    for name, text in rows:
        first, *rest = wrapped(text, style, _LABEL + 2) or [""]
        lines += [f"  {style.paint(f'{name:{_LABEL}}', 'dim')}{first.lstrip()}", *rest]
    return lines


def wrapped(text: str, style: Style, indent: int = 0) -> list[str]:
    """Text of unknown origin in lines that the terminal has room for, whatever words are in it."""
    lines = textwrap.wrap(style.safe(text), max(20, style.width - 1 - indent), break_on_hyphens=False)
    return [" " * indent + line for line in lines]
