"""Words of notices: how a leak stands, what to do next, and text of unknown origin made harmless."""

from __future__ import annotations

import re

from keysweep.findings import Kind
from keysweep.report.decisions import MEANINGS, Case, step_for
from keysweep.report.style import Style
from keysweep.standing import Standing
from keysweep.store.facts import Facts
from keysweep.store.notices import Due
from keysweep.verdicts import Principal

_MOST_CHARACTERS = 300
_LINK = re.compile(r"://|\bwww\.", re.IGNORECASE)
_SAFE = Style().safe


def shown(text: str) -> str:
    """`text` without what a terminal, a log or a mail program would act on, and not longer than people read."""
    safe = _SAFE(text[:_MOST_CHARACTERS])
    return safe if len(safe) <= _MOST_CHARACTERS >= len(text) else f"{safe[: _MOST_CHARACTERS - 1]}…"


def unlinked(text: str) -> str:
    """`text` in which no chat and no mail program sees an address to make a link of."""
    return _LINK.sub(lambda found: found[0].replace(":", "[:]").replace(".", "[.]"), text)


def standing_label(standing: str) -> str:
    """A standing as people say it in the middle of a line."""
    known = {each.value: each for each in Standing}
    return MEANINGS[known[standing]].label.lower() if standing in known else shown(standing)


def next_step(due: Due, facts: Facts) -> str:
    """What to do next about a leak, in a sentence."""
    if due.status == "resolved":
        return "Nothing: it is resolved."
    if due.status in ("accepted", "false"):
        return f"Nothing: somebody decided that it is {due.status}."
    case = Case(
        Kind(facts.kind),
        facts.key_id,
        facts.account_id,
        facts.principal == Principal.ROOT,
        verify="keysweep sweep TARGET --verify",
        contain=f"keysweep contain {facts.key_id}",
    )
    step = step_for(case, due.standing, None)
    return f"{step.text.rstrip('.:')}: `{step.command}`" if step.command else step.text
