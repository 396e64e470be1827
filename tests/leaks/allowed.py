"""What may hold secrets, and why: all that is left out of the search stands here or at a marker of a test."""

from __future__ import annotations

import pytest

KINDS = ("stdout", "stderr", "arguments", "log", "exception", "content")
"""What can leak; `content` is that of files that keysweep writes."""

MARKER = "shows_secrets"
DESCRIPTION = (
    f"{MARKER}(kind, why): this test has a secret in a place of this kind ({', '.join(KINDS)}) on purpose"
)

_INPUT = "git that a test runs gets and shows what the test wrote: a message, a file. That is input of keysweep"

TABLE = {
    ("arguments", "a test's git "): _INPUT,
    ("stdout", "git "): _INPUT,
}
"""Kinds and the beginnings of places that are left out, each with its reason.

What git says on standard error is searched: hooks of keysweep print there. Nothing has to be said here of files that
git writes, in a repository of a test or in a private clone of keysweep's: they hold the content that is scanned, and
only files that keysweep itself opens to write are searched, also those beside them.
"""


def is_left_out(kind: str, where: str) -> bool:
    """Whether `TABLE` says so."""
    return any(kind == each and where.startswith(beginning) for each, beginning in TABLE)


def kinds_of(item: pytest.Item) -> frozenset[str]:
    """The kinds in which this test says to have secrets; ValueError where a marker does not say which and why."""
    kinds = set()
    for marker in item.iter_markers(MARKER):
        kind, why = (*marker.args, "", "")[:2]
        if kind not in KINDS or not why or len(marker.args) > 2 or marker.kwargs:
            raise ValueError(f"say {DESCRIPTION}")
        kinds.add(kind)
    return frozenset(kinds)
