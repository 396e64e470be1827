"""Profiles in the files of AWS's tools, as botocore reads them, without what is secret in them.

botocore refuses a file as a whole where one line is wrong, and says so with that line, which may hold a secret.
This goes on, and says nothing. Where botocore reads a file, this reads the same; a test holds it to that.
"""

from __future__ import annotations

import re
import shlex

from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SECTION = re.compile(r"\[(.+)\]")
_DELIMITER = re.compile(r"[=:]")
_SECRET = frozenset({"aws_secret_access_key", "aws_session_token", "aws_security_token"})
_HIDDEN = "(secret)"
_EXPIRING = ("expiration", "aws_expiration", "aws_session_expiration", "x_security_token_expires", "expires")
"""Nobody agreed on a name."""
_SOURCES = {
    "sso_session": "IAM Identity Center",
    "sso_start_url": "IAM Identity Center",
    "login_session": "`aws login`",
    "credential_process": "a program (credential_process)",
    "web_identity_token_file": "a role, by a token",
    "role_arn": "a role",
}
Settings = dict[str, str]


@frozen
class Profile:
    """What a profile says; of secrets only that they are there."""

    name: str
    settings: Mapping[str, str]

    def has(self, *names: str) -> bool:
        """Whether it says anything of one of these."""
        return any(self.settings.get(name) for name in names)

    @property
    def key_id(self) -> str:
        """Its access key ID; empty where it has none."""
        return self.settings.get("aws_access_key_id", "")

    @property
    def is_temporary(self) -> bool:
        """Whether what it holds expires."""
        return self.key_id.startswith("ASIA") or self.has("aws_session_token", "aws_security_token")

    @property
    def is_long_term(self) -> bool:
        """Whether it holds a key that works until somebody ends it."""
        return bool(self.key_id) and self.has("aws_secret_access_key") and not self.is_temporary

    @property
    def expires(self) -> str:
        """Until when that holds, as the tool wrote it down that signed in; empty where it did not."""
        return next((self.settings[name] for name in _EXPIRING if self.has(name)), "")

    @property
    def source(self) -> str:
        """Where it gets credentials from beside a key of its own; empty where there is nothing else."""
        return next((said for name, said in _SOURCES.items() if self.has(name)), "")


@frozen
class Configured:
    """What both files say together."""

    profiles: tuple[Profile, ...] = ()
    sso_sessions: tuple[str, ...] = ()
    """Names of the sections for IAM Identity Center."""


def configured(config: str, credentials: str) -> Configured:
    """Read the text of both files; what the credentials file says of a profile counts."""
    profiles: dict[str, Settings] = {}
    sessions = []
    for section, settings in sections(config).items():
        kind, name = _named(section)
        if kind == "profile":
            profiles[name] = settings
        elif kind == "sso-session":
            sessions.append(name)
    for section, settings in sections(credentials).items():
        profiles[section] = profiles.get(section, {}) | settings
    return Configured(tuple(Profile(name, each) for name, each in profiles.items()), tuple(sessions))


def _named(section: str) -> tuple[str, str]:
    """`profile NAME` and its like in parts; nothing for what botocore takes for no profile."""
    if section == "default":
        return "profile", section
    try:
        parts = shlex.split(section)
    except ValueError:
        return "", ""
    for kind in ("profile", "sso-session"):
        if section.startswith(kind) and len(parts) == 2:
            return kind, parts[1]
    return "", ""


def sections(text: str) -> dict[str, Settings]:
    """Every section with its settings, as `configparser` takes them; a line that it refuses is passed over."""
    found: dict[str, Settings] = {}
    lines: dict[tuple[str, str], list[str]] = {}
    section = option = ""
    indent = 0
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith(("#", ";")):
            continue
        if not stripped:
            if option:
                lines[section, option].append("")
            continue
        here = len(line) - len(line.lstrip())
        if option and here > indent:
            lines[section, option].append(stripped)
            continue
        indent, option = here, ""
        if header := _SECTION.match(stripped):
            section = header[1]
            found.setdefault(section, {})
        elif section and (delimiter := _DELIMITER.search(stripped)) and delimiter.start():
            option = stripped[: delimiter.start()].rstrip().lower()
            lines[section, option] = [stripped[delimiter.end() :].strip()]
    for (each, name), values in lines.items():
        found[each][name] = _HIDDEN if name in _SECRET and any(values) else "\n".join(values).rstrip()
    return _with_defaults(found)


def _with_defaults(found: Mapping[str, Settings]) -> dict[str, Settings]:
    """What stands in `[DEFAULT]` holds in every section, which hardly anybody knows."""
    usual = found.get("DEFAULT", {})
    return {name: usual | settings for name, settings in found.items() if name != "DEFAULT"}
