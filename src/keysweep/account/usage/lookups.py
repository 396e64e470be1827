"""Many questions to CloudTrail: in every region as fast as it answers, and no faster; in all regions at once.

CloudTrail answers LookupEvents twice a second for each account and region, so the questions of one region go one
after the other (CloudTrail API Reference, LookupEvents).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from keysweep.aws.clients import failures, in_words
from keysweep.aws.responders import Acting
from keysweep.aws.threads import Threads
from keysweep.aws.trail import SECONDS_BETWEEN_REQUESTS, Asked, pages
from keysweep.errors import AwsError
from keysweep.frozen import frozen

_REGIONS_AT_ONCE = 32
_LOOK_AGAIN_SECONDS = 0.1
_LAST_ANSWERS_SECONDS = 1.5
"""So long after Ctrl-C is waited for answers that are on their way."""
INTERRUPTED = "it was interrupted before all was read"


class Tally(Protocol):
    """Keeps of pages what is wanted of them, so that no page has to be kept."""

    def add(self, page: Iterable[Mapping[str, Any]]) -> None:
        """Take in a page of events."""


_Kept = TypeVar("_Kept", bound=Tally)


class Question(Generic[_Kept]):
    """One attribute looked up in one region, and what came of it."""

    def __init__(
        self, region: str, attribute: tuple[str, str], empty: Callable[[], _Kept], since: datetime, most_pages: int
    ) -> None:
        """Not asked yet; events before `since`, and pages after so many, are left out."""
        self.region = region
        self.attribute = attribute
        self.empty = empty
        self.tally = empty()
        self.since = since
        self.most_pages = most_pages
        self.error: AwsError | None = None
        """Why there may be more than was read."""
        self.pages = 0
        self.last_request = 0.0
        """When, by the monotonic clock."""


@frozen
class Pacing:
    """How time passes, and until when it is wanted."""

    until: datetime
    goes_on: Callable[[], bool] = lambda: True
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def answered(acting: Acting, asked: Sequence[Question[_Kept]], pacing: Pacing) -> Iterator[Question[_Kept]]:
    """Every question as its answer comes; those of one region in their order.

    Where a region answers nothing to a question, the others there are not asked and have the same error; neither
    are those that are left when it is interrupted.
    """
    waiting: dict[str, deque[Question[_Kept]]] = {}
    for each in asked:
        waiting.setdefault(each.region, deque()).append(each)
    ready = deque((region, 0.0) for region in waiting)
    running: dict[Question[_Kept], None] = {}
    threads: Threads[tuple[Question[_Kept], float], Question[_Kept]] = Threads(
        lambda job: _asked(acting, *job.task, pacing)
    )
    with threads:
        while pacing.goes_on() and (ready or running):
            while ready and len(running) < _REGIONS_AT_ONCE:
                region, not_before = ready.popleft()
                question = waiting[region].popleft()
                running[question] = None
                threads.begin((question, not_before))
            for done in threads.finished(_LOOK_AGAIN_SECONDS):
                del running[done]
                yield done
                left = waiting[done.region]
                while done.error and not done.pages and left:
                    yield _failed(left.popleft(), done.error)
                if left:
                    ready.append((done.region, done.last_request + SECONDS_BETWEEN_REQUESTS))
        until = time.monotonic() + _LAST_ANSWERS_SECONDS
        while running and time.monotonic() < until:
            for done in threads.finished(_LOOK_AGAIN_SECONDS):
                del running[done]
                yield done
    for each in (*running, *(each for left in waiting.values() for each in left)):
        yield _failed(each, AwsError(INTERRUPTED))


def _failed(question: Question[_Kept], error: AwsError) -> Question[_Kept]:
    """The same with nothing read: a thread may still be writing to the tally of the other."""
    failed = Question(question.region, question.attribute, question.empty, question.since, question.most_pages)
    failed.error = error
    return failed


def _asked(acting: Acting, question: Question[_Kept], not_before: float, pacing: Pacing) -> Question[_Kept]:
    def clock() -> float:
        question.last_request = pacing.clock()
        return question.last_request

    pacing.sleep(max(0.0, not_before - pacing.clock()))
    asked = Asked(question.attribute, question.since, pacing.until, question.most_pages, pacing.sleep, clock)
    try:
        for page in pages(acting.client("cloudtrail", question.region), asked):
            question.pages += 1
            question.tally.add(page)
            if not pacing.goes_on():
                question.error = AwsError(INTERRUPTED)
                break
    except AwsError as error:
        question.error = error
    except failures() as error:
        question.error = in_words(error, "look up events")
    return question
