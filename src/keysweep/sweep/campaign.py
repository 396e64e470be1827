"""A sweep from beginning to end: list what there is, sweep it, ask AWS, and say that it is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from keysweep.frozen import frozen
from keysweep.report.style import number_of
from keysweep.store import inventories, runs
from keysweep.store.knowledge import record_containments, record_verdicts
from keysweep.store.opening import Store
from keysweep.store.rows import batches
from keysweep.store.summaries import reopen_lapsed
from keysweep.sweep import work
from keysweep.sweep.engines import Engine, WorkerDiedError, is_done
from keysweep.sweep.inventory import inventory
from keysweep.sweep.inventory.filters import Filters
from keysweep.sweep.inventory.targets import Kind, Target
from keysweep.sweep.orders import Manner
from keysweep.sweep.verifying import askings, verdicts_in
from keysweep.verdicts import Containment, Status, Verdict

_LISTED_AT_ONCE = 200
_MOST_NOTES = 50


@frozen
class Begun:
    """A run that was begun, or taken up again."""

    name: str
    is_resumed: bool
    is_listed: bool
    """Whether all that it has to sweep is known already."""


def begin(store: Store, target: Target, settings: Mapping[str, Any], engine: str, *, resume: bool) -> Begun:
    """Take up the run of `target` that has not ended, if `resume` says so and there is one; else begin another."""
    now = datetime.now(UTC)
    with store.writing() as connection:
        reopen_lapsed(connection, now.date(), now)
        before = runs.unfinished(connection, target.text)
        if resume and before is not None:
            runs.go_on(connection, before.id, engine, now, again=True)
            return Begun(before.id, True, before.listed)
        if before is not None:
            runs.end(connection, before.id, "incomplete", now)
        return Begun(runs.new_run(connection, target.text, settings, engine, now), False, False)


def list_all(
    store: Store,
    run: str,
    target: Target,
    wanted: Filters,
    *,
    on_progress: Callable[[int], None],
    on_wait: Callable[[str], None],
    goes_on: Callable[[], bool],
) -> None:
    """Record every wanted repository as one that `run` has to sweep; raises as `inventory` does.

    What could not be listed is noted in the run, which is incomplete by that.
    """
    problems: list[str] = []
    left_out: Counter[str] = Counter()
    listed = inventory(
        target,
        wanted,
        on_problem=problems.append,
        on_progress=on_progress,
        on_left_out=lambda reason: left_out.update((reason,)),
        on_wait=on_wait,
        goes_on=goes_on,
    )
    kind = target.kind.value if target.is_hosted else ""
    for batch in batches(listed, _LISTED_AT_ONCE):
        with store.writing() as connection:
            inventories.add_to_run(connection, run, batch, datetime.now(UTC), kind)
        if not goes_on():
            return
    if not goes_on():
        return  # the list may have ended because of that
    with store.writing() as connection:
        before = inventories.known_of_target(connection, run)
        if before and not runs.counts(connection, run).total and not left_out:
            problems.append(f"nothing is listed any more, where there were {number_of(before, 'repository')}")
        runs.note(connection, run, left_out_words(left_out), problems[:_MOST_NOTES])
        is_whole = not problems and wanted == Filters() and target.kind is not Kind.STDIN
        inventories.all_listed(connection, run, datetime.now(UTC), is_complete=is_whole)


def left_out_words(left_out: Mapping[str, int]) -> list[str]:
    """What the filters left out, counted."""
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return [f"left out as asked: {told}"] if told else []


def ask_all(
    store: Store,
    run: str,
    engine: Engine,
    manner: Manner,
    partitions: tuple[str, ...],
    endpoint: str | None,
    *,
    on_progress: Callable[[int], None],
    goes_on: Callable[[], bool],
) -> tuple[Verdict, ...]:
    """Ask AWS about every key that has to be asked about, once each, where its secret can be read again.

    What could not be read or asked is noted in the run. Returns what AWS said.
    """
    said: list[Verdict] = []
    for asking in askings(store, datetime.now(UTC), partitions, endpoint):
        if not goes_on():
            break
        future = engine.submit(work.ask, asking, manner)
        if not is_done(future, goes_on):
            break
        try:
            asked = future.result()
        except WorkerDiedError as error:
            with store.writing() as connection:
                runs.note(connection, run, (), [f"AWS was not asked about some keys: {error}"])
            continue
        verdicts = verdicts_in(asked.verdicts)
        with store.writing() as connection:
            record_verdicts(connection, verdicts, datetime.now(UTC))
            runs.note(connection, run, (), asked.unread[:_MOST_NOTES])
        said += verdicts
        on_progress(len(said))
    unanswered = sum(each.status is Status.UNKNOWN and each.asked for each in said)
    if unanswered:
        why = f"AWS gave no answer about {number_of(unanswered, 'key')}: the next sweep asks again"
        with store.writing() as connection:
            runs.note(connection, run, (), [why])
    return tuple(said)


def take_containments(store: Store, told: Mapping[str, Containment]) -> None:
    """Record what the journal of this machine says of leaked keys."""
    with store.writing() as connection:
        record_containments(connection, told, datetime.now(UTC))


def is_nothing_begun(store: Store, run: str) -> bool:
    """Whether a run has not even got a list of what it is to sweep, so that there is nothing to go on with."""
    with store.reading() as connection:
        return not runs.counts(connection, run).total


def end(store: Store, run: str, *, is_interrupted: bool) -> runs.Counts:
    """Say that a run is over, unless it was interrupted; returns what came of it."""
    with store.writing() as connection:
        counts = runs.counts(connection, run)
        is_complete = not counts.unread and not runs.problems_of(connection, run)
        state = "interrupted" if is_interrupted else "done" if is_complete else "incomplete"
        runs.end(connection, run, state, datetime.now(UTC))
    return counts
