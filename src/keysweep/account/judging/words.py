"""How names, counts and days stand in evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

_MOST_NAMED = 3


def some(names: Sequence[str]) -> str:
    """The first of many."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def day(when: datetime) -> str:
    """A day, as it is written everywhere."""
    return f"{when:%Y-%m-%d}"


def calls(count: int) -> str:
    """So many calls."""
    return "1 call" if count == 1 else f"{count} calls"
