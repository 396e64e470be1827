"""Weak places of a machine, for people: what is wrong, what to do, and what would take the place of a key."""

from __future__ import annotations

from keysweep.report.style import labelled, number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.findings import Severity, WeakPlace
    from keysweep.report.style import Style


def listed(places: tuple[WeakPlace, ...], style: Style, colours: dict[Severity, str]) -> list[str]:
    """A paragraph for each, in their order; the same in several files is said once, with steps for the first."""
    lines = []
    for same in _alike(places):
        first = same[0]
        label = style.paint(first.severity.label.upper(), colours[first.severity])
        lines.append(f"{label}  {style.paint(first.title, 'bold')}  {style.paint(f'[{first.rule}]', 'dim')}")
        lines += [f"  {_where(each, style)}" for each in same[:_MOST_ALIKE]]
        if len(same) > _MOST_ALIKE:
            lines.append(f"  and {len(same) - _MOST_ALIKE} more, which --format json lists")
        lines += labelled("what", "; ".join(first.evidence), style)
        for number, step in enumerate(first.steps):
            lines += _step(step, style)
            if number == 0:
                lines += _snippet(first, style)
        lines.append("")
    return lines


_MOST_ALIKE = 5


def _alike(places: tuple[WeakPlace, ...]) -> list[list[WeakPlace]]:
    """Those that say the same of places of one kind, together."""
    groups: dict[object, list[WeakPlace]] = {}
    for each in places:
        what = (each.rule, each.severity, each.origin.what, each.evidence)
        groups.setdefault(what, []).append(each)
    return list(groups.values())


def _step(step: str, style: Style) -> list[str]:
    """A sentence in lines of the width, or a command as it can be copied, in one line whatever its length."""
    if step.startswith("`") and step.endswith("`") and step.count("`") == 2:
        return [f"  {style.paint('do', 'dim')}  {style.safe(step[1:-1])}"]
    return labelled("do", step, style)


def _where(place: WeakPlace, style: Style) -> str:
    what = style.paint(f"  {style.safe(place.origin.what)}", "dim") if place.origin.what else ""
    return f"{style.paint(style.safe(place.origin.display), 'cyan')}{what}"


def _snippet(place: WeakPlace, style: Style) -> list[str]:
    return [f"        {style.safe(line)}".rstrip() for line in place.snippet.splitlines()]


def counted(places: tuple[WeakPlace, ...], least: Severity) -> str:
    """How many there are, as part of the sum."""
    failing = sum(each.severity >= least for each in places)
    told = number_of(len(places), "weak place")
    return told if failing == len(places) else f"{told}, {failing or 'none'} of them {least.label} or worse"


def advice(style: Style) -> list[str]:
    """The way out for a whole machine, once."""
    steps = [
        ("Use instead", "IAM Identity Center (`aws sso login`), `aws login`, credential_process, or a role."),
        ("Rotate it", "if others read it, or it ever left this machine; `keysweep contain` ends it."),
    ]
    return [f"  {style.paint(f'{head:12}', 'bold')} {text}" for head, text in steps]
