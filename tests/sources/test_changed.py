"""What a version changes: looking there alone, and carrying the rest over, shows what looking at all shows."""

from __future__ import annotations

import random

from dulwich.pack import apply_delta
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep.detect.prefilter import find_hits
from keysweep.sources.history.objects.changed import Hits, copied, hits_between, unrepeated


def blocks(rng: random.Random) -> list[bytes]:
    """Stretches of prose, a few of which hold something that the prefilter sees."""
    made = []
    for _ in range(rng.randrange(3, 9)):
        text = " ".join(
            rng.choice(("bucket", "handler", "secret", "client")) + str(rng.random()) for _ in range(200)
        )
        leaks = ("", "", f"\n# {key_id(rng)}\n", f'\nsecret_access_key = "{secret(rng)}"\n', key_id(rng)[:11])
        cut = rng.randrange(len(text))
        made.append((text[:cut] + rng.choice(leaks) + text[cut:]).encode())
    return made


def copy(start: int, length: int) -> bytes:
    """The instruction to copy from the version before, in pieces as long as git makes them."""
    made = b""
    while length:
        piece = min(length, 1 << 16)
        offset, size = start.to_bytes(4, "little"), (piece & 0xFFFF).to_bytes(2, "little")
        bits = 128 + sum(1 << at for at in range(4) if offset[at]) + sum(16 << at for at in range(2) if size[at])
        made += bytes([bits, *(byte for byte in offset if byte), *(byte for byte in size if byte)])
        start, length = start + piece, length - piece
    return made


def insert(text: bytes) -> bytes:
    """The instruction to write something new."""
    return b"".join(bytes([len(text[at : at + 127])]) + text[at : at + 127] for at in range(0, len(text), 127))


def number(value: int) -> bytes:
    """A number, seven bits a byte."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def edited(rng: random.Random, old: bytes) -> tuple[bytes, bytes]:
    """A delta that moves, drops, repeats and cuts stretches, and puts something new between; and what it makes."""
    instructions, at = b"", 0
    size = 0
    while at < len(old) and len(instructions) < len(old) // 60:
        step = rng.choice((rng.randrange(1, 40), rng.randrange(1, 9000), len(old)))
        length = min(step, len(old) - at)
        instructions += copy(at, length)
        size += length
        new = rng.choice((b"", b"", b"A", b"\n", b"AKIA", b"secret_key = ", key_id(rng).encode()))
        instructions += insert(new)
        size += len(new)
        at = rng.choice((at + length, at + length, at + length + rng.randrange(30), rng.randrange(len(old))))
    delta = number(len(old)) + number(size) + instructions
    return delta, b"".join(apply_delta(old, delta))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.booleans())
def test_hits_that_are_carried_over_and_found_anew_are_those_of_the_whole(seed: int, compare: bool) -> None:
    rng = random.Random(seed)
    old = b"".join(blocks(rng))
    delta, new = edited(rng, old)
    copies = copied(bytes(len(new)) if compare else delta, old, new)

    for each in copies:
        assert new[each.start : each.end] == old[each.old_start : each.old_start + each.length]
    hits = list(Hits(find_hits(old)).carried(copies))
    for start, end in unrepeated(copies, len(new)):
        hits += hits_between(new, start, end, hyperscan=None)
    assert sorted(hits, key=lambda hit: (hit.position, hit.kind)) == find_hits(new)


def test_blocks_that_changed_places_are_not_looked_at_again() -> None:
    rng = random.Random(5)
    old = rng.randbytes(300_000)
    delta = (
        number(300_000) + number(470_050) + copy(200_000, 100_000) + insert(rng.randbytes(50)) + copy(0, 150_000)
    )
    delta += copy(80_000, 220_000)
    new = b"".join(apply_delta(old, delta))

    assert list(unrepeated(copied(delta, old, new), len(new))) == [(0, 0), (100_000, 100_050), (250_050, 250_050)]
