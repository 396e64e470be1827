"""Repositories of an organisation, as whoever hosts them lists them: frozen values."""

from __future__ import annotations

from enum import StrEnum

from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


class Holds(StrEnum):
    """What a repository holds; the values are stable names that the store and filters use."""

    CODE = "code"
    WIKI = "wiki"
    """The pages beside a repository of code; hosts offer one before anybody has written a page."""
    SNIPPET = "snippet"
    """A gist of GitHub, a snippet of GitLab or Bitbucket."""


@frozen
class Listed:
    """A repository as its host lists it. Names and texts are not yet safe for a terminal."""

    identity: str
    """What stays when it is renamed or moved: host and the host's own number (`github.com/repository/1296269`), or
    the address where a host has none."""
    name: str
    """In full, such as `group/subgroup/project`."""
    url: str
    """Where it is cloned from, without credentials: an address, or the path of a directory."""
    holds: Holds = Holds.CODE
    page: str | None = None
    """Its page for people."""
    size_bytes: int | None = None
    """As the host says, which is roughly; None where it does not."""
    pushed: datetime | None = None
    """When somebody pushed last, aware UTC; None where the host does not say."""
    private: bool | None = None
    archived: bool = False
    fork_of: str | None = None
    """The identity of the repository that it was forked from, or its name where that is all that the host says; an
    empty text where it is a fork of something unknown."""
    default_branch: str | None = None
    topics: tuple[str, ...] = ()
