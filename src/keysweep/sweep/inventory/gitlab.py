"""Projects of a group and all its subgroups, or of a user, on GitLab, with their wikis and snippets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gitlab import Gitlab
from gitlab.base import RESTObject
from gitlab.exceptions import GitlabError
from gitlab.v4.objects import User

from keysweep.findings import Secret
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.asking import Asked, HostError, bearer
from keysweep.sweep.inventory.filters import WIKI_ENDING
from keysweep.sweep.inventory.pages import Wanted, beside, kept
from keysweep.sweep.inventory.rows import (
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

_LIST: dict[str, Any] = {"iterator": True, "per_page": 100, "obey_rate_limit": False}
_BY_NUMBER: dict[str, Any] = {**_LIST, "order_by": "id", "sort": "asc"}
"""So that what is added meanwhile comes last, and no page is missed."""
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
    try:
        group = client.groups.get(target.name, with_projects=False)
    except HostError as error:
        if error.status != 404 or "/" in target.name:
            raise
        user = next(_rows(client.users.list(username=target.name, **_LIST)), None)
        if user is None:
            raise error from None
        yield from _projects(
            target, client, wanted, client.users.get(needed_number(user, "id"), lazy=True), "the projects"
        )
        return
    yield from _projects(target, client, wanted, group, "the projects")
    try:
        for each in _rows(group.descendant_groups.list(**_BY_NUMBER)):
            subgroup = client.groups.get(needed_number(each, "id"), lazy=True)
            what = f"the projects of {text(each, 'full_path') or 'a subgroup'}"
            yield from beside(_projects(target, client, wanted, subgroup, what), what, wanted.on_problem)
    except HostError as error:
        wanted.on_problem(f"not all subgroups are listed: {error}")


def _rows(found: Iterable[RESTObject]) -> Iterator[dict[str, Any]]:
    """The attributes of each, with what python-gitlab raises for lists that are none as our own."""
    try:
        for each in found:
            yield each.attributes
    except (GitlabError, LookupError, TypeError):
        raise HostError("the answer holds no list") from None


def _projects(target: Target, client: Gitlab, wanted: Wanted, owner: Any, what: str) -> Iterator[Listed]:
    """The projects of a group or of a user."""
    further = {} if isinstance(owner, User) else {"include_subgroups": False, "with_shared": False}
    found = _rows(owner.projects.list(**_BY_NUMBER, **further))
    yield from kept(found, partial(_project, target, client, wanted), what, wanted.on_problem)


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
        snippets = _rows(client.projects.get(number_of, lazy=True).snippets.list(**_LIST))
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
