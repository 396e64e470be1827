"""Long texts in the lines of a report."""

from __future__ import annotations

import textwrap

from keysweep.report.style import Style

_NARROWEST = 20


def wrapped(text: str, indent: int, style: Style) -> list[str]:
    """`text`, made safe, in lines that leave so many columns free at the left; no word or address is broken."""
    room = max(_NARROWEST, style.width - indent)
    lines = textwrap.wrap(style.safe(text), room, break_long_words=False, break_on_hyphens=False)
    return [" " * indent + line for line in lines]


def beside(head: str, text: str, style: Style) -> list[str]:
    """The same with `head` in the columns of the first line that are free."""
    first, *rest = wrapped(text, len(head), style) or [head]
    return [head + first[len(head) :], *rest]
