"""The first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from keysweep.store.words import index_words

revision = "0001"
down_revision = None

_FILTERED = ("standing", "status", "account_id", "kind", "assignee")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "keys",
        sa.Column("key_id", sa.Text(), nullable=False, comment="as AWS names it"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="as AWS says, or decoded from the key ID"),
        sa.Column("canary", sa.Text(), nullable=True, comment="who laid it as bait"),
        sa.Column("status", sa.Text(), nullable=True, comment="what AWS last said; empty where nobody asked"),
        sa.Column("reason", sa.Text(), nullable=False, comment="how that is known"),
        sa.Column("checked", sa.DateTime(timezone=True), nullable=True, comment="when AWS was asked last"),
        sa.Column("partition", sa.Text(), nullable=True, comment="of AWS, as `aws`"),
        sa.Column("arn", sa.Text(), nullable=True, comment="of its user or role, as AWS says"),
        sa.Column(
            "principal", sa.Text(), nullable=True, comment="`root`, `user`, `role`, `federated-user` or `other`"
        ),
        sa.Column("owner", sa.Text(), nullable=True, comment="the name of the user or role"),
        sa.Column(
            "contained",
            sa.Text(),
            nullable=True,
            comment="what keysweep did last: `switched-off`, `limited`, `undone`, `unknown`",
        ),
        sa.Column("contained_when", sa.DateTime(timezone=True), nullable=True, comment="when it did that"),
        sa.Column("contained_run", sa.Text(), nullable=True, comment="the run of `contain` or `undo`"),
        sa.Column("contained_by", sa.Text(), nullable=True, comment="who ran it, as AWS names them"),
        sa.Column("contained_reason", sa.Text(), nullable=False, comment="how that went"),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_keys")),
    )
    op.create_index(op.f("ix_keys_account_id"), "keys", ["account_id"], unique=False)
    op.create_table(
        "repositories",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("identity", sa.Text(), nullable=False, comment="what stays when it is renamed or moved"),
        sa.Column("name", sa.Text(), nullable=False, comment="in full, as `group/project`"),
        sa.Column("url", sa.Text(), nullable=False, comment="where it is cloned from, without credentials"),
        sa.Column("holds", sa.Text(), nullable=False, comment="`code`, `wiki` or `snippet`"),
        sa.Column(
            "host_kind", sa.Text(), nullable=False, comment="`github` and so on, by which its token is looked up"
        ),
        sa.Column("page", sa.Text(), nullable=True, comment="its page for people"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True, comment="as its host says"),
        sa.Column(
            "pushed",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when somebody pushed last, as its host says",
        ),
        sa.Column("private", sa.Boolean(), nullable=True, comment="empty where its host does not say"),
        sa.Column("archived", sa.Boolean(), nullable=False, comment="as its host says"),
        sa.Column(
            "fork_of",
            sa.Text(),
            nullable=True,
            comment="identity or name of what it was forked from; an empty text where unknown",
        ),
        sa.Column("default_branch", sa.Text(), nullable=True, comment="as its host says"),
        sa.Column("topics", sa.JSON(), nullable=False, comment="a list of texts"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="by an inventory"),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False, comment="by an inventory"),
        sa.Column(
            "gone",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when an inventory does not list it any more",
        ),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="`new`, `swept`, `incomplete`, `failed` or `quarantined`"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is in that state, a clause"),
        sa.Column("swept", sa.DateTime(timezone=True), nullable=True, comment="when it was last swept whole"),
        sa.Column("swept_refs", sa.Text(), nullable=True, comment="digest of the refs that were then swept"),
        sa.Column(
            "swept_rules", sa.Text(), nullable=True, comment="digest of the rules by which it was then swept"
        ),
        sa.Column(
            "scanned_bytes", sa.BigInteger(), nullable=False, comment="by the last sweep of it that read anything"
        ),
        sa.Column("objects", sa.BigInteger(), nullable=False, comment="that it has, by the last sweep"),
        sa.Column("leaks", sa.Integer(), nullable=False, comment="that stand in it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("identity", name=op.f("uq_repositories_identity")),
    )
    op.create_index(op.f("ix_repositories_leaks"), "repositories", ["leaks"], unique=False)
    op.create_index(op.f("ix_repositories_name"), "repositories", ["name"], unique=False)
    op.create_index(op.f("ix_repositories_state"), "repositories", ["state"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False, comment="begins with the time at which it started"),
        sa.Column("target", sa.Text(), nullable=False, comment="what was swept, as it was asked for"),
        sa.Column("settings", sa.JSON(), nullable=False, comment="what else it was asked for, to go on with it"),
        sa.Column("engine", sa.Text(), nullable=False, comment="that did the work: `local` or `dask`"),
        sa.Column("version", sa.Text(), nullable=False, comment="of keysweep"),
        sa.Column("state", sa.Text(), nullable=False, comment="`running`, `interrupted`, `done` or `incomplete`"),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False, comment="when it began"),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=False, comment="when it last said that it goes on"),
        sa.Column(
            "ended",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was over; empty where it can go on",
        ),
        sa.Column("listed", sa.Boolean(), nullable=False, comment="whether all that it sweeps is known"),
        sa.Column("notes", sa.JSON(), nullable=False, comment="what a reader should know, a clause each"),
        sa.Column(
            "problems", sa.JSON(), nullable=False, comment="what was not listed or not asked, a clause each"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_started"), "runs", ["started"], unique=False)
    op.create_index(op.f("ix_runs_target_started"), "runs", ["target", "started"], unique=False)
    op.create_table(
        "containments",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="what keysweep did: `switched-off`, `limited`, `undone`, `unknown`",
        ),
        sa.Column("run", sa.Text(), nullable=False, comment="of `contain` or `undo`"),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False, comment="when it did that"),
        sa.Column("operator", sa.Text(), nullable=False, comment="who ran it, as AWS names them"),
        sa.Column("reason", sa.Text(), nullable=False, comment="how that went"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["keys.key_id"], name=op.f("fk_containments_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_containments")),
        sa.UniqueConstraint("key_id", "run", "state", "when", name=op.f("uq_containments_key_id_run_state_when")),
    )
    op.create_table(
        "leaks",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="a keyed hash of the credentials"),
        sa.Column("kind", sa.Text(), nullable=False, comment="as in findings: `key-pair` and so on"),
        sa.Column("rule", sa.Text(), nullable=True, comment="name of the rule of your own that matched"),
        sa.Column("key_id", sa.Text(), nullable=True, comment="empty where a secret stands alone"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="decoded from the key ID"),
        sa.Column(
            "severity",
            sa.SmallInteger(),
            nullable=False,
            comment="0 info to 4 critical, by what AWS says of the key too",
        ),
        sa.Column("found_severity", sa.SmallInteger(), nullable=False, comment="the same without what AWS says"),
        sa.Column("confidence", sa.SmallInteger(), nullable=False, comment="0 low to 2 high"),
        sa.Column(
            "reasons", sa.JSON(), nullable=False, comment="why it is taken for a credential, a list of texts"
        ),
        sa.Column("parts", sa.JSON(), nullable=False, comment="role and redacted form of each part"),
        sa.Column("region", sa.Text(), nullable=True, comment="that stands beside it"),
        sa.Column("partition", sa.Text(), nullable=True, comment="of AWS, as `aws`"),
        sa.Column("issued", sa.DateTime(timezone=True), nullable=True, comment="when it was, where it tells"),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=True, comment="when it does, where it tells"),
        sa.Column("standing", sa.Text(), nullable=False, comment="`live`, `dead`, `switched-off` and so on"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=False,
            comment="`open`, `real`, `false`, `accepted` or `resolved`: what people say",
        ),
        sa.Column("status_until", sa.Text(), nullable=True, comment="the last day on which `accepted` holds"),
        sa.Column("assignee", sa.Text(), nullable=True, comment="who looks after it"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="by a sweep"),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False, comment="by a sweep"),
        sa.Column(
            "introduced",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a commit brought it first, in any repository",
        ),
        sa.Column(
            "usable",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was first known that somebody could use it",
        ),
        sa.Column(
            "contained",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was first known to be harmless",
        ),
        sa.Column("places", sa.Integer(), nullable=False, comment="where it stands"),
        sa.Column("repositories", sa.Integer(), nullable=False, comment="in which it stands"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.key_id"], name=op.f("fk_leaks_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leaks")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_leaks_fingerprint")),
    )
    op.create_index(op.f("ix_leaks_account_id"), "leaks", ["account_id"], unique=False)
    op.create_index("ix_leaks_age", "leaks", ["first_seen", "id", "severity", *_FILTERED, "usable"], unique=False)
    op.create_index(
        "ix_leaks_contained", "leaks", ["contained", "usable", "first_seen", "standing", "status"], unique=False
    )
    op.create_index(op.f("ix_leaks_key_id"), "leaks", ["key_id"], unique=False)
    op.create_index("ix_leaks_standing", "leaks", ["standing", "status", "severity"], unique=False)
    op.create_index("ix_leaks_urgency", "leaks", ["severity", "first_seen", "id", *_FILTERED], unique=False)
    op.create_table(
        "problems",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository_id", _NUMBER, nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="as in findings files"),
        sa.Column("message", sa.Text(), nullable=False, comment="what could not be read, and why"),
        sa.Column("path", sa.Text(), nullable=True, comment="where that is"),
        sa.Column("commit_id", sa.Text(), nullable=True, comment="where that is"),
        sa.Column("object_id", sa.Text(), nullable=True, comment="where that is"),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_problems_repository_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index(op.f("ix_problems_repository_id"), "problems", ["repository_id"], unique=False)
    op.create_table(
        "refs",
        sa.Column("repository_id", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="in full, as `refs/heads/main`"),
        sa.Column("object_id", sa.Text(), nullable=False, comment="that it named when it was swept last"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="by a sweep"),
        sa.Column(
            "changed",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was first seen to name that object",
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_refs_repository_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_refs")),
    )
    op.create_table(
        "tasks",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("repository_id", _NUMBER, nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="`waiting`, `swept`, `unchanged`, `incomplete`, `failed` or `quarantined`",
        ),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, comment="that failed"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why the last one failed, a clause"),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True, comment="when it was done"),
        sa.Column("seconds", sa.Float(), nullable=False, comment="that the last attempt took"),
        sa.Column("scanned_bytes", sa.BigInteger(), nullable=False, comment="by this run"),
        sa.Column("findings", sa.Integer(), nullable=False, comment="of this run"),
        sa.Column(
            "fresh", sa.Integer(), nullable=False, comment="of these, leaks that were in no repository before"
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_tasks_repository_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_tasks_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "repository_id", name=op.f("pk_tasks")),
    )
    op.create_index(op.f("ix_tasks_repository_id"), "tasks", ["repository_id"], unique=False)
    op.create_index(op.f("ix_tasks_run_id_state"), "tasks", ["run_id", "state"], unique=False)
    op.create_table(
        "verifications",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="what AWS said"),
        sa.Column("reason", sa.Text(), nullable=False, comment="how that is known"),
        sa.Column("checked", sa.DateTime(timezone=True), nullable=False, comment="when AWS was asked"),
        sa.Column("partition", sa.Text(), nullable=True, comment="of AWS, as `aws`"),
        sa.Column("account_id", sa.Text(), nullable=True, comment="as AWS says"),
        sa.Column("arn", sa.Text(), nullable=True, comment="of its user or role, as AWS says"),
        sa.Column("user_id", sa.Text(), nullable=True, comment="as AWS says"),
        sa.Column("user", sa.Text(), nullable=True, comment="where it is known and the ARN is not"),
        sa.Column("request_id", sa.Text(), nullable=True, comment="as CloudTrail knows it"),
        sa.Column("asked", sa.Boolean(), nullable=False, comment="whether a request was signed with it"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["keys.key_id"], name=op.f("fk_verifications_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_index(op.f("ix_verifications_key_id_checked"), "verifications", ["key_id", "checked"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("leak_id", _NUMBER, nullable=False),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False, comment="when that was"),
        sa.Column("by", sa.Text(), nullable=False, comment="who decided, as they said or signed in"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=True,
            comment="what was decided; empty for a note or a change of assignee",
        ),
        sa.Column("until", sa.Text(), nullable=True, comment="the last day on which `accepted` holds"),
        sa.Column(
            "assignee", sa.Text(), nullable=True, comment="who was put in charge; empty where that did not change"
        ),
        sa.Column("note", sa.Text(), nullable=False, comment="why"),
        sa.ForeignKeyConstraint(["leak_id"], ["leaks.id"], name=op.f("fk_decisions_leak_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_leak_id_when"), "decisions", ["leak_id", "when"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("leak_id", _NUMBER, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="names the receiver without its address"),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="how the leak stood then; told again when that changes"
        ),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False, comment="when it was told"),
        sa.ForeignKeyConstraint(["leak_id"], ["leaks.id"], name=op.f("fk_notices_leak_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_channel_leak_id"), "notices", ["channel", "leak_id"], unique=False)
    op.create_table(
        "places",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("leak_id", _NUMBER, nullable=False),
        sa.Column("repository_id", _NUMBER, nullable=False),
        sa.Column("path", sa.Text(), nullable=False, comment="of the file, or of what holds the members"),
        sa.Column("members", sa.JSON(), nullable=False, comment="of containers, outermost first, that lead to it"),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="as in findings: `history`, `commit-message` and so on"
        ),
        sa.Column("object_id", sa.Text(), nullable=True, comment="the object in which it can be read again"),
        sa.Column("line", sa.Integer(), nullable=False, comment="in the file, from 1"),
        sa.Column("column", sa.Integer(), nullable=False, comment="in that line, from 1"),
        sa.Column("decoding", sa.JSON(), nullable=False, comment="from the stored bytes to the credential"),
        sa.Column("further", sa.JSON(), nullable=False, comment="where other parts of it stand, if not there"),
        sa.Column("commit_id", sa.Text(), nullable=True, comment="that brought it"),
        sa.Column("author", sa.Text(), nullable=True, comment="of that commit"),
        sa.Column("introduced", sa.DateTime(timezone=True), nullable=True, comment="when that commit was written"),
        sa.Column("removed_by", sa.Text(), nullable=True, comment="the commit that took it out"),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=True, comment="when that commit was written"),
        sa.Column("refs", sa.Integer(), nullable=False, comment="whose newest commit has it"),
        sa.Column("ref", sa.Text(), nullable=True, comment="one of them"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="by a sweep"),
        sa.Column(
            "gone",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when the repository does not have it any more, in no object",
        ),
        sa.ForeignKeyConstraint(["leak_id"], ["leaks.id"], name=op.f("fk_places_leak_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_places_repository_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_leak_id_repository_id"), "places", ["leak_id", "repository_id"], unique=False)
    op.create_index("ix_places_repository", "places", ["repository_id", "gone", "leak_id"], unique=False)
    index_words(op.get_bind())
