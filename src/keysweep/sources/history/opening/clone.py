"""A repository elsewhere, mirrored whole: every ref that its server offers, into a directory of our own."""

from __future__ import annotations

import os

from keysweep import git
from keysweep.errors import GitError
from keysweep.frozen import replace
from keysweep.sources.history.opening.addresses import Address
from keysweep.sources.history.opening.remote import NO_MORE, Access, talk
from keysweep.sources.progress import OnProgress

_EVERY_REF = "+refs/*:refs/*"


def clone(
    address: Address, directory: str, on_progress: OnProgress | None = None, access: Access = NO_MORE
) -> str:
    """Clone into `directory`, which has to be empty; returns the path of the mirror. Raises as `talk` does."""
    mirror = os.path.join(directory, "mirror.git")
    command = ("clone", "--mirror", _told(on_progress), "--template=", "--", address.url, mirror)
    talk(address, directory, command, "could not be cloned", access=access, on_progress=on_progress)
    _check_that_git_answers(address, mirror, access)
    return mirror


def _told(on_progress: OnProgress | None) -> str:
    return "--progress" if on_progress else "--no-progress"


def update(address: Address, mirror: str, on_progress: OnProgress | None = None, access: Access = NO_MORE) -> None:
    """Bring a mirror to where its server is; objects that no ref reaches any more stay. Raises as `talk` does."""
    command = ("fetch", "--prune", "--no-write-fetch-head", _told(on_progress), "--", address.url, _EVERY_REF)
    talk(address, mirror, command, "could not be fetched", access=access, on_progress=on_progress)
    _check_that_git_answers(address, mirror, access)


def _check_that_git_answers(address: Address, mirror: str, access: Access) -> None:
    """GitError for a page where a repository should be, a login form say: to git it looks like one without refs.

    Of the packets of its protocol (git(1), GIT_TRACE_PACKET) git has seen none then.
    """
    is_web = address.url.startswith(("http://", "https://"))
    if not is_web or git.run(("for-each-ref", "--count=1"), mirror):
        return
    packets = os.path.join(mirror, "packets")
    watched = {**(access.environment or {}), "GIT_TRACE_PACKET": packets}
    offered(address, mirror, replace(access, environment=watched))
    try:
        os.unlink(packets)
    except FileNotFoundError:
        raise GitError(f"{address.url} answers with something that is no repository: check the address.") from None


def offered(address: Address, directory: str, access: Access = NO_MORE) -> dict[str, str]:
    """The refs that a server offers, with the objects that they name. Raises as `talk` does."""
    command = ("ls-remote", "--refs", "--", address.url)
    printed = talk(address, directory, command, "could not be asked for its refs", access=access, reads=True)
    refs = (line.partition("\t") for line in printed.decode("utf-8", "surrogateescape").split("\n"))
    return {name: object_id for object_id, _, name in refs if name}
