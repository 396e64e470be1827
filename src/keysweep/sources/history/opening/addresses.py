"""Addresses of repositories elsewhere: which ones may be cloned, and how they are shown."""

from __future__ import annotations

import re

from keysweep.errors import UsageError
from keysweep.frozen import frozen

_PROTOCOLS = {
    "https": ("https",),
    "http": ("http", "https"),  # servers lead from the one to the other
    "ssh": ("ssh",),
    "git": ("git",),
}
"""What each kind of address may use."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_BY_SSH = re.compile(r"(?:[^/:\\]{2,}|[^/:\\\[]*\[[^/\\\]]+\]):(?!:).+", re.DOTALL)
"""`host:path`, as ssh and scp have it; one letter before the colon is a drive of Windows."""
_HOST = re.compile(r"(?!-)(?:[^:\[\]]+|\[[0-9A-Za-z:.%]+\])(?::\d*)?")
_USER = re.compile(r"(?<=://)[^/@\s]*@")


@frozen
class Address:
    """An address that may be cloned."""

    url: str
    protocols: tuple[str, ...]
    """What git may use for it."""


def is_address(text: str) -> bool:
    """Whether this is an address rather than a path of this machine."""
    return bool(_URL.fullmatch(text) or _HELPER.match(text) or _BY_SSH.fullmatch(text))


def address(text: str) -> Address:
    """The address, if it is one that can be cloned without handing out or running anything.

    Raises UsageError if not, without a word of the credentials that it may hold.
    """
    if any(not each.isprintable() or each.isspace() for each in text):
        raise UsageError("the address of the repository holds blanks or control characters: leave them out.")
    url = _URL.fullmatch(text)
    by_ssh = None if url or _HELPER.match(text) else _BY_SSH.fullmatch(text)
    protocol = url.group(1).lower() if url else "ssh" if by_ssh else ""
    if protocol not in _PROTOCOLS:
        kind = protocol or text.partition("::")[0]
        raise UsageError(
            f"{kind} addresses are not cloned: use https://, http://, ssh://, git://, user@host:path or file:///."
        )
    host, _, path = (url.group(2) if url else text).partition("/" if url else ":")
    if _has_credentials(protocol, host, path):
        raise UsageError(
            f"the {protocol} address holds a user name, a password or a token, which other users of this machine "
            "could read: leave it out and let a credential helper answer (`git help credentials`)."
        )
    if text.startswith("-") or not _HOST.fullmatch(host.rpartition("@")[2]):
        raise UsageError("the address names no host that can be asked: check it.")
    return Address(text, _PROTOCOLS[protocol])


def _has_credentials(protocol: str, host: str, path: str) -> bool:
    """Whether there is more in it than the name of an account that ssh needs; a query may hold a token."""
    user, has_user, _ = host.rpartition("@")
    if protocol == "ssh":
        return ":" in user or "@" in path.partition("/")[0]
    return bool(has_user) or "?" in path


def protocols_of(text: str) -> tuple[str, ...]:
    """What git may use for an address that the user's own configuration put in the place of another."""
    url = _URL.fullmatch(text)
    return _PROTOCOLS.get(url.group(1).lower() if url else "ssh" if _BY_SSH.fullmatch(text) else "", ())


def without_credentials(text: str) -> str:
    """A message of git without what addresses in it may hold before their host."""
    return _USER.sub("", text)
