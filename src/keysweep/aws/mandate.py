"""What the operator lets keysweep do in AWS, and as whom; never read from a scanned repository."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from keysweep.frozen import frozen, replace
from keysweep.tables import accounts, flag, read_table, refuse_unknown, strings, table, text, whole_number, wrong

FILE_NAME = "containment.toml"


@frozen
class Mandate:
    """The whole of it; the defaults let nothing be changed."""

    profile: str | None = None
    """The AWS profile of the operator's own identity; None for what the environment says."""
    role: str | None = None
    """Name (with its path, if any) of the role assumed in the account of a key; None to act as the operator."""
    external_id: str | None = None
    session_name: str = "keysweep"
    partitions: tuple[str, ...] = ("aws",)
    """Where keys are verified, first to last, if nothing near a key says otherwise."""
    allow_accounts: frozenset[str] = frozenset()
    """Accounts in which something may be changed; empty means nothing is ever changed."""
    deny_users: tuple[str, ...] = ()
    """Globs of user names that are never touched: break-glass users."""
    deny_paths: tuple[str, ...] = ()
    """Globs of IAM paths whose users are never touched."""
    deny_tags: tuple[tuple[str, str], ...] = ()
    """(key, glob of the value) of tags whose users are never touched."""
    most_keys: int = 10
    """Keys that one run may change."""
    recent_use_minutes: int = 60
    """A key that was used since needs `--force`: something may stand still that nobody expected."""
    unattended: bool = False
    """Whether `--auto` may act without a person."""
    unattended_actions: tuple[str, ...] = ("deactivate-key",)
    """What `--auto` may do."""

    def allowing(self, accounts: Iterable[str]) -> Mandate:
        """The same, in which these accounts are allowed as well."""
        return replace(self, allow_accounts=self.allow_accounts | frozenset(accounts))

    def denies(self, user: str, path: str, tags: dict[str, str]) -> str | None:
        """Why this user is never touched; None if nothing says so.

        In capitals or not: to IAM `Root-1` and `root-1` are the same name, and `Tier` and `tier` the same tag.
        """
        for pattern in self.deny_users:
            if _matches(user, pattern):
                return f"user {user} matches deny-users ({pattern})"
        for pattern in self.deny_paths:
            if _matches(path, pattern) or _matches(path, pattern.rstrip("/") + "/*"):
                return f"path {path} matches deny-paths ({pattern})"
        for key, pattern in self.deny_tags:
            for tag, value in tags.items():
                if tag.casefold() == key.casefold() and _matches(value, pattern):
                    return f"tag {tag}={value} matches deny-tags"
        return None


def _matches(text: str, pattern: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


ACTIONS = (
    "deactivate-key",
    "deny-sessions",
    "quarantine",
    "revoke-role-sessions",
    "deactivate-service-credential",
)
"""Everything that a run of `contain` can do, by the names that policies and logs use."""

ROTATING = ("create-key", "hand-over", "deactivate-key", "delete-key")
"""What `rotate` and `delete` do, by the same kind of names; only a person can ask for it."""

SWITCHING = frozenset({"deactivate-key", "deactivate-service-credential"})
"""What switches a credential off, and not only some of what it has brought about."""

OPT_INS = ("deny-sessions", "quarantine", "revoke-role-sessions")
"""What is done only where an option of the same name asks for it."""


def load(explicit: Path | None, directory: Path) -> Mandate:
    """Read `explicit`, or `containment.toml` in the configuration `directory`; the defaults if that is absent.

    Raises ConfigError that names the file, the key, and what would be right.
    """
    path = explicit or directory / FILE_NAME
    if explicit is None and not path.exists():
        return Mandate()
    return _parse(read_table(path, whole=True), path)


def _parse(whole: dict[str, object], path: Path) -> Mandate:
    refuse_unknown(whole, ("responder", "guards", "unattended"), path, "")
    responder, guards, unattended = (table(whole, key, path) for key in ("responder", "guards", "unattended"))
    refuse_unknown(responder, ("profile", "role", "external-id", "session-name", "partitions"), path, "responder.")
    refuse_unknown(
        guards,
        ("allow-accounts", "deny-users", "deny-paths", "deny-tags", "most-keys", "recent-use-minutes"),
        path,
        "guards.",
    )
    refuse_unknown(unattended, ("apply", "actions"), path, "unattended.")
    # An empty list is one: who writes that down wants nothing to be done.
    actions = tuple(strings(unattended, "actions", path))
    if "actions" not in unattended:
        actions = Mandate().unattended_actions
    if not set(actions) <= set(ACTIONS):
        raise wrong(path, "unattended.actions", "a list of " + ", ".join(ACTIONS))
    return Mandate(
        profile=text(responder, "profile", path),
        role=text(responder, "role", path),
        external_id=text(responder, "external-id", path),
        session_name=text(responder, "session-name", path) or Mandate().session_name,
        partitions=tuple(strings(responder, "partitions", path)) or Mandate().partitions,
        allow_accounts=frozenset(accounts(guards, "allow-accounts", path)),
        deny_users=_globs(
            guards, "deny-users", path, "names of users, which hold no slash", lambda it: "/" not in it
        ),
        deny_paths=_globs(guards, "deny-paths", path, "IAM paths, which begin with a slash", _may_be_path),
        deny_tags=_tags(guards, path),
        most_keys=whole_number(guards, "most-keys", Mandate().most_keys, path),
        recent_use_minutes=whole_number(guards, "recent-use-minutes", Mandate().recent_use_minutes, path),
        unattended=flag(unattended, "apply", path),
        unattended_actions=actions,
    )


def _globs(
    guards: dict[str, object], key: str, path: Path, what: str, may_match: Callable[[str], bool]
) -> tuple[str, ...]:
    """Globs that can match something: one that protects nobody is worse than none."""
    globs = strings(guards, key, path)
    if not all(map(may_match, globs)):
        raise wrong(path, f"guards.{key}", f"a list of globs of {what}")
    return tuple(globs)


def _may_be_path(glob: str) -> bool:
    return glob.startswith(("/", "*", "?", "["))


def _tags(guards: dict[str, object], path: Path) -> tuple[tuple[str, str], ...]:
    tags = table(guards, "deny-tags", path)
    if not all(isinstance(value, str) for value in tags.values()):
        raise wrong(path, "guards.deny-tags", "a table of tag keys and globs of their values")
    return tuple((key, str(value)) for key, value in tags.items())
