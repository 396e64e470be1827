"""Text of unknown origin in Markdown: shown as it is, never a link, an image, a mention, HTML or a cell's end."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`*\[\]<>#|~&$!@:]|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.", re.IGNORECASE)
_ACTIVE = re.compile(r"[@$]|://|www\.|:[\w+-]+:", re.IGNORECASE)
"""What forges make links or mentions of after Markdown is done, unless it stands in code."""


def code(text: str) -> str:
    """`text`, which has no line ends, as code in a line or in a cell of a table."""
    if not text.strip():
        return "-"
    if not set(text) & {"`", "|", "\\"} and text == text.strip():
        return f"`{text}`"
    return f"<code>{_entities(text)}</code>"


def prose(text: str) -> str:
    """`text`, which has no line ends, as words; as code where words alone could become a link or a mention."""
    return code(text) if _ACTIVE.search(text) else _entities(text).replace("&#58;", ":")


def _entities(text: str) -> str:
    """In Markdown a character written as an entity is never markup."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)
