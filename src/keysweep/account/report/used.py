"""What is known of the use of a key, as data; and what replaces keys, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from keysweep.account.evidence import Account, Key, RootUse, User
from keysweep.account.judging.checks import Lapse
from keysweep.account.judging.replacements import Replacement, replacement_of
from keysweep.account.judging.rules import REPLACEABLE
from keysweep.account.usage.use import Granted, Sighting, Use
from keysweep.report.json import timestamp
from keysweep.report.style import Style
from keysweep.report.wrapping import wrapped

_MOST_SIGHTINGS = 200
"""Of one key; the counts have all."""
_MOST_SHOWN = 3


def key_document(key: Key, user: User | None, account: Account) -> dict[str, Any]:
    """What a key did, who made it, and what replaces it."""
    made = key.creation
    return {
        "use": use_document(key.use),
        "creation": {
            "by": made.by,
            "role": made.role or None,
            "when": timestamp(made.when),
            "address": made.address,
            "agent": made.agent,
            "with_key": made.with_key or None,
        }
        if made
        else None,
        "replacement": _replacement(replacement_of(key, user, account)) if user else None,
    }


def user_document(user: User | None) -> dict[str, Any]:
    """Of what its policies allow, what is used, and what IAM says is left of it."""
    granted = user.granted if user else None
    told = user.simulated if user else None
    return {
        "services_used": _services(granted) if granted is not None else None,
        "simulated": {"allowed": list(told.allowed), "denied": dict(told.denied)} if told else None,
    }


def root_document(known: RootUse | None) -> dict[str, Any] | None:
    """What the root user did."""
    if known is None:
        return None
    keys = list(known.use.key_ids) if known.use else []
    return {"password_last_used": timestamp(known.signed_in), "key_ids": keys, "use": use_document(known.use)}


def use_document(use: Use | None) -> dict[str, Any] | None:
    """Counts by everything by which one may ask, and the calls that belong together."""
    if use is None:
        return None
    return {
        "since": timestamp(use.since),
        "until": timestamp(use.until),
        "events": use.events,
        "after_leak": use.after_leak,
        "first": timestamp(min((each.first for each in use.sightings), default=None)),
        "last": timestamp(max((each.last for each in use.sightings), default=None)),
        "by_service": dict(use.counted(lambda it: it.service)),
        "by_region": dict(use.counted(lambda it: it.region)),
        "by_address": dict(use.counted(lambda it: it.address)),
        "by_agent": dict(use.counted(lambda it: it.agent)),
        "kinds": [
            {"kind": guess.kind.value, "confidence": guess.confidence.value, "why": guess.why, "events": count}
            for guess, count in use.kinds
        ],
        "calls": sorted({each.name for each in use.calls}),
        "sightings": [_sighting(each) for each in use.sightings[:_MOST_SIGHTINGS]],
        "more_sightings": max(0, len(use.sightings) - _MOST_SIGHTINGS),
        "complete": not use.shortfalls,
        "incomplete": [{"region": region, "reason": reason} for region, reason in use.shortfalls],
    }


def snippet_lines(lapses: Sequence[Lapse], style: Style) -> Iterator[str]:
    """What replaces the first keys, one of each kind, as it is to be written."""
    kinds = Counter(
        each.replacement.kind.value if each.replacement else "what is not known"
        for each in lapses
        if each.rule is REPLACEABLE
    )
    if kinds.total() > _MOST_SHOWN:
        told = ", ".join(f"{count} by {kind}" for kind, count in kinds.most_common())
        yield from wrapped(f"what uses the keys that a role could replace: {told}", 0, style)
        yield ""
    shown: dict[str, Replacement] = {}
    for each in lapses:
        if each.replacement:
            shown.setdefault(each.replacement.kind.value, each.replacement)
    for kind, instead in [*shown.items()][:_MOST_SHOWN]:
        user = instead.user
        yield from wrapped(f"in place of the key of {user}, for {kind}: {instead.title}", 0, style)
        for snippet in instead.snippets:
            yield ""
            yield from (style.safe(f"  {line}").rstrip() for line in snippet.splitlines())
        yield ""
    if sum(each.replacement is not None for each in lapses) > min(len(shown), _MOST_SHOWN):
        yield from wrapped("--format json has such a snippet for each key.", 0, style)
        yield ""


def _services(granted: Iterable[Granted]) -> dict[str, str | None]:
    return {each.service: timestamp(each.last) for each in granted}


def _sighting(each: Sighting) -> dict[str, Any]:
    return {
        "region": each.region,
        "service": each.service,
        "address": each.address,
        "agent": each.agent,
        "kind": each.guess.kind.value,
        "events": each.count,
        "refused": each.refused,
        "first": timestamp(each.first),
        "last": timestamp(each.last),
        "after_leak": each.after_leak,
    }


def _replacement(instead: Replacement | None) -> dict[str, Any] | None:
    """What to have in place of a key, with its snippets."""
    if instead is None:
        return None
    return {
        "kind": instead.kind.value,
        "title": instead.title,
        "practice": instead.practice,
        "language": instead.language,
        "snippet": instead.snippet,
        "more": [{"language": language, "snippet": snippet} for language, snippet in instead.more],
    }
