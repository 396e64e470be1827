"""The secrets that were made in this process, and where they stand in some bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.leaks.readings import readings

LEAST, LEAST_OF_LONG = 12, 64
"""So many characters in a row of a secret, or of one longer than 64 characters, are a leak. Reports show four."""

_GRAM = 8
"""By so many characters secrets are looked up; the suite makes some 100 000, so not by all that are in them.

Any 12 characters in a row hold 8 that begin at a multiple of 5; any 64, 8 that begin at one of 57.
"""

_RUN = re.compile(rb"[A-Za-z0-9+/=]{%d,}" % LEAST)


class Known:
    """Secrets, by pieces of them."""

    def __init__(self) -> None:
        self._by_gram: dict[bytes, bytes] = {}

    def add(self, secret: str) -> None:
        """Remember a secret."""
        text = secret.encode()
        for at in range(0, len(text) - _GRAM + 1, _least(text) - _GRAM + 1):
            self._by_gram[text[at : at + _GRAM]] = text

    def leaked(self, content: bytes) -> list[str]:
        """What stands in `content`, in any reading of it: the way it was written, and what tells it from others."""
        return sorted(
            {f"{way}, {_named(secret)}" for way, text in readings(content) for _, _, secret in self._in(text)}
        )

    def redacted(self, text: str) -> str:
        """`text` to be shown in a message: without secrets, and without any of it where they are encoded."""
        content = text.encode("utf-8", "backslashreplace")
        for start, end, _ in reversed(list(self._in(content))):
            content = content[:start] + b"[redacted]" + content[end:]
        return "[redacted: it holds an encoded secret]" if self.leaked(content) else content.decode()

    def _in(self, text: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Start and end of each stretch of a secret, and the secret."""
        for run in _RUN.finditer(text):
            piece, done = run[0], 0
            for at in range(len(piece) - _GRAM + 1):
                secret = self._by_gram.get(piece[at : at + _GRAM])
                if secret is not None and at >= done:
                    start, done = _stretch(piece, at, secret)
                    if done - start >= _least(secret):
                        yield run.start() + start, run.start() + done, secret


def _least(secret: bytes) -> int:
    return LEAST if len(secret) <= LEAST_OF_LONG else LEAST_OF_LONG


def _stretch(text: bytes, at: int, secret: bytes) -> tuple[int, int]:
    """How far a text and a secret are the same around a gram that both have."""
    place = secret.find(text[at : at + _GRAM])
    return at - _same(text[:at][::-1], secret[:place][::-1]), at + _same(text[at:], secret[place:])


def _same(one: bytes, other: bytes) -> int:
    """With how many bytes both begin."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _named(secret: bytes) -> str:
    return f"{secret[:4].decode()}… ({len(secret)} characters)"
