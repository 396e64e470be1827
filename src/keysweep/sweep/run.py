"""A run: what waits in the store is done by an engine, what failed is tried again, all is recorded as it comes.

Whatever ends this process, the store has what was done until then, and the next run goes on from there.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import UTC, datetime
from typing import Any

from keysweep.errors import IncompleteError
from keysweep.frozen import frozen, replace
from keysweep.report.recorded import result_of
from keysweep.repositories import Holds
from keysweep.store import recording, runs
from keysweep.store.opening import Store
from keysweep.store.rows import batches
from keysweep.store.runs import Counts, Task, TaskState
from keysweep.sweep import work
from keysweep.sweep.engines import Engine, WorkerDiedError, is_done
from keysweep.sweep.here import refs_digest
from keysweep.sweep.orders import Failure, Looked, Manner, Swept, Trouble, Where

_LOOKED_AT_ONCE = 32
_LOOK_SECONDS = 0.5
_BEAT_SECONDS = 15
_TIDIED_EVERY = 5
_MOST_IN_A_ROW = 12
"""After so many first tries that failed one after the other it is asked whether anything answers at all."""


@frozen
class Course:
    """How a run deals with failures."""

    attempts: int = 3
    first_delay_seconds: float = 5.0
    """Before the second attempt; four times as long before each further one."""


@frozen
class Moment:
    """How far a run has come."""

    counts: Counts
    working: int
    """Repositories that are being swept now."""


Watch = Callable[[Moment], None]


def sweep_all(
    store: Store,
    run: str,
    engine: Engine,
    manner: Manner,
    *,
    course: Course | None = None,
    watch: Watch = lambda _: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Sweep everything that waits in `run`, until `goes_on` says no.

    Raises StoreError where nothing can be recorded any more, EngineLostError where nobody is left to do the work,
    and IncompleteError where nothing answers: in each case the run can be taken up again.
    """
    with store.reading() as connection:
        waiting = runs.waiting(connection, run)
        counts = runs.counts(connection, run)
    _Sweeping(store, run, engine, manner, course or Course(), watch, goes_on, counts).do(waiting)


