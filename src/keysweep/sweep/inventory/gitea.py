"""Repositories and wikis of an organisation or a user on Gitea and Forgejo, which have one API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from keysweep.findings import Secret
from keysweep.repositories import Listed
from keysweep.sweep.inventory.asking import Asked, basic, bearer
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.filters import WIKI_ENDING
from keysweep.sweep.inventory.pages import Wanted, kept, pages
from keysweep.sweep.inventory.rows import clone_url, flag, moment, needed_number, needed_text, number, text, texts
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.inventory.wikis import wiki_of
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
    url, size = clone_url(needed_text(row, "clone_url"), target.base), number(row, "size")
    forked = number(row, "parent", "id")
    repository = Listed(
        identity=f"{target.host}/repository/{needed_number(row, 'id')}",
        name=needed_text(row, "full_name"),
        url=url,
        page=text(row, "html_url"),
        size_bytes=None if size is None else size * 1024,
        pushed=moment(row, "updated_at"),
        private=flag(row, "private"),
        archived=bool(flag(row, "archived")),
        fork_of=None if not flag(row, "fork") else "" if forked is None else f"{target.host}/repository/{forked}",
        default_branch=text(row, "default_branch"),
        topics=texts(row, "topics"),
    )
    yield repository
    if flag(row, "has_wiki") and wanted.filters.wikis:
        page = f"{repository.page}/wiki" if repository.page else None
        yield wiki_of(repository, f"{url.removesuffix('.git')}{WIKI_ENDING}.git", page)
