"""What somebody reads whose push a server refuses: short, plain, for a terminal that is somewhere else."""

from __future__ import annotations

from keysweep.findings import Finding, Kind, Part, ScanResult, Severity, Source
from keysweep.report.style import Style, number_of
from keysweep.report.suppressed import counted
from keysweep.report.text import ROLES, TITLES

_MOST_LEAKS = 10
_MOST_PLACES = 3
_MOST_PROBLEMS = 5
_WIDTH = 92
"""Git writes `remote: ` before each line."""
_STYLE = Style(width=_WIDTH)
_SOMEBODY = "whoever runs this server"
_ROTATE = "Rotate it now: it was sent to this server already. Make a new key, then switch the old one off."
_TAKE_OUT = (
    "Take it out of every commit, message and tag named above, with `git commit --amend` or `git rebase -i`. "
    "A later commit that removes it is not enough: whoever fetches gets the earlier one too."
)


def refusal(result: ScanResult, fail_on: Severity, contact: str | None) -> str:
    """What was found, where, why, and what to do; a line where all of it is let in; nothing where nothing is."""
    ordered = sorted(result.findings, key=lambda each: (-each.severity, each.origin.display, each.place.offset))
    leaks: dict[str, list[Finding]] = {}
    for finding in ordered:
        if finding.severity >= fail_on:
            leaks.setdefault(finding.fingerprint, []).append(finding)
    head = f"keysweep refuses this push: it brings {number_of(len(leaks), 'leaked credential')}."
    blocks = [[head]] if leaks else []
    blocks += [_leak(same) for same in list(leaks.values())[:_MOST_LEAKS]]
    blocks.append([f"{len(leaks) - _MOST_LEAKS} more are not shown."] if len(leaks) > _MOST_LEAKS else [])
    blocks.append(_problems(result, refused=bool(leaks)))
    blocks.append(_let_in(result, sum(finding.severity < fail_on for finding in ordered)))
    if leaks:
        blocks.append(_what_to_do(leaks, contact))
    elif result.problems:
        blocks.append([_whom(contact)])
    return "\n".join(_joined(block) for block in blocks if block)


def _let_in(result: ScanResult, light: int) -> list[str]:
    """What alone would not hold up a push: it is told, so that nothing is let in silently."""
    told = [f"keysweep: {number_of(light, 'finding')} too light to hold up a push, such as lone key IDs."]
    silenced = [f"keysweep: {counted(result, len(result.suppressed))}."] if result.suppressed else []
    return (told if light else []) + silenced


def unjudged(why: str, contact: str | None) -> str:
    """Why a push is refused that was not looked at, or not to its end."""
    return _joined(
        [*_wrapped(f"keysweep refuses this push, because it could not judge it: {why}"), _whom(contact)]
    )


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _leak(same: list[Finding]) -> list[str]:
    finding = same[0]
    title = TITLES[finding.kind] + (f" {_STYLE.safe(finding.rule)}" if finding.rule else "")
    facts = [finding.key_id or "", f"account {finding.account_id}" if finding.account_id else ""]
    lines = ["  ".join(filter(None, (finding.severity.label.upper(), title, *facts)))]
    for part in finding.parts:
        what = ROLES[part.role] + ("" if part.value.reveal() == finding.key_id else f" {part.value.redacted}")
        lines.append(f"  {_where(finding, part)}  {_STYLE.safe(what)}")
    if others := [_where(each, each.parts[0]) for each in same[1:]]:
        more = f" and {len(others) - _MOST_PLACES} more" if len(others) > _MOST_PLACES else ""
        lines.append(f"  also {', '.join(others[:_MOST_PLACES])}{more}")
    return [*lines, *_wrapped(f"why: {'; '.join(finding.reasons)}", "  "), f"  fingerprint {finding.fingerprint}"]


def _where(finding: Finding, part: Part) -> str:
    origin = part.origin or finding.origin
    commit = f" (commit {origin.commit[:12]})" if origin.commit else ""
    if origin.source is Source.COMMIT_MESSAGE and origin.path == "tag message":
        commit = commit.replace("commit", "tag")
    decoded = f" ({', '.join(part.place.decoding)})" if part.place.decoding else ""
    return _STYLE.safe(f"{origin.display}:{part.place.line}:{part.place.column}{commit}{decoded}")


def _problems(result: ScanResult, *, refused: bool) -> list[str]:
    if not result.problems:
        return []
    lines = [f"{'Some' if refused else 'keysweep refuses this push: some'} of it could not be scanned:"]
    for problem in result.problems[:_MOST_PROBLEMS]:
        origin = problem.origin
        commit = f" (commit {origin.commit[:12]})" if origin and origin.commit else ""
        lines += _wrapped(f"{origin.display + commit + ' ' if origin else ''}{problem.message}", "  ")
    if len(result.problems) > _MOST_PROBLEMS:
        lines.append(f"  {len(result.problems) - _MOST_PROBLEMS} more are not shown.")
    return lines


def _what_to_do(leaks: dict[str, list[Finding]], contact: str | None) -> list[str]:
    steps = []
    if any(each.kind is not Kind.CUSTOM for same in leaks.values() for each in same):
        steps.append(_ROTATE)
    steps += [_TAKE_OUT, "Push again."]
    lines = ["What to do:"]
    for number, step in enumerate(steps, 1):
        first, *rest = _wrapped(step, "     ")
        lines += [f"  {number}. {first.lstrip()}", *rest]
    ask = contact or _SOMEBODY
    return [*lines, *_wrapped(f"If it is no key, or dead and has to stay, ask {ask} to allow its fingerprint.")]


def _whom(contact: str | None) -> str:
    return f"Nothing was let in. If this stays so, ask {_STYLE.safe(contact or _SOMEBODY)}."


def _wrapped(text: str, indent: str = "") -> list[str]:
    lines, line = [], indent
    for word in _STYLE.safe(text).split(" "):
        if len(line) > len(indent) and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = indent
        line += f" {word}" if len(line) > len(indent) else word
    return [*lines, line]
