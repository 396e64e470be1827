"""The tables of the store. What each column means is told in docs/store.md, which is generated from here.

No table has a secret: of a credential there is its fingerprint (a keyed hash), the form that reports show, and
where it can be read again. Every moment is UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON, TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware moment in UTC: `timestamptz` in PostgreSQL, ISO text without an offset in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse what says nothing of its zone: it would be taken for another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("moments in the store are aware")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=_NAMES)
_Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows by itself only where the key is an INTEGER."""


def _number() -> Column[int]:
    return Column("id", _Number, primary_key=True, autoincrement=True)


def _of(table: str, *, key: bool = False) -> Column[int]:
    name = {"repositories": "repository_id", "leaks": "leak_id"}[table]
    return Column(name, _Number, ForeignKey(f"{table}.id", ondelete="CASCADE"), primary_key=key, nullable=False)


def _run(*, key: bool = False) -> Column[str]:
    return Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=key, nullable=False)


repositories = Table(
    "repositories",
    metadata,
    _number(),
    Column("identity", Text, nullable=False, unique=True, comment="what stays when it is renamed or moved"),
    Column("name", Text, nullable=False, comment="in full, as `group/project`"),
    Column("url", Text, nullable=False, comment="where it is cloned from, without credentials"),
    Column("holds", Text, nullable=False, comment="`code`, `wiki` or `snippet`"),
    Column("host_kind", Text, nullable=False, comment="`github` and so on, by which its token is looked up"),
    Column("page", Text, comment="its page for people"),
    Column("size_bytes", BigInteger, comment="as its host says"),
    Column("pushed", Moment, comment="when somebody pushed last, as its host says"),
    Column("private", Boolean, comment="empty where its host does not say"),
    Column("archived", Boolean, nullable=False, comment="as its host says"),
    Column("fork_of", Text, comment="identity or name of what it was forked from; an empty text where unknown"),
    Column("default_branch", Text, comment="as its host says"),
    Column("topics", JSON, nullable=False, comment="a list of texts"),
    Column("first_seen", Moment, nullable=False, comment="by an inventory"),
    Column("last_seen", Moment, nullable=False, comment="by an inventory"),
    Column("gone", Moment, comment="since when an inventory does not list it any more"),
    Column("state", Text, nullable=False, comment="`new`, `swept`, `incomplete`, `failed` or `quarantined`"),
    Column("reason", Text, nullable=False, comment="why it is in that state, a clause"),
    Column("swept", Moment, comment="when it was last swept whole"),
    Column("swept_refs", Text, comment="digest of the refs that were then swept"),
    Column("swept_rules", Text, comment="digest of the rules by which it was then swept"),
    Column("scanned_bytes", BigInteger, nullable=False, comment="by the last sweep of it that read anything"),
    Column("objects", BigInteger, nullable=False, comment="that it has, by the last sweep"),
    Column("leaks", Integer, nullable=False, comment="that stand in it"),
    Index(None, "state"),
    Index(None, "name"),
    Index(None, "leaks"),
)

refs = Table(
    "refs",
    metadata,
    _of("repositories", key=True),
    Column("name", Text, primary_key=True, comment="in full, as `refs/heads/main`"),
    Column("object_id", Text, nullable=False, comment="that it named when it was swept last"),
    Column("first_seen", Moment, nullable=False, comment="by a sweep"),
    Column("changed", Moment, nullable=False, comment="when it was first seen to name that object"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True, comment="begins with the time at which it started"),
    Column("target", Text, nullable=False, comment="what was swept, as it was asked for"),
    Column("settings", JSON, nullable=False, comment="what else it was asked for, to go on with it"),
    Column("engine", Text, nullable=False, comment="that did the work: `local` or `dask`"),
    Column("version", Text, nullable=False, comment="of keysweep"),
    Column("state", Text, nullable=False, comment="`running`, `interrupted`, `done` or `incomplete`"),
    Column("started", Moment, nullable=False, comment="when it began"),
    Column("beat", Moment, nullable=False, comment="when it last said that it goes on"),
    Column("ended", Moment, comment="when it was over; empty where it can go on"),
    Column("listed", Boolean, nullable=False, comment="whether all that it sweeps is known"),
    Column("notes", JSON, nullable=False, comment="what a reader should know, a clause each"),
    Column("problems", JSON, nullable=False, comment="what was not listed or not asked, a clause each"),
    Index(None, "target", "started"),
    Index(None, "started"),
)

