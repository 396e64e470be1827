"""Git that talks to the server of a repository: the one place that does, and that uses GitPython.

It starts git with the settings of `git.clone_settings`, and understands its progress.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from keysweep import git
from keysweep.errors import GitError, KeysweepError, UsageError
from keysweep.frozen import frozen
from keysweep.sources.history.opening.addresses import Address, protocols_of, without_credentials
from keysweep.sources.progress import OnProgress, Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_READ_BYTES = 1 << 16
_MOST_LINE_BYTES = 4096
_MOST_LINES = 40
_MOST_REASON = 400
"""Characters of what a server says that are told to people."""
_MOST_BYTES = 256 << 20
"""That a server may say before anything is fetched: two million refs."""
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_RECEIVED = re.compile(r"([\d.]+) (bytes|[KMGT]iB)")
_VAGUE = re.compile(r"fatal: (?:Could not read from remote repository|the remote end hung up|early EOF)")
_FULL = re.compile(r"No space left on device|Disk quota exceeded|File too large|unable to create temporary file")
_DENIED = re.compile(
    r"not found|not appear to be a git repository|does not exist|no such repository|not exported|access denied|"
    r"permission denied|not authori[sz]ed|authentication failed|could not read (?:username|password)|"
    r"returned error: 40[134]|transport '.*' not allowed",
    re.IGNORECASE,
)
"""What git and forges say where the address is wrong or the user may not read it: to try again is no use."""
_REFUSED = re.compile(
    r"authentication failed|could not read (?:username|password)|returned error: 40[13]", re.IGNORECASE
)
"""Of these, what they say where a login is not taken: with another one it may be of use."""


class NoRoomError(GitError):
    """There is no room on the disk for what the server sends."""


class RefusedError(UsageError):
    """The server does not take the login, or asks for one."""


@frozen
class Access:
    """What git needs to be let in, beside what the user has set up; a secret is in the environment only."""

    settings: tuple[str, ...] = ()
    """For `git -c`."""
    environment: Mapping[str, str] | None = None


NO_MORE = Access()
_ALL_AT_ONCE = "protocol.version=0"
"""Every ref is wanted, and the first version tells them at once, where the second one has to be asked for them."""


def talk(
    address: Address,
    directory: str,
    command: Sequence[str],
    failing: str,
    *,
    access: Access = NO_MORE,
    on_progress: OnProgress | None = None,
    reads: bool = False,
) -> bytes:
    """Run a git command that asks `address`, in `directory`; returns what it printed, if it `reads`.

    Raises UsageError where there is no such repository for this user, GitError for every other failure; both say
    that the address `failing`, as in `could not be cloned`.
    """
    try:
        from git import Git, RemoteProgress
        from git.exc import GitCommandNotFound
    except ImportError as error:  # what GitPython raises where there is no git
        raise GitError("git was not found on the PATH: install git 2.30 or newer.") from error

    class Heard(RemoteProgress):
        """Tells `on_progress` what git says of its progress."""

        def update(
            self, op_code: int, cur_count: str | float, max_count: str | float | None = None, message: str = ""
        ) -> None:
            if on_progress:
                phase = "resolving" if op_code & self.RESOLVING else "cloning"
                if op_code & (self.RESOLVING | self.RECEIVING):
                    on_progress(Progress(phase, int(cur_count or 0), int(max_count or 0), _received(message)))
                else:
                    on_progress(Progress(phase))

    Git.check_unsafe_protocols(address.url)
    protocols = (*address.protocols, *protocols_of(_rewritten(address.url, directory)))
    settings, environment = git.clone_settings(protocols)
    client = Git(directory)
    client.set_persistent_git_options(c=[*settings, _ALL_AT_ONCE, *access.settings])
    client.update_environment(**environment, **(access.environment or {}))
    try:
        run = getattr(client, command[0].replace("-", "_"))
        process = run(*command[1:], as_process=True, with_stdout=reads)
    except GitCommandNotFound as error:
        raise GitError("git was not found on the PATH: install git 2.30 or newer.") from error
    heard = Heard()
    hear = heard.new_message_handler()
    said: deque[str] = deque(maxlen=_MOST_LINES)
    try:
        printed = _printed(process.stdout, address.url) if reads else b""
        for line in _lines(process.stderr):
            hear(line)
            said.extend((*heard.error_lines, *heard.other_lines))
            heard.error_lines.clear()
            heard.other_lines.clear()
        code = process.proc.wait()
    except BaseException:
        process.terminate()
        process.proc.wait()
        raise
    if code:
        raise _failure(address.url, list(said), code, failing)
    return printed


def _rewritten(url: str, directory: str) -> str:
    """The address that the user's configuration puts in the place of another."""
    if not _are_rewritten(os.environ.get("GIT_CONFIG_GLOBAL"), os.environ.get("GIT_CONFIG_COUNT")):
        return url
    return git.run(("ls-remote", "--get-url", "--", url), directory).decode("utf-8", "replace").strip()