class _Sweeping:
    """A run under way."""

    def __init__(
        self,
        store: Store,
        run: str,
        engine: Engine,
        manner: Manner,
        course: Course,
        watch: Watch,
        goes_on: Callable[[], bool],
        counts: Counts,
    ) -> None:
        self._store, self._run, self._engine, self._manner = store, run, engine, manner
        self._course, self._watch, self._goes_on = course, watch, goes_on
        self._counts = counts
        self._rules = work.rules_of(manner)
        self._looks: deque[list[Task]] = deque()
        self._tasks: deque[Task] = deque()
        self._later: list[tuple[float, int, Task]] = []
        self._looking: dict[Future[list[Looked]], list[Task]] = {}
        self._sweeping: dict[Future[Swept], Task] = {}
        self._tidying: Future[int] | None = None
        self._swept_since_tidied = 0
        self._failed_in_a_row = 0
        self._good: Task | None = None
        """A repository elsewhere that could be read."""
        self._beat_at = 0.0

    def do(self, waiting: Sequence[Task]) -> None:
        known = [task for task in waiting if task.swept_refs and task.swept_rules == self._rules]
        self._good = next((task for task in waiting if task.swept_refs and not work.is_local(task.url)), None)
        self._looks.extend(batches(known, _LOOKED_AT_ONCE))
        self._tasks.extend(task for task in waiting if not (task.swept_refs and task.swept_rules == self._rules))
        while self._is_anything_left() and self._goes_on():
            self._deal()
            self._take()
            self._tell()
        if self._swept_since_tidied and self._goes_on():
            wait((self._engine.submit(work.tidy, self._manner),))

    def _is_anything_left(self) -> bool:
        return bool(self._looks or self._tasks or self._later or self._looking or self._sweeping)

    def _deal(self) -> None:
        """Give the engine as much as keeps it busy and little more: what it has is lost when it is."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._tasks.append(heapq.heappop(self._later)[2])
        most = self._engine.workers + (self._engine.workers + 1) // 2
        while self._looks and len(self._looking) + len(self._sweeping) < most:
            batch = self._looks.popleft()
            places = [_where(task) for task in batch]
            self._looking[self._engine.submit(work.look, places, self._manner.mirrors.directory)] = batch
        while self._tasks and len(self._looking) + len(self._sweeping) < most:
            task = self._tasks.popleft()
            self._sweeping[self._engine.submit(work.sweep, _where(task), self._manner)] = task
        if self._swept_since_tidied >= _TIDIED_EVERY and (self._tidying is None or self._tidying.done()):
            self._tidying = self._engine.submit(work.tidy, self._manner)
            self._swept_since_tidied = 0

    def _take(self) -> None:
        """Wait until something has come back, and record it."""
        pending: list[Future[Any]] = [*self._looking, *self._sweeping]
        if not pending:
            time.sleep(min(_LOOK_SECONDS, max(0.0, self._later[0][0] - time.monotonic())) if self._later else 0)
            return
        done, _ = wait(pending, _LOOK_SECONDS, FIRST_COMPLETED)
        for future in [each for each in self._looking if each in done]:
            self._looked(self._looking.pop(future), future)
        for each in [each for each in self._sweeping if each in done]:
            self._swept(self._sweeping.pop(each), each)

    def _looked(self, batch: list[Task], future: Future[list[Looked]]) -> None:
        try:
            answers = {each.repository_id: each for each in future.result()}
        except WorkerDiedError:
            answers = {}
        same: list[Task] = []
        changed: list[Task] = []
        for task in batch:
            answer = answers.get(task.repository_id)
            is_same = answer is not None and not answer.failure and answer.refs_digest == task.swept_refs
            (same if is_same else changed).append(task)
        if same:
            self._succeeded(same[0])
            with self._store.writing() as connection:
                runs.unchanged(connection, self._run, [task.repository_id for task in same], _now())
            self._count(TaskState.UNCHANGED, len(same))
        self._tasks.extend(changed)

    def _swept(self, task: Task, future: Future[Swept]) -> None:
        try:
            swept = future.result()
        except WorkerDiedError as error:
            self._failed(task, Failure(Trouble.FOR_NOW, str(error)), has_died=True)
            return
        if swept.rules != self._rules:
            why = "its worker runs another version of keysweep than this one: install the same on all"
            self._failed(task, Failure(Trouble.OTHER_RULES, why))
        elif swept.failure or swept.document is None:
            self._failed(task, swept.failure or Failure(Trouble.OWN, "its worker sent nothing"))
        else:
            self._succeeded(task)
            self._record(task, swept)

    def _succeeded(self, task: Task) -> None:
        self._failed_in_a_row = 0
        if not work.is_local(task.url):
            self._good = task

    def _record(self, task: Task, swept: Swept) -> None:
        result = result_of(dict(swept.document or {}))
        what = recording.Swept(
            result, swept.refs or {}, swept.refs_digest, swept.rules, swept.seconds, task.attempts
        )
        with self._store.writing() as connection:
            fresh = recording.record(connection, self._run, task.repository_id, what, _now())
        self._swept_since_tidied += 1
        state = TaskState.INCOMPLETE if result.problems else TaskState.SWEPT
        self._count(state, 1, result.scanned_bytes, len(result.findings), fresh)

    def _failed(self, task: Task, failure: Failure, *, has_died: bool = False) -> None:
        """Try it again later, or give it up."""
        attempts = task.attempts + 1
        if (
            failure.trouble is Trouble.FOR_NOW
            and not has_died
            and not task.attempts
            and not work.is_local(task.url)
        ):
            self._failed_in_a_row += 1
            self._check_that_anything_answers(failure)
        if failure.trouble is Trouble.FOR_NOW and attempts < self._course.attempts:
            with self._store.writing() as connection:
                runs.attempted(connection, self._run, task.repository_id, failure.reason)
            due = time.monotonic() + self._course.first_delay_seconds * 4 ** (attempts - 1)
            heapq.heappush(self._later, (due, task.repository_id, _tried(task)))
            return
        state = TaskState.QUARANTINED if has_died else TaskState.FAILED
        with self._store.writing() as connection:
            runs.failed(connection, self._run, task.repository_id, failure.reason, _now(), state=state)
        self._count(state, 1)

    def _check_that_anything_answers(self, failure: Failure) -> None:
        """Tell a network that is gone from repositories that fail: of those, one that was swept answers."""
        if self._failed_in_a_row < max(_MOST_IN_A_ROW, 2 * self._engine.workers):
            return
        if self._good is not None:
            future = self._engine.submit(work.look, [_where(self._good)], self._manner.mirrors.directory)
            if not is_done(future, self._goes_on):
                return
            if not future.exception() and not future.result()[0].failure:
                self._failed_in_a_row = 0
                return
        raise IncompleteError(f"nothing answers any more ({failure.reason}): go on with --resume when it does.")

    def _count(
        self, state: TaskState, tasks: int, scanned_bytes: int = 0, findings: int = 0, fresh: int = 0
    ) -> None:
        before = self._counts
        states = dict(before.states)
        states[state] = states.get(state, 0) + tasks
        states[TaskState.WAITING] = states.get(TaskState.WAITING, 0) - tasks
        self._counts = Counts(
            states, before.scanned_bytes + scanned_bytes, before.findings + findings, before.fresh + fresh
        )

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._beat_at > _BEAT_SECONDS:
            self._beat_at = now
            with self._store.writing() as connection:
                runs.beat(connection, self._run, _now())
        self._watch(Moment(self._counts, len(self._sweeping)))


def _where(task: Task) -> Where:
    return Where(task.repository_id, task.identity, task.url, task.host_kind, _may_be_missing(task))


def _may_be_missing(task: Task) -> bool:
    """Whether there may be no such repository: hosts offer wikis that nobody has begun, but not then end them."""
    return task.holds == Holds.WIKI and task.swept_refs in (None, refs_digest({}))


def _tried(task: Task) -> Task:
    return replace(task, attempts=task.attempts + 1)


def _now() -> datetime:
    return datetime.now(UTC)
