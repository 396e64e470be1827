"""Work in a process apart, which may die without harm: a fresh interpreter that is asked through a pipe.

It is started as a program and not by `multiprocessing`: whoever asks has threads, which a fork leaves in the
middle of things, and may be a daemon, which may have no children.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread, Timer
from typing import IO, Any

from keysweep.sweep.engines import EngineLostError, WorkerDiedError

_LENGTH = struct.Struct(">Q")


class Apart:
    """A process that does one thing after the other; started when it is needed, and again when it has died."""

    def __init__(self, most_seconds: float) -> None:
        """`most_seconds` is how long one piece of work may take before the process is ended."""
        self._most_seconds = most_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._is_over = False

    def run(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What `fn`, which has to be importable, returns or raises there; WorkerDiedError where that ends it."""
        process = self._started()
        is_late = False

        def end() -> None:
            nonlocal is_late
            is_late = True
            self.end()

        timer = Timer(self._most_seconds, end)
        timer.daemon = True
        timer.start()
        try:
            _send(_open(process.stdin), (fn, args, kwargs))
            is_done, came = _receive(_open(process.stdout))
        except (EOFError, OSError) as error:
            code = process.wait()
            why = f"it took longer than {self._most_seconds:.0f} seconds" if is_late else _how(code)
            raise WorkerDiedError(why) from error
        finally:
            timer.cancel()
        if is_done:
            return came
        raise came

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise EngineLostError("the work was ended: go on with --resume.")
            if self._process is None or self._process.poll() is not None:
                self._forget()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=sys.platform != "win32",  # to be ended with all that it starts; no Ctrl-C
                )
            return self._process

    def end(self, *, forever: bool = False) -> None:
        """End the process and all that it has started."""
        with self._lock:
            self._is_over = self._is_over or forever
            if self._process is not None:
                _kill(self._process)

    def close(self) -> None:
        """End it for good, once nobody waits for it."""
        self.end(forever=True)
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    _close(stream)
            self._process = None


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise EOFError
    return stream


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:  # what could not be sent any more
        return


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _how(code: int) -> str:
    if code < 0:
        return f"its worker was ended by signal {-code}{' (out of memory?)' if -code == 9 else ''}"
    return f"its worker ended with code {code}"


def _send(stream: IO[bytes], value: object) -> None:
    content = pickle.dumps(value)
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    """The next value; EOFError at the end. Both ends are this program: nothing else can write into the pipe."""
    head = _read(stream, _LENGTH.size)
    return pickle.loads(_read(stream, _LENGTH.unpack(head)[0]))  # noqa: S301 - see above


def _read(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


def main() -> None:
    """Do what comes, until nothing more can come; what is printed meanwhile goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    wanted: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = SimpleQueue()
    Thread(target=_listen, args=(sys.stdin.buffer, wanted), daemon=True).start()
    while True:
        fn, args, kwargs = wanted.get()
        try:
            answer = True, fn(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is goes to whoever asked
            answer = False, error
        try:
            _send(answers, answer)
        except OSError:
            _end()


def _listen(stream: IO[bytes], wanted: SimpleQueue[Any]) -> None:
    """Take what is wanted; when nobody can want anything any more, end at once, with all that was started."""
    try:
        while True:
            wanted.put(_receive(stream))
    except (EOFError, OSError):
        _end()


def _end() -> None:
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
