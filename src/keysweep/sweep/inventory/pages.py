"""What the lists of all hosts have in common: rows come page by page, and may break off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from keysweep.frozen import frozen
from keysweep.repositories import Listed
from keysweep.sweep.inventory.asking import Asked
from keysweep.sweep.inventory.connection import HostError
from keysweep.sweep.inventory.filters import Filters
from keysweep.sweep.inventory.rows import UnusableError, rows

OnProblem = Callable[[str], None]


@frozen
class Wanted:
    """What a host is asked for, and whom to tell of what it does not give."""

    filters: Filters
    on_problem: OnProblem


def pages(asked: Asked, address: str, parameters: Mapping[str, str | int], *names: str) -> Iterator[object]:
    """The rows of a list of which each page leads to the next by its Link header; they stand behind `names`."""
    answer = asked.get(address, parameters)
    while True:
        yield from listed_rows(answer.content, *names)
        if answer.next_page is None:
            return
        answer = asked.get(answer.next_page)


def listed_rows(content: object, *names: str) -> list[object]:
    """The rows of one page; raises HostError where there are none."""
    try:
        return rows(content, *names)
    except UnusableError as error:
        raise HostError(str(error)) from error


def kept(
    rows: Iterable[object], read: Callable[[object], Iterable[Listed]], what: str, on_problem: OnProblem
) -> Iterator[Listed]:
    """What `read` makes of each row; tells of the rows that it can make nothing of, and of a list that breaks off.

    Raises HostError where not even the first row could be had.
    """
    begun = False
    try:
        for row in rows:
            begun = True
            try:
                made = tuple(read(row))
            except UnusableError as error:
                on_problem(f"{what}: {error}")
            else:
                yield from made
    except HostError as error:
        if not begun:
            raise
        on_problem(f"{what} are listed only in part, because of the host: {error}")


def beside(found: Iterable[Listed], what: str, on_problem: OnProblem) -> Iterator[Listed]:
    """`found`, which is not all there is: that it cannot be listed is told, and the rest goes on."""
    try:
        yield from found
    except (HostError, UnusableError) as error:
        on_problem(f"{what} cannot be listed: {error}")
