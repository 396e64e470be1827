"""How git is let in where a host asks for a token: by a helper that answers that host alone, and no argument."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from keysweep.sources.history.opening.remote import NO_MORE, Access
from keysweep.sweep.tokens import Login, login_for

_USER, _PASSWORD = "KEYSWEEP_GIT_USER", "KEYSWEEP_GIT_PASSWORD"
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USER}" "${_PASSWORD}"; }}; f'
"""Run by git's own shell; what it prints is in the environment of git, where nobody else can read it."""
_KEPT = 64


def access_to(kind: str, url: str) -> Access:
    """What git needs for a repository at `url` of a host of this `kind`, beside the user's own set-up.

    A token goes to the host that it is for, and by https, or to this machine.
    """
    address = urlsplit(url)
    if not kind or address.scheme not in {"https", "http"} or not address.netloc:
        return NO_MORE
    login = _login(kind, address.netloc)
    return NO_MORE if login is None else access_by(login, f"{address.scheme}://{address.netloc}")


def access_by(login: Login, server: str) -> Access:
    """What lets git in at `server` and nowhere else."""
    settings = ("credential.helper=", f"credential.{server}.helper={_HELPER}")
    return Access(settings, {_USER: login.user, _PASSWORD: login.secret.reveal()})


_login = lru_cache(_KEPT)(login_for)
"""A credential helper takes a while to answer, and every repository of a host asks for the same."""
