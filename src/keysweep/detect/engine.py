"""Hyperscan's database of all anchors: compiled once, or restored from what another process compiled.

Compiling takes 0.3 s, restoring 0.1 ms. Where the bytes are kept is not this layer's business.
"""

from __future__ import annotations

import functools

from keysweep.detect.anchors import Anchor, anchors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hyperscan import Database


def database() -> Database | None:
    """The database of this process, compiled if need be; None where Hyperscan cannot be loaded."""
    memo = _memo()
    if not memo:
        memo.append(_compiled())
    return memo[0]


def is_ready() -> bool:
    """Whether `database` answers at once."""
    return bool(_memo())


def identity() -> str:
    """Names what `stored` depends on: another version, processor or table of anchors makes another database.

    Raises ImportError where there is no Hyperscan.
    """
    import platform
    from hashlib import blake2b

    import hyperscan

    parts = [str(vars(hyperscan).get("__version__")), platform.machine(), platform.processor()]
    parts += [repr((_patterns(anchor), anchor.caseless)) for anchor in anchors()]
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def stored() -> bytes | None:
    """The database as bytes for `restore`; None where there is none."""
    ready = database()
    if ready is None:
        return None
    import hyperscan

    return bytes(hyperscan.dumpb(ready))


def restore(content: bytes) -> bool:
    """Take the database from what `stored` gave under the same `identity`; False where it does not fit.

    Only for bytes whose origin and checksum were checked: Hyperscan trusts them.
    """
    try:
        import hyperscan
    except ImportError:
        return False
    try:
        restored = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
        restored.scratch = hyperscan.Scratch(restored)
    except hyperscan.HyperscanError:
        return False
    _memo()[:] = [restored]
    return True


@functools.cache
def _memo() -> list[Database | None]:
    """Empty until somebody asks; a database is 240 kB and belongs to the process."""
    return []


def _patterns(anchor: Anchor) -> tuple[bytes, ...]:
    return (anchor.for_hyperscan or anchor.patterns)()


def _compiled() -> Database | None:
    try:
        import hyperscan
    except ImportError:
        return None
    table = anchors()
    expressions = [(index, each) for index, anchor in enumerate(table) for each in _patterns(anchor)]
    flags = [hyperscan.HS_FLAG_CASELESS * anchor.caseless | hyperscan.HS_FLAG_DOTALL for anchor in table]
    compiled = hyperscan.Database()
    compiled.compile(
        expressions=[pattern for _, pattern in expressions],
        ids=[index for index, _ in expressions],
        flags=[flags[index] for index, _ in expressions],
    )
    return compiled
