"""Repositories and wikis of an organisation or a user on Gitea and Forgejo, which have one API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from keysweep.findings import Secret
from keysweep.repositories import Listed
from keysweep.sweep.inventory.asking import Asked, basic, bearer
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.githubs import repository_and_wiki
from keysweep.sweep.inventory.pages import Wanted, kept, pages
from keysweep.sweep.inventory.rows import flag, number
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.tokens import Login

_PER_PAGE = 50
"""More is cut to this by default."""


def api(target: Target) -> str:
    """Where the API of a host is."""
    return f"{target.base}/api/v1"


def authorization(login: Login | None) -> Secret | None:
    """The login as the API wants it: as a token, or as a user with a password."""
    return basic(login) if login and login.api_user else bearer(login, "token")


def listed(target: Target, asked: Asked, wanted: Wanted) -> Iterator[Listed]:
    """All repositories, with their wikis."""
    read = partial(_repository, target, wanted)
    found = pages(asked, f"{_owner(target, asked)}/repos", {"limit": _PER_PAGE})
    yield from kept(found, read, "the repositories", wanted.on_problem)


def _owner(target: Target, asked: Asked) -> str:
    """Where the API has whoever is named: an organisation, or else a user."""
    try:
        asked.get(f"orgs/{target.name}")
    except HostError as error:
        if error.status != 404:
            raise
        return f"users/{target.name}"
    return f"orgs/{target.name}"


def _repository(target: Target, wanted: Wanted, row: object) -> Iterator[Listed]:
    forked = number(row, "parent", "id")
    fork_of = None if not flag(row, "fork") else "" if forked is None else f"{target.host}/repository/{forked}"
    yield from repository_and_wiki(target, wanted, row, pushed="updated_at", fork_of=fork_of)
