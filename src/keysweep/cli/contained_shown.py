"""What `keysweep contain` plans and did, as text: what is worst first, and what to do next only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from keysweep.aws import trail_shown
from keysweep.aws.containment.items import Item, is_own_check
from keysweep.aws.containment.refusals import GUARDS
from keysweep.aws.containment.run import Done, Standing
from keysweep.aws.containment.targets import place_of
from keysweep.cli.contained import NEXT, Report, is_left
from keysweep.report.style import Style
from keysweep.report.wrapping import wrapped
from keysweep.verdicts import Status

_ORDER = (
    Standing.UNKNOWN,
    Standing.FAILED,
    Standing.NOT_PROPAGATED,
    Standing.PLANNED,
    Standing.REFUSED,
    Standing.REVOKED,
    Standing.DISABLED,
    Standing.HARMLESS,
)
_COLOURS = {
    Standing.UNKNOWN: "alarm",
    Standing.FAILED: "alarm",
    Standing.NOT_PROPAGATED: "yellow",
    Standing.PLANNED: "yellow",
    Standing.REFUSED: "yellow",
    Standing.REVOKED: "green",
    Standing.DISABLED: "green",
}
_DOES = {
    "deactivate-key": "switch the key off",
    "deactivate-service-credential": "switch the credential off",
    "deny-sessions": "deny everything to the sessions that the user has by then",
    "revoke-role-sessions": "deny everything to the sessions that the role has by then",
    "quarantine": "attach AWS's quarantine policy to the user",
}
_MOST_PLACES = 3


def as_text(report: Report, style: Style) -> list[str]:
    """Of everything what a person at 3 a.m. needs; keys of which there is one thing to say stand together."""
    lines = []
    order = sorted(report.done, key=lambda each: (_ORDER.index(each.standing), each.item.target.key_id))
    for group in _groups(order):
        if len(group) > 1:
            lines += [*_together(group, style), ""]
            continue
        (done,) = group
        lines += [*_about(done, style), ""]
        if trail := report.trails.get(done.item.target.key_id):
            lines += [*(style.safe(f"  {line}") for line in trail_shown.lines(trail)), ""]
    return [*lines, *_not_asked(report, style), *_summary(report, style)]


def _not_asked(report: Report, style: Style) -> list[str]:
    """What no key can be judged by: secrets without a key ID, secrets that are gone, scans that were cut short."""
    lines = []
    if nameless := report.leaked.nameless:
        lines.append(
            style.paint(f"LEFT TO YOU: {len(nameless)} without a key ID, so AWS cannot be asked", "yellow")
        )
        lines += [style.safe(f"  {each.kind} at {place_of(each)}") for each in nameless]
        lines += [*_rows([(f"do {number}", step) for number, step in enumerate(_NAMELESS, 1)], style), ""]
    for gone in report.leaked.unread:
        named = gone.recorded.key_id or gone.recorded.fingerprint
        lines.append(style.safe(f"not read again: {named} in {gone.recorded.origin.display}: {gone.reason}"))
    for path in report.leaked.partial:
        lines.append(
            style.safe(f"not complete: {path} is of a scan that did not read everything; there may be more")
        )
    return [*lines, *([""] if report.leaked.unread or report.leaked.partial else [])]


_NAMELESS = (
    "A secret alone: find the key ID that belongs to it, and run `keysweep contain KEYID`.",
    "An SMTP password of SES is made from the key of an IAM user: find its SMTP user, and contain that key.",
    "A short-term API key of Bedrock ends within 12 hours: contain the key or session that made it.",
)


def as_lines(item: Item, style: Style) -> list[str]:
    """One key of a plan."""
    return _about(Done(item, Standing.PLANNED), style)


def _groups(order: Sequence[Done]) -> list[list[Done]]:
    """Keys with nothing done to them by what stops them, in their order; every other by itself."""
    groups: dict[tuple[str, str], list[Done]] = {}
    for each in order:
        guard = each.item.refusal.guard if each.item.refusal else ""
        alone = "" if each.standing in (Standing.REFUSED, Standing.HARMLESS) else each.item.target.key_id
        groups.setdefault((f"{each.standing} {guard}", alone), []).append(each)
    return list(groups.values())


def _together(group: Sequence[Done], style: Style) -> list[str]:
    """Several keys of which there is one thing to say."""
    standing, refusal = group[0].standing, group[0].item.refusal
    reasons = {each.reason for each in group}
    lines = [_head(standing, f"{len(group)} keys", style)]
    rows = []
    if len(reasons) == 1:
        rows.append(("why", group[0].reason))
    elif refusal:
        rows.append(("why", GUARDS[refusal.guard].when))
    lines += _rows(rows, style)
    for each in group:
        said = [_briefly(each.item), *_places(each.item), *([each.reason] if len(reasons) > 1 else [])]
        key_id = style.safe(each.item.target.key_id)
        first, *rest = wrapped(", ".join(filter(None, said)), len(key_id) + 4, style) or [""]
        lines += [f"  {style.paint(key_id, 'bold')}  {first.lstrip()}", *rest]
    if refusal:
        same = {each.item.refusal.steps for each in group if each.item.refusal}
        steps = refusal.steps if len(same) == 1 else GUARDS[refusal.guard].steps
        lines += _rows([(f"do {number}", step) for number, step in enumerate(steps, 1)], style)
    return lines


def _about(done: Done, style: Style) -> list[str]:
    item = done.item
    rows = [*_facts(item)]
    if done.reason:
        rows.append(("why", done.reason))
    if done.standing is Standing.PLANNED:
        rows += [("does", f"{_DOES[each]} ({each})") for each in item.actions]
        rows += [("note", each) for each in item.warnings]
    if item.acting and done.standing is not Standing.HARMLESS:
        rows.append(("as", item.acting.arn))
    for written in done.written:
        request = f", request {written.request_id}" if written.request_id else ""
        rows.append(("did", f"{written.change.words}: {written.outcome.value}{request}"))
    steps = item.refusal.steps if item.refusal else NEXT.get(done.standing, ())
    rows += [(f"do {number}", step) for number, step in enumerate(steps, 1)]
    return [_head(done.standing, item.target.key_id, style), *_rows(rows, style)]


def _head(standing: Standing, what: str, style: Style) -> str:
    head = f"{standing.value.upper():9}"
    return f"{style.paint(head, _COLOURS.get(standing, 'dim'))} {style.paint(style.safe(what), 'bold')}"


def _rows(rows: Sequence[tuple[str, str]], style: Style) -> list[str]:
    lines = []
    for name, text in rows:
        first, *rest = wrapped(text, 11, style) or [""]
        lines += [f"  {style.paint(f'{name:8}', 'dim')} {first.lstrip()}", *rest]
    return lines


def _facts(item: Item) -> Iterator[tuple[str, str]]:
    """Whose it is, where it stood, what it can do, and when it was last used."""
    verdict, owner, role = item.target.verdict, item.owner, item.role
    if verdict:
        is_live = verdict.status is Status.LIVE
        known = f"live as {verdict.arn}" if is_live else f"{verdict.status}: {verdict.reason}"
        yield "is", f"{known}, {_minute(verdict.checked)}"
    yield from (("at", each) for each in _places(item))
    if owner:
        path = f" (path {owner.path})" if owner.path not in (None, "/") else ""
        yield "of", f"user {owner.user}{path} of account {owner.account}"
        if owner.created:
            yield "made", f"{_minute(owner.created)} ({_days(owner.created)})"
        yield "used", _last_use(item)
        if owner.policies is not None:
            yield "can", ", ".join(owner.policies) or "nothing: no policy gives the user anything"
    elif role:
        yield "of", f"role {role.path}{role.name} of account {role.account}"
    elif item.account:
        yield "of", f"account {item.account}"


def _briefly(item: Item) -> str:
    """Whether it is live, and whose."""
    verdict = item.target.verdict
    told = str(verdict.status) if verdict else ""
    name = item.owner.user if item.owner else (verdict.name if verdict else None)
    whose = f"{name} of {item.account}" if name else f"of {item.account}"
    return ", ".join(filter(None, (told, whose if item.account else "")))


def _places(item: Item) -> list[str]:
    """Where it was found, the first of many."""
    places = item.target.places
    more = len(places) - _MOST_PLACES
    said = ", ".join(places[:_MOST_PLACES])
    return [f"{said}, and {more} more" if more > 0 else said] if places else []


def _last_use(item: Item) -> str:
    owner = item.owner
    assert owner
    use = owner.last_use
    if owner.credential:
        return "not known: IAM does not tell it of such credentials"
    if use.date is None:
        return "never, as far as IAM knows"
    told = f"{use.service} in {use.region}, {_minute(use.date)}"
    if not is_own_check(item):
        return told
    before = item.target.used_before
    if before is None:
        return f"{told}: by keysweep, to verify it; what was before is not known"
    if before.date is None:
        return "never, as far as IAM knows, but by keysweep, to verify it"
    return f"{before.service} in {before.region}, {_minute(before.date)}; since then by keysweep, to verify it"


def _summary(report: Report, style: Style) -> list[str]:
    counts = Counter(each.standing for each in report.done)
    said = [f"{counts[standing]} {standing.value}" for standing in _ORDER if counts[standing]]
    if report.leaked.unread:
        said.append(f"{len(report.leaked.unread)} not read again")
    if report.leaked.nameless:
        said.append(f"{len(report.leaked.nameless)} without a key ID")
    keys = f"{len(report.done)} key{'s' * (len(report.done) != 1)}"
    lines = [f"keysweep: {keys}: {', '.join(said) or 'nothing to do'}."]
    if left := sum(map(is_left, report.done)):
        lines.append(f"{left} of them may still let somebody in.")
    if report.run:
        back = f"take it back with: {report.undo}" if report.undo else "it changed nothing"
        lines.append(style.safe(f"run {report.run}; {back}"))
        if report.journal:
            lines.append(
                f"journal {style.safe(str(report.journal))}, newest line {report.head[:16] or 'unwritten'}"
            )
    elif counts[Standing.PLANNED]:
        lines.append("Nothing was changed: this is the plan, and --apply does it.")
    return lines


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _days(moment: datetime) -> str:
    days = (datetime.now(UTC) - moment).days
    return f"{days} day{'s' * (days != 1)} old"
