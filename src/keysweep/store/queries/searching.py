"""Leaks by what somebody types: a key ID, a fingerprint, or words of a path, of an author or of a repository."""

from __future__ import annotations

from sqlalchemy import Connection, func, select
from sqlalchemy.sql.elements import ColumnElement

from keysweep.frozen import frozen
from keysweep.store.schema import leaks, places, repositories
from keysweep.store.words import LEAST_LETTERS, is_too_short, places_with, words_of

_MOST = 2_000
_MOST_REPOSITORIES = 50
_HEX = frozenset("0123456789abcdef")
_MOST_TYPED = 200


@frozen
class Found:
    """What a search came to."""

    leak_ids: tuple[int, ...]
    is_partial: bool
    """Whether more match than were looked at."""


def searched(connection: Connection, said: str) -> Found:
    """The leaks that match what was typed."""
    said = " ".join(said[:_MOST_TYPED].split())
    if not said:
        return Found((), is_partial=False)
    ids: set[int] = set(_by_key_id(connection, said)) | set(_by_fingerprint(connection, said))
    words = words_of(said)
    if is_too_short(words):
        return Found(tuple(ids), is_partial=False)
    in_places = list(connection.scalars(places_with(connection, words, _MOST)))
    in_repositories = _in_repositories(connection, said.lower().split())
    is_partial = len(in_places) >= _MOST or len(in_repositories) >= _MOST
    return Found(tuple(ids.union(in_places, in_repositories)), is_partial)


def _by_key_id(connection: Connection, said: str) -> list[int]:
    key_id = said.upper()
    if not (len(key_id) >= LEAST_LETTERS and key_id.isalnum() and key_id.isascii()):
        return []
    begins = _begins(leaks.c.key_id, key_id)
    return list(connection.scalars(select(leaks.c.id).where(*begins).limit(_MOST)))


def _by_fingerprint(connection: Connection, said: str) -> list[int]:
    fingerprint = said.lower()
    if len(fingerprint) < 6 or not _HEX.issuperset(fingerprint):
        return []
    begins = _begins(leaks.c.fingerprint, fingerprint)
    return list(connection.scalars(select(leaks.c.id).where(*begins).limit(_MOST)))


def _begins(column: ColumnElement[str | None], text: str) -> tuple[ColumnElement[bool], ...]:
    """As a range, which an index answers whatever the order of letters is: what follows is letters and digits."""
    return (column >= text, column < text[:-1] + chr(ord(text[-1]) + 1))


def _in_repositories(connection: Connection, parts: list[str]) -> list[int]:
    has_all = [func.lower(repositories.c.name).contains(each, autoescape=True) for each in parts]
    named = list(connection.scalars(select(repositories.c.id).where(*has_all).limit(_MOST_REPOSITORIES)))
    if not named:
        return []
    there = (places.c.repository_id.in_(named), places.c.gone.is_(None))
    return list(connection.scalars(select(places.c.leak_id).where(*there).limit(_MOST)))
