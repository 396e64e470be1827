"""The prefilter's engine made ready for a large scan: restored from the cache, or compiled and kept there."""

from __future__ import annotations

from keysweep import cache
from keysweep.detect import engine


def prepare(*, only_if_kept: bool = False) -> bool:
    """Make Hyperscan ready in this process and in those forked from it; False where it is not.

    `only_if_kept` does not compile, which pays only for megabytes of content.
    """
    if engine.is_ready():
        return engine.database() is not None
    name = _name()
    if name is None:
        return False
    kept = cache.read(name)
    if kept is not None and engine.restore(kept):
        return True
    if only_if_kept:
        return False
    compiled = engine.stored()
    if compiled is None:
        return False
    cache.write(name, compiled)
    return True


def _name() -> str | None:
    try:
        return f"engine-{engine.identity()}"
    except ImportError:
        return None