tasks = Table(
    "tasks",
    metadata,
    _run(key=True),
    _of("repositories", key=True),
    Column(
        "state",
        Text,
        nullable=False,
        comment="`waiting`, `swept`, `unchanged`, `incomplete`, `failed` or `quarantined`",
    ),
    Column("attempts", SmallInteger, nullable=False, comment="that failed"),
    Column("reason", Text, nullable=False, comment="why the last one failed, a clause"),
    Column("ended", Moment, comment="when it was done"),
    Column("seconds", Float, nullable=False, comment="that the last attempt took"),
    Column("scanned_bytes", BigInteger, nullable=False, comment="by this run"),
    Column("findings", Integer, nullable=False, comment="of this run"),
    Column("fresh", Integer, nullable=False, comment="of these, leaks that were in no repository before"),
    Index(None, "run_id", "state"),
    Index(None, "repository_id"),
)

problems = Table(
    "problems",
    metadata,
    _number(),
    _of("repositories"),
    Column("code", Text, nullable=False, comment="as in findings files"),
    Column("message", Text, nullable=False, comment="what could not be read, and why"),
    Column("path", Text, comment="where that is"),
    Column("commit_id", Text, comment="where that is"),
    Column("object_id", Text, comment="where that is"),
    Index(None, "repository_id"),
)

keys = Table(
    "keys",
    metadata,
    Column("key_id", Text, primary_key=True, comment="as AWS names it"),
    Column("account_id", Text, comment="as AWS says, or decoded from the key ID"),
    Column("canary", Text, comment="who laid it as bait"),
    Column("status", Text, comment="what AWS last said; empty where nobody asked"),
    Column("reason", Text, nullable=False, comment="how that is known"),
    Column("checked", Moment, comment="when AWS was asked last"),
    Column("partition", Text, comment="of AWS, as `aws`"),
    Column("arn", Text, comment="of its user or role, as AWS says"),
    Column("principal", Text, comment="`root`, `user`, `role`, `federated-user` or `other`"),
    Column("owner", Text, comment="the name of the user or role"),
    Column("contained", Text, comment="what keysweep did last: `switched-off`, `limited`, `undone`, `unknown`"),
    Column("contained_when", Moment, comment="when it did that"),
    Column("contained_run", Text, comment="the run of `contain` or `undo`"),
    Column("contained_by", Text, comment="who ran it, as AWS names them"),
    Column("contained_reason", Text, nullable=False, comment="how that went"),
    Index(None, "account_id"),
)

_FILTERED = ("standing", "status", "account_id", "kind", "assignee")
"""By which leaks are chosen: with these an index tells all that a list of them asks for."""

leaks = Table(
    "leaks",
    metadata,
    _number(),
    Column("fingerprint", Text, nullable=False, unique=True, comment="a keyed hash of the credentials"),
    Column("kind", Text, nullable=False, comment="as in findings: `key-pair` and so on"),
    Column("rule", Text, comment="name of the rule of your own that matched"),
    Column("key_id", Text, ForeignKey("keys.key_id"), comment="empty where a secret stands alone"),
    Column("account_id", Text, comment="decoded from the key ID"),
    Column(
        "severity", SmallInteger, nullable=False, comment="0 info to 4 critical, by what AWS says of the key too"
    ),
    Column("found_severity", SmallInteger, nullable=False, comment="the same without what AWS says"),
    Column("confidence", SmallInteger, nullable=False, comment="0 low to 2 high"),
    Column("reasons", JSON, nullable=False, comment="why it is taken for a credential, a list of texts"),
    Column("parts", JSON, nullable=False, comment="role and redacted form of each part"),
    Column("region", Text, comment="that stands beside it"),
    Column("partition", Text, comment="of AWS, as `aws`"),
    Column("issued", Moment, comment="when it was, where it tells"),
    Column("expires", Moment, comment="when it does, where it tells"),
    Column("standing", Text, nullable=False, comment="`live`, `dead`, `switched-off` and so on"),
    Column(
        "status",
        Text,
        nullable=False,
        comment="`open`, `real`, `false`, `accepted` or `resolved`: what people say",
    ),
    Column("status_until", Text, comment="the last day on which `accepted` holds"),
    Column("assignee", Text, comment="who looks after it"),
    Column("first_seen", Moment, nullable=False, comment="by a sweep"),
    Column("last_seen", Moment, nullable=False, comment="by a sweep"),
    Column("introduced", Moment, comment="when a commit brought it first, in any repository"),
    Column("usable", Moment, comment="when it was first known that somebody could use it"),
    Column("contained", Moment, comment="when it was first known to be harmless"),
    Column("places", Integer, nullable=False, comment="where it stands"),
    Column("repositories", Integer, nullable=False, comment="in which it stands"),
    Index(None, "key_id"),
    Index("ix_leaks_urgency", "severity", "first_seen", "id", *_FILTERED),
    Index("ix_leaks_age", "first_seen", "id", "severity", *_FILTERED, "usable"),
    Index("ix_leaks_standing", "standing", "status", "severity"),
    Index("ix_leaks_contained", "contained", "usable", "first_seen", "standing", "status"),
    Index(None, "account_id"),
)

