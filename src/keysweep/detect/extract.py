"""From one layer of bytes to the credentials in it: every finder on the windows around prefilter hits."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left

from keysweep.detect.anchors import Hit
from keysweep.detect.credentials import Credential
from keysweep.detect.finders.key_ids import find_key_ids
from keysweep.detect.finders.passwords import find_passwords
from keysweep.detect.finders.readings import NEAR_ID_BYTES, readings
from keysweep.detect.finders.secrets import find_secrets
from keysweep.detect.finders.tokens import TOKEN_BYTES, find_api_keys, find_session_tokens
from keysweep.frozen import replace


def extract(content: bytes, hits: list[Hit]) -> list[Credential]:
    """List the credentials of one layer; offsets are bytes of `content`, each credential once per place."""
    ids = [each for hit in hits if hit.kind in {"id", "split"} for each in find_key_ids(content, hit)]
    found = list(ids)
    starts = [each.start for each in ids]
    for start, end in _windows(content, ids, hits):
        near = tuple(_moved(each, -start) for each in ids[bisect_left(starts, start) : bisect_left(starts, end)])
        read = _read if end - start <= _REMEMBERED_BYTES else _read.__wrapped__
        found += [_moved(each, start) for each in read(content[start:end], near)]
    covered = 0
    for hit in hits:
        if hit.kind in {"token", "session"}:
            if hit.position >= covered:
                found += find_session_tokens(content, hit)
                covered = max(covered, _end_of_run(content, hit)) if hit.kind == "token" else covered
        elif hit.kind == "api":
            found += find_api_keys(content, hit)
    return _unique(found)


_REMEMBERED_BYTES = 16 << 10


@functools.lru_cache(maxsize=2048)
def _read(window: bytes, ids: tuple[Credential, ...]) -> tuple[Credential, ...]:
    """The passwords and secrets in a window that holds `ids`; remembered, as versions of a file share most."""
    ways = tuple(readings(window, 0, len(window)))
    passwords = list(find_passwords(ways[0], ids))
    return (*passwords, *find_secrets(ways, ids, passwords))


def _moved(credential: Credential, by: int) -> Credential:
    return replace(credential, start=credential.start + by, end=credential.end + by)


def _windows(content: bytes, ids: list[Credential], hits: list[Hit]) -> list[tuple[int, int]]:
    """Merged (start, end) around everything that a secret may stand near, so no byte is read twice."""
    spans = [(each.start - NEAR_ID_BYTES, each.end + NEAR_ID_BYTES) for each in ids]
    spans += [(hit.position - 200, hit.position + 420) for hit in hits if hit.kind in {"secret", "aws", "mail"}]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return [_whole_tokens(content, max(0, start), min(len(content), end)) for start, end in merged]


_TOKEN_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


_RUN = re.compile(rb"[A-Za-z0-9+/]+")


def _end_of_run(content: bytes, hit: Hit) -> int:
    """Where the run ends that begins with a token: it is read as one, so nothing in it begins another."""
    run = _RUN.match(content, hit.position, hit.position + TOKEN_BYTES)
    return run.end() if run else hit.position


def _whole_tokens(content: bytes, start: int, end: int) -> tuple[int, int]:
    """Move the edges out of the middle of a run, so that a window never makes a long run look short."""
    lead = content[max(0, start - 64) : start]
    tail = content[end : end + 64]
    return start - len(lead) + len(lead.rstrip(_TOKEN_BYTES)), end + len(tail) - len(tail.lstrip(_TOKEN_BYTES))


def _unique(found: list[Credential]) -> list[Credential]:
    by_place = {(each.role, each.start, each.value): each for each in found}
    return sorted(by_place.values(), key=lambda each: (each.start, each.end))
