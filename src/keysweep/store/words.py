"""The words of paths and authors, by which places are found: a full-text index, in the way of each database."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, Select, func, select, text

from keysweep.frozen import frozen
from keysweep.store.schema import places

_MOST_WORDS = 8
LEAST_LETTERS = 3
"""Of at least one word: what begins with fewer letters is nearly everything."""
_WORD = re.compile(r"[^\W_]+")

_MAKING = {
    "sqlite": (
        """
        CREATE VIRTUAL TABLE place_words USING fts5(path, author, content = 'places', content_rowid = 'id',
            detail = 'none', columnsize = 0, prefix = '3', tokenize = 'unicode61 remove_diacritics 0')
        """,
    ),
    "postgresql": ("CREATE INDEX ix_places_words ON places USING gin ({words})",),
}
_WORDS = (
    "to_tsvector('simple', regexp_replace(left(path, 2000) || ' ' || left(coalesce(author, ''), 300), "
    r"'[\x01-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+', ' ', 'g'))"
)
"""The same in the index and in the query, or PostgreSQL would not see that they belong together. Only ASCII is
taken apart here: what else is a letter depends on the locale of the database."""


def index_words(connection: Connection) -> None:
    """Make the index. PostgreSQL keeps its own; SQLite is told of new places, and of those with another author."""
    for statement in _MAKING[connection.dialect.name]:
        connection.execute(text(statement.format(words=_WORDS)))


def newest_place(connection: Connection) -> int:
    """The number of the newest place, for `index_places`."""
    return connection.scalar(select(func.max(places.c.id))) or 0


def index_places(connection: Connection, after: int) -> None:
    """Put the places into the index that this transaction has added after that one.

    PostgreSQL does that by itself. SQLite would by a trigger, but not under `trusted_schema = off`, which keeps a
    file that somebody else has made from running anything.
    """
    if connection.dialect.name == "sqlite":
        new = "SELECT id, path, author FROM places WHERE id > :after"
        connection.execute(text(f"INSERT INTO place_words (rowid, path, author) {new}"), {"after": after})


def index_anew(connection: Connection) -> None:
    """Make the index from all places that there are."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("INSERT INTO place_words (place_words) VALUES ('rebuild')"))


@frozen
class Spoken:
    """A place of which another author is told now."""

    place_id: int
    path: str
    before: str | None
    now: str | None


def say_anew(connection: Connection, spoken: Sequence[Spoken]) -> None:
    """Bring the index up to date with them: it forgets only what it is told exactly as it was."""
    if connection.dialect.name != "sqlite" or not spoken:
        return
    forgotten = [(each.place_id, each.path, each.before) for each in spoken]
    forget = "INSERT INTO place_words (place_words, rowid, path, author) VALUES ('delete', ?, ?, ?)"
    connection.exec_driver_sql(forget, forgotten)
    say = "INSERT INTO place_words (rowid, path, author) VALUES (?, ?, ?)"
    connection.exec_driver_sql(say, [(each.place_id, each.path, each.now) for each in spoken])


def words_of(said: str) -> list[str]:
    """The words that somebody searches for, as the index has them; without single letters, which choose little."""
    return list(dict.fromkeys(each for each in _WORD.findall(said) if len(each) > 1))[:_MOST_WORDS]


def is_too_short(words: Sequence[str]) -> bool:
    """Whether nothing is searched for, because that would be nearly everything."""
    return max(map(len, words), default=0) < LEAST_LETTERS


def places_with(connection: Connection, words: Sequence[str], most: int) -> Select[int]:
    """The leaks of at most so many places that have words beginning with all of these."""
    chosen = select(places.c.leak_id).where(places.c.gone.is_(None))
    if connection.dialect.name == "sqlite":
        wanted = " ".join(f'"{each}"*' for each in words)
        found = text("places.id IN (SELECT rowid FROM place_words WHERE place_words MATCH :wanted LIMIT :most)")
    else:
        wanted = " & ".join(f"{each}:*" for each in words)
        found = text(f"{_WORDS} @@ to_tsquery('simple', :wanted)")
        return chosen.where(found.bindparams(wanted=wanted)).limit(most)
    return chosen.where(found.bindparams(wanted=wanted, most=most))
