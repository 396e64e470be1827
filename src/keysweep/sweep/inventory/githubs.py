"""A repository in the shape that GitHub gave it and that Gitea and Forgejo took over."""

from __future__ import annotations

from collections.abc import Iterator

from keysweep.repositories import Listed
from keysweep.sweep.inventory.filters import WIKI_ENDING
from keysweep.sweep.inventory.pages import Wanted
from keysweep.sweep.inventory.rows import clone_url, flag, moment, needed_number, needed_text, number, text, texts
from keysweep.sweep.inventory.targets import Target
from keysweep.sweep.inventory.wikis import wiki_of


def repository_and_wiki(
    target: Target, wanted: Wanted, row: object, *, pushed: str, fork_of: str | None
) -> Iterator[Listed]:
    """The repository in a row, and its wiki. `pushed` names the field with the time of the last push."""
    url = clone_url(needed_text(row, "clone_url"), target.base)
    size = number(row, "size")
    repository = Listed(
        identity=f"{target.host}/repository/{needed_number(row, 'id')}",
        name=needed_text(row, "full_name"),
        url=url,
        page=text(row, "html_url"),
        size_bytes=None if size is None else size * 1024,
        pushed=moment(row, pushed),
        private=flag(row, "private"),
        archived=bool(flag(row, "archived")),
        fork_of=fork_of,
        default_branch=text(row, "default_branch"),
        topics=texts(row, "topics"),
    )
    yield repository
    if flag(row, "has_wiki") and wanted.filters.wikis:
        page = f"{repository.page}/wiki" if repository.page else None
        yield wiki_of(repository, f"{url.removesuffix('.git')}{WIKI_ENDING}.git", page)