places = Table(
    "places",
    metadata,
    _number(),
    _of("leaks"),
    _of("repositories"),
    Column("path", Text, nullable=False, comment="of the file, or of what holds the members"),
    Column("members", JSON, nullable=False, comment="of containers, outermost first, that lead to it"),
    Column("source", Text, nullable=False, comment="as in findings: `history`, `commit-message` and so on"),
    Column("object_id", Text, comment="the object in which it can be read again"),
    Column("line", Integer, nullable=False, comment="in the file, from 1"),
    Column("column", Integer, nullable=False, comment="in that line, from 1"),
    Column("decoding", JSON, nullable=False, comment="from the stored bytes to the credential"),
    Column("further", JSON, nullable=False, comment="where other parts of it stand, if not there"),
    Column("commit_id", Text, comment="that brought it"),
    Column("author", Text, comment="of that commit"),
    Column("introduced", Moment, comment="when that commit was written"),
    Column("removed_by", Text, comment="the commit that took it out"),
    Column("removed", Moment, comment="when that commit was written"),
    Column("refs", Integer, nullable=False, comment="whose newest commit has it"),
    Column("ref", Text, comment="one of them"),
    Column("first_seen", Moment, nullable=False, comment="by a sweep"),
    Column("gone", Moment, comment="since when the repository does not have it any more, in no object"),
    Index(None, "leak_id", "repository_id"),
    Index("ix_places_repository", "repository_id", "gone", "leak_id"),
)

verifications = Table(
    "verifications",
    metadata,
    _number(),
    Column("key_id", Text, ForeignKey("keys.key_id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, nullable=False, comment="what AWS said"),
    Column("reason", Text, nullable=False, comment="how that is known"),
    Column("checked", Moment, nullable=False, comment="when AWS was asked"),
    Column("partition", Text, comment="of AWS, as `aws`"),
    Column("account_id", Text, comment="as AWS says"),
    Column("arn", Text, comment="of its user or role, as AWS says"),
    Column("user_id", Text, comment="as AWS says"),
    Column("user", Text, comment="where it is known and the ARN is not"),
    Column("request_id", Text, comment="as CloudTrail knows it"),
    Column("asked", Boolean, nullable=False, comment="whether a request was signed with it"),
    Index(None, "key_id", "checked"),
)

containments = Table(
    "containments",
    metadata,
    _number(),
    Column("key_id", Text, ForeignKey("keys.key_id", ondelete="CASCADE"), nullable=False),
    Column(
        "state", Text, nullable=False, comment="what keysweep did: `switched-off`, `limited`, `undone`, `unknown`"
    ),
    Column("run", Text, nullable=False, comment="of `contain` or `undo`"),
    Column("when", Moment, nullable=False, comment="when it did that"),
    Column("operator", Text, nullable=False, comment="who ran it, as AWS names them"),
    Column("reason", Text, nullable=False, comment="how that went"),
    UniqueConstraint("key_id", "run", "state", "when"),
)

decisions = Table(
    "decisions",
    metadata,
    _number(),
    _of("leaks"),
    Column("when", Moment, nullable=False, comment="when that was"),
    Column("by", Text, nullable=False, comment="who decided, as they said or signed in"),
    Column("status", Text, comment="what was decided; empty for a note or a change of assignee"),
    Column("until", Text, comment="the last day on which `accepted` holds"),
    Column("assignee", Text, comment="who was put in charge; empty where that did not change"),
    Column("note", Text, nullable=False, comment="why"),
    Index(None, "leak_id", "when"),
)

notices = Table(
    "notices",
    metadata,
    _number(),
    _of("leaks"),
    Column("channel", Text, nullable=False, comment="names the receiver without its address"),
    Column("state", Text, nullable=False, comment="how the leak stood then; told again when that changes"),
    Column("when", Moment, nullable=False, comment="when it was told"),
    Index(None, "channel", "leak_id"),
)
