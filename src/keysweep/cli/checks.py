"""When keysweep itself used which key to verify it, so that this is not taken for somebody's use of the key.

IAM remembers only the last use of a key, so what it said before keysweep used the key is kept as well: otherwise a
plan would hide from the run that follows it that the key was in use. What is kept are key IDs, times, and names of
services and regions, in the cache: without it, a key that was verified within the last hour needs `--force` to be
contained, and nothing else is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from keysweep import cache
from keysweep.verdicts import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keysweep.aws.ownership import LastUse

_NAME = "checks"
_USES = "uses"
_KEPT = timedelta(days=2)


def remember(verdicts: Iterable[Verdict]) -> None:
    """Keep when these keys were used."""
    now = datetime.now(UTC)
    known = {key_id: when for key_id, when in recall().items() if now - when < _KEPT}
    known |= {each.key_id: each.checked for each in verdicts if each.asked}
    if known:
        cache.write(_NAME, json.dumps({key_id: when.isoformat() for key_id, when in known.items()}).encode())


def recall() -> dict[str, datetime]:
    """The last time for each key ID; empty where nothing is known."""
    try:
        kept = json.loads(cache.read(_NAME) or b"{}")
        return {str(key_id): datetime.fromisoformat(when) for key_id, when in kept.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def remember_uses(uses: Mapping[str, LastUse]) -> None:
    """Keep how these keys were last used by others, as IAM said before it knew of keysweep's own use."""
    now = datetime.now(UTC)
    known = {key_id: kept for key_id, kept in _kept_uses().items() if now - kept[0] < _KEPT}
    known |= {key_id: (now, use) for key_id, use in uses.items()}
    if known:
        rows = {key_id: (told.isoformat(), *_row(use)) for key_id, (told, use) in known.items()}
        cache.write(_USES, json.dumps(rows).encode())


def recall_uses() -> dict[str, LastUse]:
    """How each key was last used by others, which may be never; empty where nothing is known."""
    return {key_id: use for key_id, (_, use) in _kept_uses().items()}


def _row(use: LastUse) -> tuple[str | None, str, str]:
    return use.date.isoformat() if use.date else None, use.service, use.region


def _kept_uses() -> dict[str, tuple[datetime, LastUse]]:
    """When IAM said what of each key."""
    from keysweep.aws.ownership import LastUse

    try:
        kept = json.loads(cache.read(_USES) or b"{}")
        return {
            str(key_id): (
                datetime.fromisoformat(told),
                LastUse(datetime.fromisoformat(when) if when else None, str(service), str(region)),
            )
            for key_id, (told, when, service, region) in kept.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}
