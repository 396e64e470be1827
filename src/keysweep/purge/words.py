"""Numbers and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMED = 5
KEPT_BY_HOSTS = (
    "refs/pull/",
    "refs/merge-requests/",
    "refs/pull-requests/",
    "refs/keep-around/",
    "refs/pipelines/",
)
"""Refs of pull and merge requests, which no push changes."""
_KINDS = (
    (("refs/heads/",), "branch"),
    (("refs/tags/",), "tag"),
    (("refs/remotes/",), "remote branch"),
    (KEPT_BY_HOSTS, "ref of a request"),
    (("",), "other ref"),
)


def counted(number: int, what: str) -> str:
    """A number of things."""
    if number != 1:
        first, of, rest = what.partition(" of a ")
        what = f"{first}{'es' if first.endswith('ch') else 's'}{of.removesuffix('a ')}{rest}{'s' if of else ''}"
    return f"{number} {what}"


def named(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    said = ", ".join(names[:_MOST_NAMED])
    return f"{said} and {more} more" if more > 0 else said


def refs_in_words(refs: Sequence[str]) -> str:
    """Many refs by their kind, each with the first of their names."""
    left = list(refs)
    said = []
    for prefixes, what in _KINDS:
        own = [each for each in left if each.startswith(prefixes)]
        left = [each for each in left if not each.startswith(prefixes)]
        if own:
            said.append(f"{counted(len(own), what)} ({named([_short(each) for each in own])})")
    return ", ".join(said)


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/remotes/")
