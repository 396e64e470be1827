"""The only place that runs git, hardened against the repository it runs in.

A repository's own configuration must not run code, reach the network, or change what a command prints, so
every command gets `SETTINGS` and an environment without git's tracing and helper variables.
Nothing here ever fetches: only `sources/history/opening/remote.py` does, where a user names an address, with the
settings and the environment of `clone_settings`. On the hook's path, so no `subprocess` where the system has
`posix_spawn`.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from keysweep.errors import GitError
from keysweep.git_settings import (
    ADDED,
    BOUND,
    BOUNDED,
    CLONE_SETTINGS,
    DROPPED,
    FLAGS,
    POINTING,
    SETTINGS,
    UNATTENDED,
    USERS_OWN,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import Thread
    from types import TracebackType

_MESSAGE_BYTES = 4096
_LET_GO_SECONDS = 5

quarantine: ContextVar[Mapping[str, str]] = ContextVar("quarantine")
"""Variables that say where the objects of a push are until it is let in: of what is dropped, all that
`sources/received.py` lets through again while it judges that push."""

_ASKED_AHEAD = 32
"""Names that fit into any system's pipe, so that git and this process never wait for one another."""

MISSING = "missing"
TOO_LARGE = "too large"


def run(arguments: Sequence[str], cwd: str | None = None, stdin: bytes | memoryview = b"") -> bytes:
    """Run one git command and return what it printed.

    Raises GitError with git's own words when it fails, and with advice for the failures people meet.
    """
    return _Process(arguments, cwd).communicate(stdin)[0]


def run_warned(arguments: Sequence[str], cwd: str | None = None) -> tuple[bytes, list[str]]:
    """Run one git command that may succeed in part; returns what it printed and the lines it complained in."""
    output, message = _Process(arguments, cwd).communicate(b"")
    return output, message.decode("utf-8", "surrogateescape").splitlines()


def answer(arguments: Sequence[str], cwd: str | None = None, stdin: bytes | memoryview = b"") -> bytes | None:
    """Run a git command whose failure is an answer too; None where it failed."""
    try:
        return run(arguments, cwd, stdin)
    except GitError:
        return None


def object_sizes(names: Sequence[str], cwd: str | None = None) -> list[tuple[int, bool]]:
    """Size of each object and whether it is a delta, without putting it together; -1 where git cannot tell."""
    stdin = "".join(f"{name}\n" for name in names).encode("ascii")
    answers = answer(("cat-file", "--batch-check=%(objectsize) %(deltabase)"), cwd, stdin) or b""
    sizes = []
    for line in answers.splitlines():
        size, _, base = line.partition(b" ")
        known = size.isdigit() and base != b"missing"
        sizes.append((int(size), bool(base.strip(b"0"))) if known else (-1, False))
    return sizes if len(sizes) == len(names) else [(-1, False)] * len(names)


def object_id(revision: str, cwd: str | None = None) -> str:
    """The object that `revision` names; raises GitError if it names none."""
    return run(("rev-parse", "--verify", "--end-of-options", revision), cwd).decode("ascii").strip()


def start(arguments: Sequence[str], cwd: str | None = None) -> Running:
    """Start a git command and go on meanwhile; `output` waits for it."""
    return Running(_Process(arguments, cwd))


class Running:
    """A command that was started and not yet read."""

    def __init__(self, process: _Process) -> None:
        """Use `start`."""
        self._process: _Process | None = process

    def output(self) -> bytes:
        """Everything the command prints, once; raises GitError if it failed."""
        process, self._process = self._process, None
        if process is None:
            raise ValueError("the output was read already")
        return process.communicate(b"")[0]

    def stop(self) -> None:
        """End the command if its output was not read."""
        if self._process is not None:
            self._process.stop()
            self._process = None


def credential(protocol: str, host: str) -> dict[str, str] | None:
    """What the user's credential helpers know for a host, by git's names; None where they know nothing.

    Asks nobody, and nowhere near a repository, whose own configuration could name a helper.
    """
    if not (protocol + host).isprintable():
        return None  # a line more would be another question
    asked = f"protocol={protocol}\nhost={host}\n\n".encode()
    process = _Process(("credential", "fill"), os.path.abspath(os.sep), asks_helpers=True)
    try:
        answered = process.communicate(asked)[0].decode("utf-8", "replace").splitlines()
    except GitError:
        return None
    return dict(each.partition("=")[::2] for each in answered)


