"""Begins to look on inside a Python that a test starts; this directory stands on its `PYTHONPATH`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tests.leaks.startup import leak_spool, leak_watch
else:
    import leak_spool  # these have such names where this directory is on the path
    import leak_watch


def _begin(spool: str) -> None:
    def tell(kind: str, where: str, content: bytes) -> None:
        leak_spool.write(spool, kind, where, content)

    process = leak_watch.command(sys.orig_argv)
    watch = leak_watch.Watch(tell, process)
    watch.begin()
    watch.overhear("stdout")
    watch.overhear("stderr")
    tell("arguments", process, "\n".join(sys.orig_argv).encode("utf-8", "surrogateescape"))


if _spool := os.environ.get("LEAKS_SPOOL"):
    _begin(_spool)
