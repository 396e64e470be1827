"""Words of notices: how a leak stands, what to do next, and text of unknown origin made harmless."""

from __future__ import annotations

import re

from keysweep.findings import Kind
from keysweep.report.decisions import MEANINGS
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
    if due.standing is Standing.LIVE:
        if facts.principal == Principal.ROOT:
            return "Sign in as root to its account and deactivate it under Security credentials: nobody else can."
        return "Switch it off now, with `keysweep contain`: whoever has read it acts as its owner."
    if due.standing is Standing.UNVERIFIED:
        return _unverified(facts)
    return _STEPS[due.standing]


def _unverified(facts: Facts) -> str:
    if facts.kind == Kind.CUSTOM:
        return "It matches a rule of your own: revoke it where it was issued."
    if facts.key_id is None:
        return "No key ID stands beside it, so AWS cannot be asked: find its owner, and rotate the key."
    return "Ask AWS whether it is live, or ask its owner, and rotate the key."


_STEPS = {
    Standing.ACTIVE: "Its secret may have leaked where nobody has looked yet: ask its owner, and rotate it.",
    Standing.WRONG_SECRET: "The secret beside it is not its own, which may have leaked elsewhere: rotate it.",
    Standing.OFF: "Give what used it another key or a role, and take it out of the content.",
    Standing.INACTIVE: "It can be switched on again: have its owner delete it.",
    Standing.EXPIRED: "Nothing has to be switched off: take it out of the content.",
    Standing.DEAD: "Nothing has to be switched off: take it out of the content.",
    Standing.CANARY: "Do not use it, which raises an alarm: ask whoever laid it whether it still has to be there.",
    Standing.EXAMPLE: "Nothing has to be done.",
}