def clone_settings(protocols: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Settings (for `git -c`) and environment of a clone that may use `protocols` and nothing else of the network.

    It runs no hook, recurses into nothing and asks nothing on a terminal. Credential helpers, the configuration of
    ssh and of proxies are the user's own, and work.
    """
    settings = [each for each in SETTINGS if not each.startswith(USERS_OWN)]
    return [*settings, *CLONE_SETTINGS], ADDED | {"GIT_ALLOW_PROTOCOL": ":".join(protocols)}


class Stream:
    """What a command prints, read as it comes; a context manager, so that git is reaped."""

    def __init__(self, arguments: Sequence[str], cwd: str | None = None, stdin: bytes = b"") -> None:
        """Start the command and send it `stdin`; what it complains about goes nowhere.

        Raises GitError if there is no git.
        """
        self._process = _Process(arguments, cwd, quiet=True)
        if stdin:
            self._process.send(stdin)
        self.ended_well = False
        """Whether git said that it printed everything; known only behind the `with`."""

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended_well = self._process.stop() == 0

    def read(self, most_bytes: int) -> bytes:
        """The next bytes, as many as there are now; nothing at the end."""
        return os.read(self._process.stdout, most_bytes)


class Objects:
    """Reads objects by name through one `git cat-file --batch`; a context manager, so that git is reaped."""

    def __init__(self, cwd: str | None = None) -> None:
        """Start the reader; raises GitError if there is no git."""
        self._cwd = cwd
        self._start()

    def _start(self) -> None:
        self._process = _Process(("cat-file", "--batch"), self._cwd, quiet=True)
        self._buffer = bytearray()

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End and reap the reader, where no `with` does."""
        self._process.stop()

    def read(self, name: str, most_bytes: int) -> tuple[str, bytes]:
        """The type and content of the object `name`, or `MISSING` or `TOO_LARGE` in place of the type.

        Some damaged objects end git, and one above `most_bytes` is not read to its end; git is then started again,
        so that the next one can be read.
        """
        return next(self.read_all((name,), most_bytes))

    def read_all(self, names: Sequence[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
        """`read` for each of `names`, in their order; git works on the first ones from this call on."""
        try:
            asked = self._ask(names[:_ASKED_AHEAD])
        except BrokenPipeError:
            asked = 0
        return self._answers(names, asked, most_bytes)

    def _ask(self, names: Sequence[str]) -> int:
        os.write(self._process.stdin, "".join(f"{name}\n" for name in names).encode("ascii"))
        return len(names)

    def _answers(self, names: Sequence[str], asked: int, most_bytes: int) -> Iterator[tuple[str, bytes]]:
        for number in range(len(names)):
            try:
                if asked == number:
                    asked += self._ask(names[number : number + _ASKED_AHEAD])
                answer = self._read(most_bytes)
            except (EOFError, BrokenPipeError, MemoryError) as error:
                answer = TOO_LARGE if isinstance(error, MemoryError) else MISSING, b""
                asked = number + 1
                self.stop()
                self._start()
            yield answer

    def _read(self, most_bytes: int) -> tuple[str, bytes]:
        header = self._line().split()
        if len(header) < 3:
            return MISSING, b""
        size = int(header[2])
        if size > most_bytes:
            raise MemoryError  # as where there is no room: git is started again, which costs less than to read it
        return header[1].decode("ascii"), self._take(size + 1)[:-1]

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _take(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            if not self._buffer:
                self._fill()
            piece = self._buffer[: size - len(content)]
            del self._buffer[: len(piece)]
            content += piece
        return bytes(content)

    def _fill(self) -> None:
        piece = os.read(self._process.stdout, 1 << 20)
        if not piece:
            raise EOFError
        self._buffer += piece


class _Process:
    """A running git: its standard streams as file descriptors."""

    def __init__(
        self, arguments: Sequence[str], cwd: str | None, *, quiet: bool = False, asks_helpers: bool = False
    ) -> None:
        """Start git; a `quiet` one, read as it comes, complains to nobody: a pipe that nobody reads fills up."""
        self._name = arguments[0]
        self._sending: Thread | None = None
        command = ["git", *(("-C", cwd) if cwd else ()), *FLAGS]
        for setting in (*SETTINGS, *(BOUNDED if quiet else ())):
            if not (asks_helpers and setting.startswith(USERS_OWN)):
                command += ("-c", setting)
        command += arguments
        environment = _environment() | (BOUND if quiet else {})
        if asks_helpers:
            kept = {name: value for name, value in environment.items() if name not in POINTING}
            environment = kept | UNATTENDED
        begin = _spawn if hasattr(os, "posix_spawnp") else _popen
        try:
            self._wait, self.stdin, self.stdout, self.stderr = begin(command, environment, quiet)
        except FileNotFoundError as error:
            raise GitError("git was not found on the PATH: install git 2.30 or newer.") from error

    def communicate(self, stdin: bytes | memoryview) -> tuple[bytes, bytes]:
        """Send all of `stdin`, read all output and messages, wait; raises GitError if git failed."""
        if stdin:
            self.send(stdin)
        else:
            os.close(self.stdin)
        output, message = self._read_both()
        os.close(self.stdout)
        os.close(self.stderr)
        if code := self._ended():
            from keysweep.git_failures import explain

            raise GitError(explain(self._name, code, message))
        return output, message

    def send(self, stdin: bytes | memoryview) -> None:
        """Send all of `stdin` and close it, while others read what git makes of it."""
        from threading import Thread

        descriptor, self.stdin = self.stdin, os.open(os.devnull, os.O_RDONLY)
        self._sending = Thread(target=_write_all, args=(descriptor, stdin), daemon=True)
        self._sending.start()

    def _read_both(self) -> tuple[bytes, bytes]:
        """Read output and messages as they come: a git that complains at length must not block on either."""
        if not hasattr(os, "posix_spawnp"):
            return _read_all(self.stdout), _read_all(self.stderr)[:_MESSAGE_BYTES]
        import select

        pieces: dict[int, list[bytes]] = {self.stdout: [], self.stderr: []}
        waiting = select.poll()
        for descriptor in pieces:
            waiting.register(descriptor, select.POLLIN | select.POLLHUP)
        still_open = len(pieces)
        while still_open:
            for descriptor, _ in waiting.poll():
                piece = os.read(descriptor, 1 << 20)
                if not piece:
                    waiting.unregister(descriptor)
                    still_open -= 1
                elif descriptor == self.stdout or sum(map(len, pieces[descriptor])) < _MESSAGE_BYTES:
                    pieces[descriptor].append(piece)
        return b"".join(pieces[self.stdout]), b"".join(pieces[self.stderr])[:_MESSAGE_BYTES]

    def stop(self) -> int:
        """Close the pipes, which ends git, and reap it; returns its exit code."""
        for descriptor in (self.stdin, self.stdout, self.stderr):
            os.close(descriptor)
        return self._ended()

    def _ended(self) -> int:
        """Reap git, and have what was sent to it let go of, which may be a mapped file; returns its exit code."""
        code = self._wait()
        if self._sending is not None:
            self._sending.join(_LET_GO_SECONDS)
        return code


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    left = memoryview(content)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as stream:  # a buffer would be written again at its end
            while left:
                left = left[stream.write(left) :]
    except BrokenPipeError:
        return


def _read_all(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _spawn(
    command: list[str], environment: dict[str, str], quiet: bool
) -> tuple[Callable[[], int], int, int, int]:
    """Start a process without importing `subprocess`, which alone takes a fifth of the hook's time."""
    their_in, our_in = os.pipe()
    our_out, their_out = os.pipe()
    our_err, their_err = os.pipe()
    theirs = (their_in, their_out, their_err)
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]]
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(theirs)]
    if quiet:
        actions[2] = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    try:
        pid = os.posix_spawnp(command[0], command, environment, file_actions=actions)
    except OSError:
        for descriptor in (our_in, our_out, our_err):
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), our_in, our_out, our_err


def _popen(
    command: list[str],
    environment: dict[str, str],
    quiet: bool,  # noqa: ARG001
) -> tuple[Callable[[], int], int, int, int]:
    """The same where the system has no `posix_spawn`; always quiet, because two pipes need two threads there."""
    import subprocess

    pipe = subprocess.PIPE
    child = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    if child.stdin is None or child.stdout is None:
        raise GitError("git could not be started with pipes.")
    nothing = os.open(os.devnull, os.O_RDONLY)
    return child.wait, os.dup(child.stdin.fileno()), os.dup(child.stdout.fileno()), nothing


def is_object_id(text: str) -> bool:
    """Whether it is a whole ID, of SHA-1 or SHA-256."""
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    return {**kept, **ADDED, **quarantine.get({})}
