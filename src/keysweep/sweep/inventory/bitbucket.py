"""Repositories, wikis and snippets of a workspace on bitbucket.org."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from keysweep.findings import Secret
from keysweep.repositories import Holds, Listed
from keysweep.sweep.inventory.asking import Asked, basic, bearer
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.pages import Wanted, beside, kept, listed_rows
from keysweep.sweep.inventory.rows import (
    UnusableError,
    clone_url,
    field,
    flag,
    moment,
    needed_text,
    number,
    rows,
    text,
)
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.inventory.wikis import wiki_of
from keysweep.sweep.tokens import Login

_PER_PAGE = 100


def api(target: Target) -> str:
    """Where the API of a host is."""
    return "https://api.bitbucket.org/2.0" if target.host == "bitbucket.org" else f"{target.base}/2.0"


def authorization(login: Login | None) -> Secret | None:
    """The login as the API wants it: as a token, or as a user with a password."""
    return basic(login) if login and login.api_user else bearer(login)


def listed(target: Target, asked: Asked, wanted: Wanted) -> Iterator[Listed]:
    """All repositories of a workspace, their wikis, and its snippets."""
    found = _rows(asked, f"repositories/{target.name}", {"pagelen": _PER_PAGE, "sort": "created_on"})
    yield from kept(found, partial(_repository, target, wanted), "the repositories", wanted.on_problem)
    if wanted.filters.snippets:
        snippets = _rows(asked, f"snippets/{target.name}", {"pagelen": _PER_PAGE})
        read = partial(_snippet, target)
        yield from beside(
            kept(snippets, read, "the snippets", wanted.on_problem), "the snippets", wanted.on_problem
        )


def _rows(asked: Asked, address: str, parameters: dict[str, str | int]) -> Iterator[object]:
    """The rows of a list of which each page names the next in its content."""
    content = asked.get(address, parameters).content
    while True:
        yield from listed_rows(content, "values")
        following = text(content, "next")
        if following is None:
            if field(content, "next") is not None:
                raise HostError("its link to the next page cannot be read")
            return
        content = asked.get(following).content


def _repository(target: Target, wanted: Wanted, row: object) -> Iterator[Listed]:
    url, private = _clone_link(target, row), flag(row, "is_private")
    forked = field(row, "parent")
    repository = Listed(
        identity=f"{target.host}/repository/{needed_text(row, 'uuid')}",
        name=needed_text(row, "full_name"),
        url=url,
        page=text(row, "links", "html", "href"),
        size_bytes=number(row, "size"),
        pushed=moment(row, "updated_on"),
        private=private,
        fork_of=None if forked is None else _forked(target, forked),
        default_branch=text(row, "mainbranch", "name"),
    )
    yield repository
    if flag(row, "has_wiki") and wanted.filters.wikis:
        page = f"{repository.page}/wiki" if repository.page else None
        yield wiki_of(repository, f"{url.removesuffix('.git')}.git/wiki", page)


def _forked(target: Target, origin: object) -> str:
    uuid = text(origin, "uuid")
    return f"{target.host}/repository/{uuid}" if uuid else text(origin, "full_name") or ""


def _clone_link(target: Target, row: object) -> str:
    """The address for https, without the name of the user that Bitbucket puts into it."""
    for link in rows(row, "links", "clone"):
        href = text(link, "href")
        if text(link, "name") == "https" and href:
            protocol, _, rest = href.partition("://")
            host, slash, path = rest.partition("/")
            user, _, host = host.rpartition("@")
            if ":" in user:
                raise UnusableError("a repository was listed with an address that holds a password")
            return clone_url(f"{protocol}://{host}{slash}{path}", target.base)
    raise UnusableError("a repository was listed without an address for https")


def _snippet(target: Target, row: object) -> Iterator[Listed]:
    identity = needed_text(row, "id")
    yield Listed(
        identity=f"{target.host}/snippet/{identity}",
        name=f"{target.name}/snippets/{identity}",
        url=_clone_link(target, row),
        holds=Holds.SNIPPET,
        page=text(row, "links", "html", "href"),
        pushed=moment(row, "updated_on"),
        private=flag(row, "is_private"),
    )
