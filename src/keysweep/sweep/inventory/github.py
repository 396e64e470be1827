"""Repositories, wikis and gists on GitHub: github.com, GitHub Enterprise Cloud and Server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from github.GithubObject import NonCompletableGithubObject
from github.PaginatedList import PaginatedList
from github.Requester import Requester

from keysweep.findings import Secret
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.asking import Asked, bearer
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.githubs import repository_and_wiki
from keysweep.sweep.inventory.pages import Wanted, beside, kept, listed_rows
from keysweep.sweep.inventory.rows import clone_url, flag, moment, needed_number, needed_text, number, text
from keysweep.sweep.inventory.rows import field as value
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.tokens import Login

_PER_PAGE = 100
_FIELDS = (
    "id",
    "full_name",
    "clone_url",
    "html_url",
    "size",
    "pushed_at",
    "private",
    "archived",
    "fork",
    "default_branch",
    "topics",
    "has_wiki",
    "git_pull_url",
    "updated_at",
    "public",
    "owner",
    "files",
)
"""What is kept of each row while its list lasts; GitHub sends ten times as much."""


def api(target: Target) -> str:
    """Where the API of a host is."""
    host = target.host
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{target.base}/api/v3"


def authorization(login: Login | None) -> Secret | None:
    """The login as the API wants it."""
    return bearer(login)


def listed(target: Target, asked: Asked, wanted: Wanted) -> Iterator[Listed]:
    """All repositories of an organisation or a user, their wikis, and the gists of a user."""
    account = asked.get(f"users/{target.name}").content
    name = quote(text(account, "login") or target.name, safe="")  # another one, where it was renamed
    is_organisation, own = text(account, "type") == "Organization", False
    if is_organisation:
        address, parameters = f"/orgs/{name}/repos", {"type": "all"}
    elif own := _is_own(account, asked):
        address, parameters = "/user/repos", {"affiliation": "owner"}  # the only list that has private ones
    else:
        address, parameters = f"/users/{name}/repos", {"type": "owner"}
    read = partial(_repository, target, wanted)
    found = _rows(asked, address, {**parameters, "sort": "created", "direction": "asc"})
    yield from kept(found, read, "the repositories", wanted.on_problem)
    if not is_organisation and wanted.filters.snippets:
        gists = _rows(asked, "/gists" if own else f"/users/{name}/gists", {})
        yield from beside(
            kept(gists, partial(_gist, target), "the gists", wanted.on_problem), "the gists", wanted.on_problem
        )


def _is_own(account: object, asked: Asked) -> bool:
    """Whether the token is one of the very user."""
    if not asked.has_login:
        return False
    try:
        user = asked.get("user").content
    except HostError as error:
        if error.status in (401, 403, 404):
            return False
        raise
    return number(user, "id") == needed_number(account, "id")


class _Asking(Requester):
    """PyGithub's way to GitHub, by ours."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(None, asked.api, 60, "keysweep", _PER_PAGE, True, None, None)
        self._asked = asked

    def requestJsonAndCheck(  # noqa: N802 - PyGithub's name
        self,
        verb: str,  # noqa: ARG002 - as all that follow: PyGithub lists without them
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,  # noqa: ARG002
        input: Any | None = None,  # noqa: A002, ARG002
        follow_302_redirect: bool = False,  # noqa: ARG002
    ) -> tuple[dict[str, Any], Any]:
        """One page."""
        answer = self._asked.get(url, parameters)
        found = [each for each in listed_rows(answer.content) if isinstance(each, dict)]
        return {"link": f'<{answer.next_page}>; rel="next"'} if answer.next_page else {}, found


class _Row(NonCompletableGithubObject):
    """A row as it came: PyGithub's own classes ask for each repository again that lacks a field."""

    def _initAttributes(self) -> None:  # noqa: N802
        """Nothing beyond the row."""

    def _useAttributes(self, attributes: dict[str, Any]) -> None:  # noqa: N802
        """Nothing beyond the row."""


def _rows(asked: Asked, address: str, parameters: dict[str, Any]) -> Iterator[object]:
    shorter = partial(_only, _FIELDS)
    for row in PaginatedList(_Row, _Asking(asked), address, parameters, attributesTransformer=shorter):
        yield row.raw_data


def _only(names: tuple[str, ...], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _repository(target: Target, wanted: Wanted, row: object) -> Iterator[Listed]:
    fork_of = "" if flag(row, "fork") else None
    yield from repository_and_wiki(target, wanted, row, pushed="pushed_at", fork_of=fork_of)


def _gist(target: Target, row: object) -> Iterator[Listed]:
    identity, public = needed_text(row, "id"), flag(row, "public")
    files = value(row, "files")
    sizes = [number(each, "size") or 0 for each in files.values()] if isinstance(files, dict) else []
    yield Listed(
        identity=f"{target.host}/gist/{identity}",
        name=f"{text(row, 'owner', 'login') or target.name}/{identity}",
        url=clone_url(needed_text(row, "git_pull_url"), target.base, f"gist.{target.host}"),
        holds=Holds.SNIPPET,
        page=text(row, "html_url"),
        size_bytes=sum(sizes) if sizes else None,
        pushed=moment(row, "updated_at"),
        private=None if public is None else not public,
    )
