"""Text for people: what was found, where, why keysweep is sure, and what to do."""

from __future__ import annotations

from keysweep.findings import (
    Commit,
    Exposure,
    Finding,
    Kind,
    Origin,
    Part,
    Place,
    Role,
    ScanResult,
    Severity,
    Source,
)
from keysweep.report.style import labelled, size
from keysweep.report.suppressed import counted as silenced
from keysweep.report.suppressed import listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TextIO

    from keysweep.report.style import Style
    from keysweep.verdicts import Verdict

TITLES = {
    Kind.PAIR: "AWS access key with its secret",
    Kind.TEMPORARY: "Temporary AWS credentials",
    Kind.ACCESS_KEY_ID: "AWS access key ID without a secret",
    Kind.SECRET_ACCESS_KEY: "AWS secret access key",
    Kind.SESSION_TOKEN: "AWS session token",
    Kind.BEDROCK_LONG: "Bedrock API key",
    Kind.BEDROCK_SHORT: "Short-term Bedrock API key",
    Kind.SES_SMTP: "SES SMTP password",
    Kind.SIGNED_REQUEST: "Signed AWS request",
    Kind.CUSTOM: "Match of your rule",
}
"""What people read for each kind, in every format."""
ROLES = {
    Role.KEY_ID: "key ID",
    Role.SECRET: "secret",
    Role.TOKEN: "token",
    Role.API_KEY: "API key",
    Role.SMTP_PASSWORD: "password",
    Role.SIGNATURE: "signature",
    Role.CUSTOM: "match",
}
"""What people read for each part of a finding."""
COLOURS = {
    Severity.CRITICAL: "alarm",
    Severity.HIGH: "alarm",
    Severity.MEDIUM: "red",
    Severity.LOW: "yellow",
    Severity.INFO: "cyan",
}
"""How each severity is painted."""
_MOST_ALLOWED = 3
_MOST_PLACES = 5
_MOST_ALIKE = 5


def render(
    result: ScanResult,
    stream: TextIO,
    *,
    style: Style,
    show_secrets: bool = False,
    fail_on: Severity = Severity.MEDIUM,
    audience: Literal["hook", "scan"] = "scan",
    suppressed: int = 0,
    show_suppressed: bool = False,
) -> None:
    """Write the report of a scan; secrets only where `show_secrets` asks for them."""
    lines: list[str] = []
    ordered = sorted(result.findings, key=lambda each: (-each.severity, each.origin.display, each.place.offset))
    for same in _by_credential(ordered):
        lines += [*_finding(same, style, show_secrets), ""]
    lines += _weak_places(result, style)
    lines += _problems(result, style)
    if show_suppressed and result.suppressed:
        lines += [*listed(result, style), ""]
    failing = [finding for finding in ordered if finding.severity >= fail_on]
    lines += _summary(result, failing, style, audience, suppressed, fail_on)
    lines += _objects(result, style)
    lines += [f"          Note: {style.safe(note)}." for note in result.notes]
    if failing or result.weak:
        lines += ["", *_advice(result, failing, style, audience)]
    stream.write("\n".join(lines) + "\n")


def _weak_places(result: ScanResult, style: Style) -> list[str]:
    if not result.weak:
        return []
    from keysweep.report.weak import listed as listed_weak

    return listed_weak(result.weak, style, COLOURS)


def _problems(result: ScanResult, style: Style) -> list[str]:
    """What could not be scanned; of the same said many times, the first few."""
    head = style.paint("incomplete", "yellow")
    lines = []
    said: dict[str, int] = {}
    for problem in result.problems:
        said[problem.message] = said.get(problem.message, 0) + 1
        if said[problem.message] <= _MOST_ALIKE:
            where = f"{style.safe(problem.origin.display)}{_in_commit(problem.origin)} " if problem.origin else ""
            lines.append(f"{head}  {where}{style.safe(problem.message)}")
    for message, times in said.items():
        if times > _MOST_ALIKE:
            lines.append(f"{head}  {style.safe(message)}: {times - _MOST_ALIKE} more, which --format json lists")
    return [*lines, ""] if lines else []


def _by_credential(findings: list[Finding]) -> list[list[Finding]]:
    """One leak copied into many files is read once; the first of each list is the one worth showing."""
    groups: dict[tuple[str, Severity], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.fingerprint, finding.severity), []).append(finding)
    return list(groups.values())


