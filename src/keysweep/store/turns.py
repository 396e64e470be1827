"""Who of several keysweeps at one store does what only one may do at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from time import monotonic, sleep

from sqlalchemy import func, select

from keysweep.errors import StoreError
from keysweep.store.opening import Store, complaining

_LOOK_AGAIN_SECONDS = 0.5


@contextmanager
def turn(
    store: Store, what: str, seconds: float, refusal: str = "", goes_on: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Be the only one who does `what` at this store; waits for so long, and then raises StoreError with `refusal`.

    So it does as soon as `goes_on`, which is asked again and again, says no. The turn ends with the process,
    however that ends, and holds no transaction open.
    """
    until = monotonic() + seconds

    def waits() -> bool:
        return goes_on() and monotonic() < until

    digest = blake2b(what.encode("utf-8", "surrogateescape"), digest_size=8, person=b"keysweep turn").digest()
    taken = _file(store, digest, waits) if store.is_sqlite else _advisory(store, digest, waits)
    with taken as is_mine:
        if not is_mine:
            raise StoreError(
                refusal or f"another keysweep is still at it ({what}): this one does it when it runs next."
            )
        yield


@contextmanager
def _file(store: Store, digest: bytes, waits: Callable[[], bool]) -> Iterator[bool]:
    """By a lock on a file beside the database, which the system takes back from a process that has ended."""
    from filelock import FileLock, Timeout

    path = os.path.realpath(str(store.engine.url.database))
    lock = FileLock(f"{path}.turn-{digest.hex()}.lock", mode=0o600)
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if not waits():
                yield False
                return
            sleep(_LOOK_AGAIN_SECONDS / 5)
        except OSError as error:
            raise StoreError(
                f"the store {store.where} cannot be locked ({os.strerror(error.errno or 0)}): check its directory."
            ) from error
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _advisory(store: Store, digest: bytes, waits: Callable[[], bool]) -> Iterator[bool]:
    """By an advisory lock of PostgreSQL, which goes with its connection."""
    number = int.from_bytes(digest, "big", signed=True)
    with (
        complaining(store.where),
        store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        while not (is_mine := bool(connection.scalar(select(func.pg_try_advisory_lock(number))))):
            if not waits():
                break
            sleep(_LOOK_AGAIN_SECONDS)
        try:
            yield is_mine
        finally:
            if is_mine:
                connection.execute(select(func.pg_advisory_unlock(number)))
