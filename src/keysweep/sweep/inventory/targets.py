"""What a sweep is pointed at: an organisation on some host, a directory of mirrors, a list of addresses."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from urllib.parse import quote, unquote, urlsplit

from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.sources.history.opening.addresses import address
from keysweep.sweep.tokens import PUBLIC_HOSTS


class Kind(StrEnum):
    """Where the repositories are listed; the values of hosts are what a target begins with."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    AZURE = "azure"
    DIRECTORY = "directory"
    FILE = "file"
    STDIN = "stdin"


_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,255}")
_PROJECT = re.compile(r"(?!\.{1,2}$)[^/\\:*?\"<>|#%\x00-\x1f\x7f]{1,64}")
"""Names of projects on Azure DevOps may have blanks, and letters of any script."""
_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])(?::\d{1,5})?"
)
_MOST_PARTS = {Kind.GITHUB: 1, Kind.GITLAB: 21, Kind.BITBUCKET: 1, Kind.GITEA: 1, Kind.FORGEJO: 1, Kind.AZURE: 2}
_SHAPES = {
    Kind.GITHUB: "github:ORGANISATION or github:https://HOST/ORGANISATION",
    Kind.GITLAB: "gitlab:GROUP/SUBGROUP or gitlab:https://HOST/GROUP",
    Kind.BITBUCKET: "bitbucket:WORKSPACE",
    Kind.GITEA: "gitea:https://HOST/ORGANISATION",
    Kind.FORGEJO: "forgejo:https://HOST/ORGANISATION",
    Kind.AZURE: "azure:ORGANISATION, azure:ORGANISATION/PROJECT or azure:https://HOST/COLLECTION",
}
_LOCAL = (Kind.DIRECTORY, Kind.FILE, Kind.STDIN)
STDIN = "-"


@frozen
class Target:
    """What is to be swept; holds no credentials."""

    kind: Kind
    base: str
    """The address of the host, with what stands before the name; empty for what is on this machine."""
    name: str
    """The organisation, user, workspace, group or project (empty for all of them), or a whole path."""

    @property
    def text(self) -> str:
        """As it can be written again: the same for the same target, however it was written."""
        if not self.is_hosted:
            return self.name
        public = f"https://{PUBLIC_HOSTS.get(self.kind, '')}"
        if self.kind is Kind.AZURE and self.base.startswith(f"{public}/"):
            return f"azure:{self.base.removeprefix(f'{public}/')}{f'/{self.name}' if self.name else ''}"
        shown = self.name if self.base == public else f"{self.base}/{self.name}".rstrip("/")
        return f"{self.kind}:{shown}"

    @property
    def is_hosted(self) -> bool:
        """Whether a host lists it, by whose kind a token is found."""
        return self.kind not in _LOCAL

    @property
    def host(self) -> str:
        """The host, with its port where that is not the usual one; empty for what is on this machine."""
        return urlsplit(self.base).netloc


def target(text: str) -> Target:
    """What is meant by `text`; raises UsageError where nothing can be."""
    if text == STDIN:
        return Target(Kind.STDIN, "", STDIN)
    beginning, colon, rest = text.partition(":")
    if colon and beginning in _MOST_PARTS:
        return _hosted(Kind(beginning), rest)
    if "://" in text:
        address(text)  # refuses credentials before the address is repeated
        raise UsageError(
            f"{text} does not say what kind of host it is: write one of github:, gitlab:, gitea:, forgejo: or "
            "azure: before it, or put the addresses of single repositories into a file."
        )
    if os.path.isdir(text):
        return Target(Kind.DIRECTORY, "", os.path.abspath(text))
    if os.path.isfile(text):
        return Target(Kind.FILE, "", os.path.abspath(text))
    kinds = ", ".join(f"{each}:" for each in _MOST_PARTS)
    raise UsageError(
        f"{_shown(text)} is nothing that can be swept: name an organisation with its host ({kinds}), a directory "
        "of repositories, a file with their addresses, or - for standard input."
    )


def _hosted(kind: Kind, rest: str) -> Target:
    if "://" in rest:
        base, parts = _split(kind, rest)
    elif kind in PUBLIC_HOSTS:
        base, parts = f"https://{PUBLIC_HOSTS[kind]}", rest.strip("/").split("/")
    else:
        raise UsageError(f"{kind} has no host of its own that could be meant: write {_SHAPES[kind]}.")
    if kind is Kind.AZURE:
        return _azure(base, parts)
    if kind in (Kind.GITEA, Kind.FORGEJO):
        base, parts = "/".join((base, *parts[:-1])), parts[-1:]  # these may be installed below a path
    names_are_good = all(_NAME.fullmatch(each) for each in (*base.split("/")[3:], *parts))
    if not names_are_good or not 1 <= len(parts) <= _MOST_PARTS[kind]:
        raise _wrong(kind)
    if kind is Kind.BITBUCKET and base != f"https://{PUBLIC_HOSTS[kind]}":
        raise UsageError("only workspaces on bitbucket.org can be listed: write bitbucket:WORKSPACE.")
    return Target(kind, base, "/".join(parts))


def _split(kind: Kind, url: str) -> tuple[str, list[str]]:
    """The host and what stands behind it, of an address that holds no credentials."""
    address(url.replace(" ", "%20") if kind is Kind.AZURE else url)
    protocol, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    protocol, host = protocol.lower(), host.lower()
    if protocol not in ("https", "http"):
        raise UsageError(f"{kind} is asked by https://, not by {protocol}://: write {_SHAPES[kind]}.")
    host = host.removesuffix(":443" if protocol == "https" else ":80")
    if not _HOST.fullmatch(host):
        raise _wrong(kind)
    return f"{protocol}://{host}", path.strip("/").split("/")


def _azure(base: str, parts: list[str]) -> Target:
    """An organisation, or a project in it; a server of one's own is named down to the collection."""
    host, _, domain = base.removeprefix("https://").partition(".")
    names = [unquote(each) for each in parts]
    if domain == "visualstudio.com":  # what organisations were called before
        base, names = f"https://{PUBLIC_HOSTS[Kind.AZURE]}", [host, *(each for each in names if each)]
    if not all(_PROJECT.fullmatch(each) for each in names):
        raise _wrong(Kind.AZURE)
    if base != f"https://{PUBLIC_HOSTS[Kind.AZURE]}":
        return Target(Kind.AZURE, "/".join((base, *(quote(each) for each in names))), "")
    if len(names) > _MOST_PARTS[Kind.AZURE] or not _NAME.fullmatch(names[0]):
        raise _wrong(Kind.AZURE)
    return Target(Kind.AZURE, f"{base}/{names[0]}", "".join(names[1:]))


def _wrong(kind: Kind) -> UsageError:
    return UsageError(f"the {kind} target names nothing that can be listed: write {_SHAPES[kind]}.")


def _shown(text: str) -> str:
    """What was typed, if that is short and can be shown."""
    return text if text.isprintable() and text and len(text) <= 200 else "what was named"
