"""How far detection goes into nested, compressed or hostile content; each limit is reported when hit."""

from __future__ import annotations

from keysweep.frozen import frozen

MIB = 1 << 20


@frozen
class Limits:
    """Bounds on one call of `scan`."""

    encoding_depth: int = 4
    """Encodings inside one another, such as base64 of base64 of UTF-16."""
    container_depth: int = 6
    """Containers inside one another, such as a gzip in a tar in a zip."""
    member_bytes: int = 512 * MIB
    """Unpacked size of one container member."""
    total_bytes: int = 2048 * MIB
    """Unpacked size of everything in one outermost container."""
    ratio: int = 1000
    """Unpacked to packed size, above which a member larger than 64 MiB is taken for a decompression bomb."""
    members: int = 100_000
    """Members in one outermost container, nested ones included."""