def _finding(same: list[Finding], style: Style, show_secrets: bool) -> list[str]:
    finding = same[0]
    title = TITLES[finding.kind]
    if finding.rule:
        title += f" {style.safe(finding.rule)}"
    facts = [f"account {finding.account_id}" if finding.account_id else "", _canary(finding)]
    head = (
        f"{style.paint(finding.severity.label.upper(), COLOURS[finding.severity])}  {style.paint(title, 'bold')}"
    )
    facts_text = "".join(f"  {style.paint(fact, 'dim')}" for fact in facts if fact)
    lines = [head + (f"  {finding.key_id}" if finding.key_id else "") + facts_text]
    shown: set[tuple[str, str]] = set()
    for part in finding.parts:
        where, snippet = _where(finding, part, style), part.place.snippet
        if (where, snippet) not in shown or show_secrets:
            lines += _place(where, part, style, (part.origin or finding.origin).what, show_secrets)
        shown.add((where, snippet))
    lines += _exposures(finding, style)
    if also := _also(same, style):
        lines += labelled("also", also, style)
    if finding.verdict:
        lines += labelled("aws", _verdict(finding.verdict), style)
    lines += labelled("why", "; ".join(finding.reasons), style)
    if finding.placeholder:
        lines += labelled("placeholder", finding.placeholder, style)
    if finding.alternatives:
        lines += labelled("or", _alternatives(finding, style), style)
    return lines


def _verdict(verdict: Verdict) -> str:
    who = f", {verdict.arn}" if verdict.arn else ""
    return f"{verdict.status.value.replace('-', ' ')}{who}: {verdict.reason}"


def _exposures(finding: Finding, style: Style) -> list[str]:
    """Where it stood in history, a paragraph each: since when, by whom, until when, and who still has it."""
    lines = []
    for exposure in finding.exposures[:_MOST_PLACES]:
        lines += labelled("in", exposed(exposure), style)
    if len(finding.exposures) > _MOST_PLACES:
        lines += labelled("in", f"{len(finding.exposures) - _MOST_PLACES} more places: --format json", style)
    return lines


def exposed(exposure: Exposure) -> str:
    """One path of history in a sentence. Not yet safe for a terminal."""
    told = [exposure.path]
    if exposure.introduced:
        first, *others = exposure.introduced
        again = f" and {len(others)} more" if others else ""
        told.append(f"since {_commit(first)}{again}")
    if exposure.removed:
        last = exposure.removed[-1]
        again = f", {len(exposure.removed)} times in all" if len(exposure.removed) > 1 else ""
        told.append(f"taken out by {_commit(last)}{again}")
    if exposure.refs:
        names = [ref.removeprefix("refs/heads/").removeprefix("refs/") for ref in exposure.refs]
        more = f" and {len(names) - 3} more refs" if len(names) > 3 else ""
        told.append(f"still in {', '.join(names[:3])}{more}")
    elif exposure.introduced:
        told.append("in no ref's newest commit")
    return "; ".join(told)


def _commit(commit: Commit) -> str:
    day = f" of {commit.date.date().isoformat()}" if commit.date else ""
    author = f" by {commit.author} <{commit.email}>" if commit.author or commit.email else ""
    return f"{commit.id[:12]}{day}{author}"


def _canary(finding: Finding) -> str:
    return f"canary of {finding.canary}: never try it" if finding.canary else ""


def _also(same: list[Finding], style: Style) -> str:
    """Where else the same credential stands."""
    places = [
        _location(finding.origin, place, style)
        for number, finding in enumerate(same)
        for place in ((finding.place, *finding.also_at) if number else finding.also_at)
    ]
    more = f" and {len(places) - _MOST_PLACES} more (--format json)" if len(places) > _MOST_PLACES else ""
    return ", ".join(dict.fromkeys(places[:_MOST_PLACES])) + more


def _where(finding: Finding, part: Part, style: Style) -> str:
    return _location(part.origin or finding.origin, part.place, style)


def _location(origin: Origin, place: Place, style: Style) -> str:
    return f"{style.safe(origin.display)}:{place.line}:{place.column}{_in_commit(origin)}"


def _in_commit(origin: Origin) -> str:
    return f" (commit {origin.commit[:12]})" if origin.commit else ""


def _place(where: str, part: Part, style: Style, what: str, show_secrets: bool) -> list[str]:
    decoding = "".join(f" {'→' if style.unicode else '->'} {step}" for step in (*part.place.decoding[1:], "text"))
    note = f"  {what}" if what else ""
    note += f"  {part.place.decoding[0]}{decoding}" if part.place.decoding else ""
    lines = [f"  {style.paint(where, 'cyan')}{style.paint(style.safe(note), 'dim')}"]
    lines.append("    " + _marked(part.place, style))
    if show_secrets and part.role is not Role.KEY_ID:
        lines.append(f"    {ROLES[part.role]}: {style.safe(part.value.reveal())}")
    return lines


def _marked(place: Place, style: Style) -> str:
    """The snippet cut to the width, the match in colour, or between arrows where there is no colour."""
    start, end = place.mark
    before, match, after = place.snippet[:start], place.snippet[start:end], place.snippet[end:]
    room = max(20, style.width - 6 - (end - start))
    before = before.lstrip() if len(before.lstrip()) <= room // 2 else "…" + before[-(room // 2) :]
    rest = max(0, room - len(before))
    after = after if len(after) <= rest else after[:rest] + "…"
    marked = (
        style.paint(style.safe(match), "alarm") if style.colour else f">>{style.safe(match)}<<" if match else ""
    )
    return f"{style.safe(before)}{marked}{style.safe(after)}"


