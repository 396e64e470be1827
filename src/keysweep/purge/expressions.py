"""The files that `git filter-repo` takes, as it reads them, and what it makes of content by them.

Version 2.47: a file of expressions has one a line. `==>` parts it from what is put in its place, and the last one
counts, so that one in a secret does no harm. `literal:`, `regex:` and `glob:` are looked for once, at the start of
a line: a secret that begins with one of them has `literal:` before it. A line cannot hold a line feed, so what is
split over lines is a regular expression, in which that is written as an escape. Literals are replaced in their
order, and only then regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

REPLACEMENT = b"***REMOVED***"
"""What `git filter-repo` itself puts in the place of what is removed."""
NAME_REPLACEMENT = b"REMOVED"
"""In the name of a file, where asterisks are no name on some systems."""
_LOOKED_AT_BYTES = 8192
"""A blob with a zero byte in so many of its first bytes is left as it is, as a binary file."""


def in_order(stored: Iterable[bytes]) -> tuple[bytes, ...]:
    """Each once; what may hold another one comes first, so that no piece of it is left behind."""
    return tuple(sorted(set(stored), key=lambda each: (b"\n" in each, -len(each), each)))


def text_line(stored: bytes) -> bytes:
    """The line that takes `stored` out of contents and messages."""
    if b"\n" in stored:
        return b"regex:" + _pattern(stored) + b"==>" + REPLACEMENT + b"\n"
    return b"literal:" + stored + b"==>" + REPLACEMENT + b"\n"


def name_line(stored: bytes) -> bytes:
    """The line of a file for `--paths-from-file` that takes `stored` out of every path."""
    return b"regex:" + _pattern(stored) + b"==>" + NAME_REPLACEMENT + b"\n"


def _pattern(stored: bytes) -> bytes:
    return re.escape(stored).replace(b"\\\n", rb"\n").replace(b"\n", rb"\n")


def replaced(content: bytes, stored: Sequence[bytes]) -> bytes:
    """A message after it; `stored` is `in_order`."""
    for each in stored:
        content = content.replace(each, REPLACEMENT)
    return content


def is_left_alone(content: bytes) -> bool:
    """Whether a blob is taken for a binary file, in which nothing is replaced."""
    return b"\0" in content[:_LOOKED_AT_BYTES]


def renamed(path: bytes, stored: Sequence[bytes]) -> bytes:
    """A path after it."""
    for each in stored:
        path = path.replace(each, NAME_REPLACEMENT)
    return path
