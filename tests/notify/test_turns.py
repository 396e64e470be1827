"""One keysweep at a time does what only one may do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from keysweep.errors import StoreError
from keysweep.store.opening import Store
from keysweep.store.turns import turn


def test_a_turn_is_waited_for_and_then_given_up(store: Store) -> None:
    with turn(store, "telling a", 0):
        with turn(store, "telling b", 0):
            pass
        with (
            pytest.raises(StoreError, match=r"another keysweep is still at it \(telling a\)"),
            turn(store, "telling a", 0.2),
        ):
            pytest.fail("two had their turn")
    with turn(store, "telling a", 0):
        pass


def test_a_turn_ends_with_its_process(store: Store) -> None:
    code = (
        "import os\nfrom keysweep.store.opening import opened\nfrom keysweep.store.turns import turn\n"
        "with opened(None) as store, turn(store, 'telling a', 5):\n    os._exit(7)"
    )
    address = store.engine.url.render_as_string(hide_password=False)
    variables = {**os.environ, "KEYSWEEP_DB": address}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=variables)
    assert done.returncode == 7, done.stderr
    with turn(store, "telling a", 5):
        pass


def test_what_is_raised_in_a_turn_ends_it(store: Store) -> None:
    with pytest.raises(ValueError, match="x"), turn(store, "telling a", 0):
        raise ValueError("x")
    with turn(store, "telling a", 0):
        pass


def test_whoever_is_interrupted_waits_for_no_turn(store: Store) -> None:
    with (
        turn(store, "telling a", 1),
        pytest.raises(StoreError, match="still at it"),
        turn(store, "telling a", 60, goes_on=lambda: False),
    ):
        pytest.fail("two had their turn")
