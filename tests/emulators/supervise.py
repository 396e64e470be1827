"""Runs the command it is given, and kills it and all it started once standard input ends.

The other end of that pipe is held by the test process, and the system closes it however that process dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from threading import Thread


def _watch() -> None:
    sys.stdin.buffer.read()
    if sys.platform == "win32":
        child.kill()
        os._exit(1)
    else:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    Thread(target=_watch, daemon=True).start()
    sys.exit(child.wait())
