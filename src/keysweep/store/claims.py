"""One sweep of a target at a time: two would do everything twice, and each would call the other's places gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from sqlalchemy import func, select

from keysweep.errors import StoreError
from keysweep.store.opening import Store, complaining


@contextmanager
def claimed(store: Store, target: str) -> Iterator[None]:
    """Nobody else sweeps `target` into `store` while this lasts; a process that dies loses its claim.

    Raises StoreError where somebody does.
    """
    if not store.is_sqlite:
        with _advised(store, target):
            yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(f"{store.where}.sweep-{_number(target):016x}.lock", blocking=False, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise _taken(store, target) from error
    except OSError as error:
        raise StoreError(
            f"no file can be made beside the store {store.where} ({error.strerror}): change the permissions there."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _advised(store: Store, target: str) -> Iterator[None]:
    """The same by a lock of PostgreSQL, which ends with the connection that took it."""
    number = _number(target) - (1 << 63)
    with complaining(store.where), store.engine.connect() as connection:
        connection.detach()  # closed at the end, and not kept for others with the lock that it has
        is_ours = connection.scalar(select(func.pg_try_advisory_lock(number)))
        connection.commit()
        if not is_ours:
            raise _taken(store, target)
        yield


def _number(target: str) -> int:
    digest = blake2b(target.encode("utf-8", "surrogateescape"), digest_size=8, person=b"keysweep claim")
    return int.from_bytes(digest.digest(), "big")


def _taken(store: Store, target: str) -> StoreError:
    return StoreError(f"another sweep of {target} into {store.where} is going on: wait for it, or end it.")
