"""What a host says of a repository, read with care: any field may be missing, of another kind, or hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from keysweep.errors import UsageError
from keysweep.sources.history.opening.addresses import address

_MOST_CHARACTERS = 2000
_MOST_NUMBER = 1 << 62
_MOST_TOPICS = 100


class UnusableError(Exception):
    """A repository in a list is not such that it could be cloned; the message is a clause for people."""


def field(row: object, *names: str) -> object:
    """What stands at the end of a way of names; None where the way breaks off."""
    for name in names:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def text(row: object, *names: str) -> str | None:
    """A text that is neither empty nor longer than any such text is."""
    value = field(row, *names)
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS else None


def number(row: object, *names: str) -> int | None:
    """A whole number that is not negative."""
    value = field(row, *names)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_NUMBER else None


def flag(row: object, *names: str) -> bool | None:
    """Yes or no."""
    value = field(row, *names)
    return value if isinstance(value, bool) else None


def moment(row: object, *names: str) -> datetime | None:
    """A time, in UTC."""
    try:
        value = datetime.fromisoformat(text(row, *names) or "")
        return value.astimezone(UTC) if value.tzinfo else None
    except (ValueError, OverflowError):
        return None


def texts(row: object, *names: str) -> tuple[str, ...]:
    """Several texts, such as topics."""
    values = field(row, *names)
    found = values[:_MOST_TOPICS] if isinstance(values, list) else []
    return tuple(each for each in found if isinstance(each, str) and 0 < len(each) <= _MOST_CHARACTERS)


def rows(content: object, *names: str) -> list[object]:
    """What a list holds; raises UnusableError where there is no list."""
    found = field(content, *names)
    if not isinstance(found, list):
        raise UnusableError("the answer holds no list")
    return found


def needed_text(row: object, *names: str) -> str:
    """A text without which a repository cannot be told from others; raises UnusableError without it."""
    value = text(row, *names)
    if value is None:
        raise UnusableError(f"a repository was listed without its {names[-1]}")
    return value


def needed_number(row: object, *names: str) -> int:
    """A number without which a repository cannot be told from others; raises UnusableError without it."""
    value = number(row, *names)
    if value is None:
        raise UnusableError(f"a repository was listed without its {names[-1]}")
    return value


def clone_url(url: str, base: str, *further_hosts: str) -> str:
    """An address to clone from, if it is on the host that was asked, or one that is known to belong to it.

    It is one of https, or of http where the user wrote that. Raises UnusableError for all else.
    """
    try:
        led = urlsplit(address(url).url)
    except (UsageError, ValueError):
        raise UnusableError("a repository was listed with an address that is not cloned") from None
    asked = urlsplit(base)
    if led.scheme not in {"https", asked.scheme}:
        raise UnusableError("a repository was listed with an address that is not cloned")
    if _host(led.netloc) not in {_host(each) for each in (asked.netloc, *further_hosts)}:
        raise UnusableError("a repository was listed with an address on another host")
    return url


def _host(netloc: str) -> str:
    return netloc.lower().removesuffix(":443")
