"""Which repositories there are, as their host lists them; one file per kind of host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from urllib.parse import urlsplit

from keysweep.errors import InventoryError, UsageError
from keysweep.repositories import Listed
from keysweep.sweep.inventory.filters import Filters, left_out
from keysweep.sweep.inventory.targets import Kind, Target
from keysweep.sweep.inventory.waiting import Patience, Waits
from keysweep.sweep.tokens import Login, is_this_machine, login_for, names_for

_MOST_REPOSITORIES = 500_000
_PACKAGES = {"github": "PyGithub", "gitlab": "python-gitlab"}
"""What is installed, by what is imported, where these are not one name."""


def inventory(
    target: Target,
    wanted: Filters,
    *,
    on_problem: Callable[[str], None],
    on_progress: Callable[[int], None] | None = None,
    on_left_out: Callable[[str], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    goes_on: Callable[[], bool] | None = None,
    patience: Patience | None = None,
) -> Iterator[Listed]:
    """Every wanted repository of a target, each once, as the pages of its host come.

    `on_problem` gets a clause for each part that could not be listed, `on_progress` how many are listed so far,
    `on_left_out` the reason for each repository that `wanted` leaves out, `on_wait` a clause when the host has
    to be left alone for a while. All of them may hold what a host says, which is not yet safe for a terminal.
    `goes_on` is asked during such waits whether the list is still wanted: where it is not, that is the end of it.

    Raises UsageError where the target or a token cannot be used, and InventoryError where nothing can be listed.
    """
    seen: set[str] = set()
    given = 0
    waits = Waits(patience or Patience(), on_wait, goes_on)
    for each in _found(target, wanted, on_problem, waits):
        if each.identity in seen:
            continue
        if len(seen) == _MOST_REPOSITORIES:
            on_problem(f"the list is longer than {_MOST_REPOSITORIES:,} repositories, and ends there")
            return
        seen.add(each.identity)
        if reason := left_out(each, wanted):
            if on_left_out:
                on_left_out(reason)
            continue
        given += 1
        if on_progress:
            on_progress(given)
        yield each


def _found(
    target: Target,
    wanted: Filters,
    on_problem: Callable[[str], None],
    waits: Waits,
) -> Iterator[Listed]:
    if target.kind is Kind.DIRECTORY:
        from keysweep.sweep.inventory import directory

        yield from directory.listed(target.name, on_problem)
    elif target.kind in (Kind.FILE, Kind.STDIN):
        from keysweep.sweep.inventory import written

        yield from written.listed(target.name if target.kind is Kind.FILE else None, on_problem)
    else:
        yield from _hosted(target, wanted, on_problem, waits)


def _hosted(
    target: Target,
    wanted: Filters,
    on_problem: Callable[[str], None],
    waits: Waits,
) -> Iterator[Listed]:
    host = _module(target.kind)
    from keysweep.sweep.inventory.asking import Asked
    from keysweep.sweep.inventory.connection import HostError, StoppedError
    from keysweep.sweep.inventory.pages import Wanted
    from keysweep.sweep.inventory.rows import UnusableError

    login = _login(target)
    advice = " or ".join(names_for(target.kind, target.host))
    asked = Asked(host.api(target), login, host.authorization(login), advice=advice, waits=waits)
    begun = False
    try:
        for each in host.listed(target, asked, Wanted(wanted, on_problem)):
            begun = True
            yield each
    except (HostError, UnusableError) as error:
        if begun:
            on_problem(f"the list is not whole, because of the host: {error}")
            return
        raise InventoryError(f"{target.text} cannot be listed: {error}.") from None
    except StoppedError:
        return
    finally:
        asked.session.close()


def _login(target: Target) -> Login | None:
    """The login for the host; raises UsageError where it would be sent over the network for all to read."""
    login = login_for(target.kind, target.host)
    if login and target.base.startswith("http://") and not is_this_machine(urlsplit(target.base).hostname or ""):
        raise UsageError(
            f"the token of {login.origin} would be sent to {target.host} unencrypted: write https:// in the "
            "target, or take the token away."
        )
    return login


def _module(kind: Kind) -> ModuleType:
    """How a kind of host is listed; raises UsageError where a library is missing for it."""
    name = "gitea" if kind is Kind.FORGEJO else kind
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        package = _PACKAGES.get(library, library)
        raise UsageError(
            f"listing {kind} needs {package}, which is not installed: run `pip install 'keysweep[sweep]'`."
        ) from error
