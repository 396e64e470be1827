"""Repositories and wikis on Azure DevOps, project by project: in the cloud, or a server of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from keysweep.findings import Secret
from keysweep.repositories import Listed
from keysweep.sweep.inventory.asking import Asked, basic
from keysweep.sweep.inventory.filters import WIKI_ENDING
from keysweep.sweep.inventory.pages import Wanted, beside, kept, listed_rows
from keysweep.sweep.inventory.rows import clone_url, field, flag, needed_text, number, text
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.inventory.wikis import wiki_of
from keysweep.sweep.tokens import Login

_VERSION = {"api-version": "6.0"}
"""Understood by the cloud, and by servers since 2020."""
_PER_PAGE = 100
_PROJECT_WIKI = "projectWiki"


def api(target: Target) -> str:
    """Where the API of a host is."""
    return target.base


def authorization(login: Login | None) -> Secret | None:
    """The login as the API wants it: a token, beside whichever user."""
    return basic(login)


def listed(target: Target, asked: Asked, wanted: Wanted) -> Iterator[Listed]:
    """All repositories of all projects, or of the one that is named, and the wikis of projects."""
    asked.session.headers["X-TFS-FedAuthRedirect"] = "Suppress"  # no page to sign in, but a status
    if target.name:
        yield from _of_project(
            target, asked, wanted, asked.get(f"_apis/projects/{quote(target.name)}", _VERSION).content
        )
        return
    for project in _projects(asked):
        what = f"the repositories of {text(project, 'name') or 'a project'}"
        yield from beside(_of_project(target, asked, wanted, project), what, wanted.on_problem)


def _projects(asked: Asked) -> Iterator[object]:
    """All projects; each page says in a header where the next one begins."""
    parameters: dict[str, str | int] = {**_VERSION, "$top": _PER_PAGE}
    while True:
        answer = asked.get("_apis/projects", parameters)
        yield from listed_rows(answer.content, "value")
        begins = answer.headers.get("x-ms-continuationtoken")
        if not begins:
            return
        parameters["continuationToken"] = begins


def _of_project(target: Target, asked: Asked, wanted: Wanted, project: object) -> Iterator[Listed]:
    name, visibility = needed_text(project, "name"), text(project, "visibility")
    private = None if visibility is None else visibility != "public"
    address = f"{quote(needed_text(project, 'id'), safe='')}/_apis"
    found = listed_rows(asked.get(f"{address}/git/repositories", _VERSION).content, "value")
    read = partial(_repository, target, private)
    yield from kept(found, read, f"the repositories of {name}", wanted.on_problem)
    if wanted.filters.wikis:
        what = f"the wiki of {name}"
        yield from beside(_wikis(target, asked, wanted, address, name, private), what, wanted.on_problem)


def _repository(target: Target, private: bool | None, row: object) -> Iterator[Listed]:
    forked = field(row, "parentRepository")
    origin = text(forked, "id")
    is_fork = forked is not None or bool(flag(row, "isFork"))
    branch = text(row, "defaultBranch")
    yield Listed(
        identity=f"{target.host}/repository/{needed_text(row, 'id')}",
        name=f"{needed_text(row, 'project', 'name')}/{needed_text(row, 'name')}",
        url=clone_url(needed_text(row, "webUrl"), target.base),  # `remoteUrl` has a user in it
        page=text(row, "webUrl"),
        size_bytes=number(row, "size"),
        private=private,
        archived=bool(flag(row, "isDisabled")),
        fork_of=None if not is_fork else f"{target.host}/repository/{origin}" if origin else "",
        default_branch=branch.removeprefix("refs/heads/") if branch else None,
    )


def _wikis(
    target: Target, asked: Asked, wanted: Wanted, address: str, project: str, private: bool | None
) -> Iterator[Listed]:
    """The wiki that a project has in a repository of its own; others are directories of repositories of code."""
    found = listed_rows(asked.get(f"{address}/wiki/wikis", _VERSION).content, "value")
    projects = (each for each in found if text(each, "type") == _PROJECT_WIKI)
    yield from kept(
        projects, partial(_wiki, target, project, private), f"the wiki of {project}", wanted.on_problem
    )


def _wiki(target: Target, project: str, private: bool | None, row: object) -> Iterator[Listed]:
    """The repository of a wiki has its name, and is in no list of repositories."""
    name = needed_text(row, "name")
    code = Listed(
        identity=f"{target.host}/repository/{needed_text(row, 'repositoryId')}",
        name=f"{project}/{name.removesuffix(WIKI_ENDING)}",
        url="",
        private=private,
    )
    url = f"{target.base}/{quote(project, safe='')}/_git/{quote(name, safe='')}"
    yield wiki_of(code, clone_url(url, target.base), text(row, "remoteUrl"))