def _alternatives(finding: Finding, style: Style) -> str:
    places = [f"{part.value.redacted} in line {part.place.line}" for part in finding.alternatives]
    return style.safe("its secret may also be " + ", ".join(places))


def _summary(
    result: ScanResult,
    failing: list[Finding],
    style: Style,
    audience: str,
    suppressed: int,
    fail_on: Severity,
) -> list[str]:
    total = len(result.findings)
    items = result.scanned_items
    counted = f"{total} finding{'s' * (total != 1)}" if total else _NONE[result.weak is None]
    if (different := len({finding.fingerprint for finding in result.findings})) < total:
        counted += f" of {different} credential{'s' * (different != 1)}"
    if audience == "scan":
        counted += f" in {items} item{'s' * (items != 1)} ({size(result.scanned_bytes)})"
    if total and len(failing) < total:
        counted += f", {len(failing) or 'none'} of them severe enough to stop you"
    if result.weak:
        from keysweep.report.weak import counted as counted_weak

        counted += f"; {counted_weak(result.weak, fail_on)}"
    if suppressed:
        counted += f"; {silenced(result, suppressed)}"
    if result.problems:
        counted += "; the scan is incomplete"
    if audience == "hook" and failing:
        return [style.paint("keysweep refused this: ", "alarm") + counted + "."]
    colour = "alarm" if result.fails(fail_on) else "yellow" if total or result.problems or result.weak else "green"
    return [style.paint("keysweep: ", colour) + counted + "."]


_NONE = {True: "no leaked AWS keys found", False: "no AWS keys found"}


def _objects(result: ScanResult, style: Style) -> list[str]:
    """What became of a repository's objects, where that is what was scanned."""
    counts = result.objects
    if counts is None:
        return []
    said = f"{_number(counts.listed)} object{'s' * (counts.listed != 1)}: "
    if counts.skipped:
        said += f"{_number(counts.scanned)} scanned, {_number(counts.skipped)} not, see the problems above"
    elif result.problems:
        said += "all scanned, but see the problems above"
    else:
        said += "all scanned"
    if counts.earlier:
        said += f" ({_number(counts.earlier)} of them by an earlier run; --no-cache scans all again)"
    return [style.paint(f"          {said}.", "dim")]


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _take_out(sources: set[Source], audience: str) -> str:
    if Source.COMMIT in sources:
        return "of the commit: `git commit --amend` or `git rebase -i`; a later commit does not remove it."
    if Source.COMMIT_MESSAGE in sources:
        return "of the message."
    return "of the file, and stage the file again." if audience == "hook" else "of the file."


def _advice(result: ScanResult, failing: list[Finding], style: Style, audience: str) -> list[str]:
    """The way out, once: remove, replace, rotate, or allow."""
    if result.weak is not None:
        from keysweep.report.weak import advice

        return [
            *advice(style),
            *(_allowing(failing, style, "a file that you name to --config") if failing else []),
        ]
    custom = all(finding.kind is Kind.CUSTOM for finding in failing)
    sources = {finding.origin.source for finding in failing}
    steps = [("Take it out", _take_out(sources, audience))]
    if not custom:
        steps += [
            ("Use instead", "an IAM role, IAM Identity Center (aws sso login), or environment variables."),
            ("Rotate it", "if it ever left this machine: a key that was pushed once is known."),
        ]
    lines = [f"  {style.paint(f'{head:12}', 'bold')} {text}" for head, text in steps]
    return [*lines, *_allowing(failing, style)]


def _allowing(failing: list[Finding], style: Style, where: str = "keysweep.toml") -> list[str]:
    head = f"  {style.paint('Or allow it', 'bold')}  in {where}, with a reason:"
    return [head, *_allowance(failing, style)]


def _allowance(failing: list[Finding], style: Style) -> list[str]:
    """What to write into the configuration, ready to be pasted; where there is more than one, each says whose."""
    reason = "…" if style.unicode else "..."
    first = {finding.fingerprint: finding for finding in reversed(failing)}
    shown = list(dict.fromkeys(finding.fingerprint for finding in failing))
    entries = [f'{{ fingerprint = "{each}", reason = "{reason}" }}' for each in shown[:_MOST_ALLOWED]]
    if len(shown) == 1:
        return [f"      allow = [{entries[0]}]"]
    lines = ["      allow = ["]
    for fingerprint, entry in zip(shown, entries, strict=False):
        lines.append(f"        {entry},  # {_where(first[fingerprint], first[fingerprint].parts[0], style)}")
    if len(shown) > _MOST_ALLOWED:
        lines.append(f"        # {len(shown) - _MOST_ALLOWED} more: --format json lists every fingerprint")
    return [*lines, "      ]"]
