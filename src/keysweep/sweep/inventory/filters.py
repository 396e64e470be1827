"""Which of the repositories that were listed are wanted, and why the others are not."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase

from keysweep.frozen import frozen
from keysweep.repositories import Holds, Listed

WIKI_ENDING = ".wiki"
"""What the name of a wiki has behind that of its repository."""


@frozen
class Filters:
    """What is wanted; without a word everything is. What a host does not say of a repository leaves it in."""

    include: tuple[str, ...] = ()
    """Patterns of names (`acme/web-*`), one of which has to fit. One without a slash is held to the last part of a
    name. Upper and lower case are the same, and `*` takes slashes too."""
    exclude: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    """One of these is enough."""
    least_bytes: int | None = None
    most_bytes: int | None = None
    pushed_since: datetime | None = None
    """Aware."""
    forks: bool = True
    archived: bool = True
    private: bool = True
    wikis: bool = True
    snippets: bool = True


def left_out(listed: Listed, wanted: Filters) -> str | None:
    """Why a repository is not wanted, in a word or two that can be counted; None if it is."""
    name = listed.name.removesuffix(WIKI_ENDING) if listed.holds is Holds.WIKI else listed.name
    topics = {each.casefold() for each in listed.topics}
    size, pushed = listed.size_bytes, listed.pushed
    reasons = {
        "wikis": listed.holds is Holds.WIKI and not wanted.wikis,
        "snippets": listed.holds is Holds.SNIPPET and not wanted.snippets,
        "not included": bool(wanted.include) and not _fits(name, wanted.include),
        "excluded": _fits(name, wanted.exclude),
        "archived": listed.archived and not wanted.archived,
        "forks": listed.fork_of is not None and not wanted.forks,
        "private": bool(listed.private) and not wanted.private,
        "without the topic": bool(wanted.topics) and topics.isdisjoint(each.casefold() for each in wanted.topics),
        "too small": size is not None and wanted.least_bytes is not None and size < wanted.least_bytes,
        "too large": size is not None and wanted.most_bytes is not None and size > wanted.most_bytes,
        "not pushed since": pushed is not None
        and wanted.pushed_since is not None
        and pushed < wanted.pushed_since,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    whole = name.casefold()
    last = whole.rpartition("/")[2]
    return any(fnmatchcase(whole if "/" in each else last, each.casefold()) for each in patterns)
