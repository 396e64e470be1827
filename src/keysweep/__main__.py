"""Process entry: the hook takes the fast path, everything else the command line."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run keysweep with the process's arguments and return its exit code."""
    _open_closed_streams()
    code = _run()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what it decided stands, though Python takes a while to end
    return code if _flush() else code or 3


def _run() -> int:
    try:
        if sys.argv[1:2] == ["hook"]:
            return _hook()
        from keysweep.cli.main import main as cli_main

        return cli_main(sys.argv[1:])
    except KeyboardInterrupt:
        print("keysweep: interrupted before anything was scanned.", file=sys.stderr)
        return 3


def _hook() -> int:
    from keysweep.hook import main as hook_main

    code = hook_main(sys.argv[2:])
    if _flush():
        os._exit(code)  # nothing is left to be done, and Python takes longer to end than git to list the change
    return code


def _open_closed_streams() -> None:
    """Take the numbers of closed standard streams, so that no file opened later is mistaken for one.

    Input and output fail like closed ones when they are used; messages go nowhere.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_WRONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _flush() -> bool:
    """Write what is left now, because the interpreter would change the exit code if that failed at its end."""
    written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            written = written and stream is not sys.stdout
    return written


if __name__ == "__main__":
    sys.exit(main())
