"""Opening a store, as a user meets it."""

from __future__ import annotations

from keysweep.store.opening import Store, opened


def test_a_new_store_is_made_where_there_is_none(empty_address: str) -> None:
    with opened(empty_address) as store:
        assert _leaks(store) == 0
    with opened(empty_address, must_exist=True) as store:
        assert _leaks(store) == 0


def _leaks(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM leak_overview").scalar_one())
