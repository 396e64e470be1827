"""The fault stub in a process of its own, so that it takes no time from whoever measures how fast it is asked."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

from tests.emulators.faults import faults
from tests.emulators.keys import AccessKey
from tests.emulators.script import Fault


@contextmanager
def serve_apart(keys: Sequence[AccessKey], *script: Fault) -> Iterator[str]:
    """The address of one that knows `keys`, with each of which `script` goes wrong."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve_until_asked_to_end, args=(theirs, keys, script), daemon=True
    )
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send("end")
        process.join()


def _serve_until_asked_to_end(pipe: Connection, keys: Sequence[AccessKey], script: tuple[Fault, ...]) -> None:
    with faults() as emulator:
        for key in keys:
            emulator.add(key, *script)
        pipe.send(emulator.endpoint)
        pipe.recv()
