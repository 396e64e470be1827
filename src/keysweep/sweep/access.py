"""How git is let in where a host asks for a token: by a helper that answers that host alone, and no argument."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from keysweep.sources.history.opening.remote import NO_MORE, Access
from keysweep.sweep.tokens import Login, is_this_machine, login_for

_USER, _PASSWORD = "KEYSWEEP_GIT_USER", "KEYSWEEP_GIT_PASSWORD"
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USER}" "${_PASSWORD}"; }}; f'
"""Run by git's own shell; what it prints is in the environment of git, where nobody else can read it."""
_KEPT = 64


def access_to(kind: str, url: str) -> Access:
    """What git needs for a repository at `url` of a host of this `kind`, beside the user's own set-up.

    A token goes to the host that it is for, and by https, or to this machine.
    """
    login = login_at(kind, url)
    if login is None:
        return NO_MORE
    address = urlsplit(url)
    server = f"{address.scheme}://{address.netloc}"
    settings = ("credential.helper=", f"credential.{server}.helper={_HELPER}")
    return Access(settings, {_USER: login.user, _PASSWORD: login.secret.reveal()})


def login_at(kind: str, url: str) -> Login | None:
    """The token for a repository at `url`, of a host of this `kind`; None where none may go there."""
    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and is_this_machine(address.hostname or "")):
        return None
    return _login(kind, address.netloc)


_login = lru_cache(_KEPT)(login_for)
"""A credential helper takes a while to answer, and every repository of a host asks for the same."""


def forget_logins() -> None:
    """Ask for tokens anew: some are good for an hour."""
    _login.cache_clear()