@lru_cache(4)
def _are_rewritten(*_: str | None) -> bool:
    """Whether that is done to any address: one question for thousands of repositories of an organisation."""
    return bool(git.answer(("config", "--get-regexp", r"^url\..*\.(insteadof|pushinsteadof)$")))


def _printed(stream: IO[bytes], url: str) -> bytes:
    """All that git prints; a server that goes on for ever is a GitError."""
    pieces, size = [], 0
    while piece := os.read(stream.fileno(), _READ_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > _MOST_BYTES:
            raise GitError(f"{url} offers more refs than can be read: look at what its server sends.")
    return b"".join(pieces)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """What git says, line by line; progress is lines that end with a carriage return."""
    rest = b""
    while piece := os.read(stream.fileno(), _READ_BYTES):
        *lines, rest = re.split(rb"[\r\n]+", rest + piece)
        rest = rest[:_MOST_LINE_BYTES]
        yield from (line[:_MOST_LINE_BYTES].decode("utf-8", "replace") for line in lines)
    yield rest.decode("utf-8", "replace")


def _received(message: str) -> int:
    size = _RECEIVED.match(message)
    return int(float(size.group(1)) * _UNITS[size.group(2)]) if size else 0


def _failure(url: str, said: list[str], code: int, failing: str) -> KeysweepError:
    """One sentence with git's own reason, without control characters and credentials."""
    everything = "\n".join(said)
    if _FULL.search(everything):
        return NoRoomError(
            f"{url} {failing}, because the disk that temporary files go to is full: free some room, or set TMPDIR "
            "to a directory that has more."
        )
    reason = _reason(said) or (f"git was ended by signal {-code}" if code < 0 else f"exit code {code}")
    if _DENIED.search(everything):
        kind = RefusedError if _REFUSED.search(everything) else UsageError
        return kind(f"{url} {failing} ({reason}): check the address, and that you may read it.")
    return GitError(f"{url} {failing} ({reason}): try again.")


def _reason(said: list[str]) -> str:
    """What git says first when it gives up, or what was said before if that is only that it was told no more."""
    lines = [line for line in said if line.strip() and not line.startswith(("Cloning into", "warning:"))]
    fatal = next((number for number, line in enumerate(lines) if line.startswith("fatal:")), len(lines))
    if fatal == len(lines) or (fatal and _VAGUE.match(lines[fatal])):
        fatal -= 1
    if fatal < 0:
        return ""
    told = " ".join(lines[fatal : fatal + 1 + lines[fatal].endswith(":")])
    text = without_credentials(told).removeprefix("fatal: ").removeprefix("remote: ")
    safe = "".join(each if each.isprintable() else "?" for each in text.strip(" .\0"))
    return safe if len(safe) <= _MOST_REASON else f"{safe[:_MOST_REASON]}…"
