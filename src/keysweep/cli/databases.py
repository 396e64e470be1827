"""The option that names the store, for all commands that use one; and what they need that may not be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from keysweep.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.store.opening import Store

_Command = Callable[..., Any]


def db_option(command: _Command) -> _Command:
    """Which store."""
    return click.option(
        "--db",
        metavar="URL",
        help="The store: a path, or postgresql://USER@HOST/NAME.  [default: $KEYSWEEP_DB, or a file of your own]",
    )(command)


@contextmanager
def installed(what: str) -> Iterator[None]:
    """What `what` needs is imported in this `with`; UsageError where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise UsageError(f"{what} needs {error.name}: run `pip install 'keysweep[sweep]'`.") from error


@contextmanager
def opened_store(address: str | None, *, must_exist: bool = False) -> Iterator[Store]:
    """The store; raises UsageError where what it needs is not installed, StoreError where it cannot be used."""
    with installed("the store"):
        from keysweep.store.opening import opened
    with opened(address, must_exist=must_exist) as store:
        yield store
