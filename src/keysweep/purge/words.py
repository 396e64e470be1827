"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMED = 5


def counted(number: int, what: str) -> str:
    """A number of things."""
    ending = ("es" if what.endswith("ch") else "s") if number != 1 else ""
    return f"{number} {what}{ending}"


def named(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    said = ", ".join(names[:_MOST_NAMED])
    return f"{said} and {more} more" if more > 0 else said
