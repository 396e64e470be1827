"""When keysweep itself used which key to verify it, so that this is not taken for somebody's use of the key.

IAM remembers only the last use of a key. What is kept are key IDs and times, in the cache: without it, a key that
was verified within the last hour needs `--force` to be contained, and nothing else is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from keysweep import cache
from keysweep.verdicts import Verdict

_NAME = "checks"
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
