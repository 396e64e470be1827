"""Many users asked about at once, and what could not be read kept as gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from keysweep.account.evidence import Gap
from keysweep.aws.clients import DENIED, failures, in_words
from keysweep.aws.threads import Threads
from keysweep.errors import AwsError, UsageError

INTERRUPTED = "it was interrupted before all were asked"
_AT_ONCE = 8
"""IAM answers an account some twenty requests a second, and those of others count too."""
_LOOK_AGAIN_SECONDS = 0.1
_Fact = TypeVar("_Fact")
_Who = TypeVar("_Who")


def attempt(gaps: list[Gap], what: str, needs: str, read: Callable[[], _Fact]) -> _Fact | None:
    """What `read` gives, or None and a gap that says why."""
    try:
        return read()
    except (AwsError, UsageError) as error:
        gaps.append(Gap(what, needs if getattr(error, "code", "") in DENIED else "", str(error).rstrip(".")))
    except failures() as error:
        said = in_words(error, "be read")
        gaps.append(Gap(what, needs if said.code in DENIED else "", str(said).rstrip(".")))
    return None


def each_of(
    people: Iterable[_Who], ask: Callable[[_Who], _Fact], what: str, gaps: list[Gap], goes_on: Callable[[], bool]
) -> Iterator[_Fact]:
    """What is answered about each, as it comes; a gap where it was interrupted before all were."""
    threads: Threads[_Who, _Fact] = Threads(lambda job: ask(job.task))
    left = list(reversed(list(people)))
    with threads:
        while goes_on() and (left or threads.running):
            while left and threads.running < _AT_ONCE:
                threads.begin(left.pop())
            yield from threads.finished(_LOOK_AGAIN_SECONDS)
    if left or threads.running:
        gaps.append(Gap(what, "", INTERRUPTED))


def alone(ask: Callable[[], _Fact], what: str, gaps: list[Gap], goes_on: Callable[[], bool]) -> _Fact | None:
    """What is answered to one question; None and a gap where it was interrupted before that."""
    return next(each_of([None], lambda _: ask(), what, gaps, goes_on), None)
