"""Projects of a group and all its subgroups, or of a user, on GitLab, with their wikis and snippets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from gitlab import Gitlab
from gitlab.exceptions import GitlabError

from keysweep.findings import Secret
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.asking import Asked, bearer
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.filters import WIKI_ENDING
from keysweep.sweep.inventory.pages import Wanted, beside, kept
from keysweep.sweep.inventory.rows import (
    UnusableError,
    clone_url,
    field,
    flag,
    moment,
    needed_number,
    needed_text,
    number,
    text,
    texts,
)
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.inventory.wikis import wiki_of
from keysweep.sweep.tokens import Login

_BY_NUMBER: dict[str, str | int] = {"order_by": "id", "sort": "asc"}
"""So that what is added meanwhile comes last, and no page is missed."""
_PER_PAGE = 100
_OFF = "disabled"


def api(target: Target) -> str:
    """Where the API of a host is."""
    return f"{target.base}/api/v4"


def authorization(login: Login | None) -> Secret | None:
    """The login as the API wants it."""
    return bearer(login)


def listed(target: Target, asked: Asked, wanted: Wanted) -> Iterator[Listed]:
    """All projects of a group, group by group, so that one that cannot be read costs only itself; or of a user."""
    client = Gitlab(target.base, session=asked.session)
    read = partial(_project, target, client, wanted)
    group = _group(target, asked)
    if group is None:
        user = next(_rows(client, "users", {"username": target.name}), None)
        if user is None:
            raise HostError("there is no group and no user of that name, or the token may not see it")
        found = _rows(client, f"users/{needed_number(user, 'id')}/projects", _BY_NUMBER)
        yield from kept(found, read, "the projects", wanted.on_problem)
        return
    number_of = needed_number(group, "id")
    what = f"the projects of {text(group, 'full_path') or target.name}"
    found = _of_group(client, number_of)
    yield from beside(kept(found, read, what, wanted.on_problem), what, wanted.on_problem)
    try:
        for each in _rows(client, f"groups/{number_of}/descendant_groups", _BY_NUMBER):
            what = f"the projects of {text(each, 'full_path') or 'a subgroup'}"
            found = _of_group(client, needed_number(each, "id"))
            yield from beside(kept(found, read, what, wanted.on_problem), what, wanted.on_problem)
    except (HostError, UnusableError) as error:
        wanted.on_problem(f"not all subgroups are listed: {error}")


def _group(target: Target, asked: Asked) -> object | None:
    """The group that is named; None where there may be a user of that name."""
    try:
        return asked.get(f"groups/{quote(target.name, safe='')}", {"with_projects": "false"}).content or {}
    except HostError as error:
        if error.status != 404 or "/" in target.name:
            raise
        return None


def _of_group(client: Gitlab, number_of: int) -> Iterator[object]:
    """Its projects, without those of subgroups, and those of others that were shared with it."""
    without = {"include_subgroups": "false", "with_shared": "false"}
    return _rows(client, f"groups/{number_of}/projects", {**_BY_NUMBER, **without})


def _rows(client: Gitlab, address: str, parameters: dict[str, str | int]) -> Iterator[object]:
    """The rows of a list, page by page, with what python-gitlab raises for lists that are none as our own."""
    query = {**parameters, "per_page": _PER_PAGE}
    try:
        yield from client.http_list(f"/{address}", query, iterator=True, obey_rate_limit=False)
    except (GitlabError, LookupError, TypeError):
        raise HostError("the answer holds no list") from None


def _project(target: Target, client: Gitlab, wanted: Wanted, row: object) -> Iterator[Listed]:
    number_of, url = needed_number(row, "id"), clone_url(needed_text(row, "http_url_to_repo"), target.base)
    forked, visibility = field(row, "forked_from_project"), text(row, "visibility")
    project = Listed(
        identity=f"{target.host}/repository/{number_of}",
        name=needed_text(row, "path_with_namespace"),
        url=url,
        page=text(row, "web_url"),
        size_bytes=number(row, "statistics", "repository_size"),
        pushed=moment(row, "last_activity_at"),
        private=None if visibility is None else visibility != "public",
        archived=bool(flag(row, "archived")),
        fork_of=None if forked is None else _forked(target, forked),
        default_branch=text(row, "default_branch"),
        topics=texts(row, "topics"),
    )
    yield project
    if wanted.filters.wikis and _is_on(row, "wiki"):
        page = f"{project.page}/-/wikis" if project.page else None
        yield wiki_of(project, f"{url.removesuffix('.git')}{WIKI_ENDING}.git", page)
    if wanted.filters.snippets and _is_on(row, "snippets"):
        what = f"the snippets of {project.name}"
        snippets = _rows(client, f"projects/{number_of}/snippets", {})
        read = partial(_snippet, target, project)
        yield from beside(kept(snippets, read, what, wanted.on_problem), what, wanted.on_problem)


def _is_on(row: object, feature: str) -> bool:
    """Whether a project has a feature; newer GitLab says who may see it, older only whether it is there."""
    level = text(row, f"{feature}_access_level")
    return level != _OFF if level else bool(flag(row, f"{feature}_enabled"))


def _forked(target: Target, origin: object) -> str:
    number_of = number(origin, "id")
    return "" if number_of is None else f"{target.host}/repository/{number_of}"


def _snippet(target: Target, project: Listed, row: object) -> Iterator[Listed]:
    identity, visibility = needed_number(row, "id"), text(row, "visibility")
    yield Listed(
        identity=f"{target.host}/snippet/{identity}",
        name=f"{project.name}/snippets/{identity}",
        url=clone_url(needed_text(row, "http_url_to_repo"), target.base),
        holds=Holds.SNIPPET,
        page=text(row, "web_url"),
        pushed=moment(row, "updated_at"),
        private=None if visibility is None else visibility != "public",
        archived=project.archived,
        topics=project.topics,
    )
