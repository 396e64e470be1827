"""Which of the keys found are live: every key ID asked about, one request at a time for each, many at once."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from itertools import count

from keysweep.aws.outcomes import Meaning, Outcome
from keysweep.aws.pace import Pace
from keysweep.aws.partitions import Partition
from keysweep.aws.signing import Caller, Credential
from keysweep.frozen import frozen, replace
from keysweep.verdicts import Status, Verdict

MISMATCH_SECONDS = 5.2
"""Requests for one key ID with different secrets within about 5 s can be answered SignatureDoesNotMatch even for
the right one (trufflehog), so this much lies between them, and a mismatch is believed when it comes again."""
_THROTTLED_ATTEMPTS = 8
_FAILED_ATTEMPTS = 3
"""Requests that are throttled, or fail, are made so often before the key counts as unknown."""
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 8.0


@frozen
class Question:
    """One key ID, and everything that might be its secret."""

    key_id: str
    candidates: tuple[Credential, ...]
    """Best first; empty if nothing can be tried, and then `unasked` says why."""
    partitions: tuple[Partition, ...] = ()
    """Where to ask, in this order, until one knows the key ID."""
    canary: str | None = None
    """Who laid it as bait; it is not tried."""
    unasked: str = ""


@frozen
class Answer:
    """A verdict, and the credential that AWS accepted, which is kept in memory for what follows."""

    verdict: Verdict
    credential: Credential | None = None


@frozen
class _Step:
    """How far the asking about one key ID has come."""

    question: Question
    partition: int = 0
    turn: int = 0
    """Counts the candidates that did not match; each is tried twice."""
    attempt: int = 0
    skewed: bool = False

    @property
    def credential(self) -> Credential:
        return self.question.candidates[self.turn % len(self.question.candidates)]


_Next = tuple[float, _Step]
"""Seconds to wait, and what comes then."""


def verify(
    questions: Iterable[Question], caller: Caller, *, workers: int = 32, most_per_second: float = 500.0
) -> Iterator[Answer]:
    """Answer every question, in the order in which the answers come.

    A key ID that comes twice is asked about once. At most `workers` requests are under way, never two for one key
    ID. No failure of the network or of AWS ends this: what cannot be known is `Status.UNKNOWN` with its reason.
    """
    pace = Pace(most_per_second)
    due: list[tuple[float, int, _Step]] = []
    number = count()
    for question in {each.key_id: each for each in questions}.values():
        settled = _without_asking(question)
        if settled is not None:
            yield settled
        else:
            due.append((0.0, next(number), _Step(question)))
    running: dict[Future[_Next | Answer], None] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="verify") as pool:
        while due or running:
            now = time.monotonic()
            while due and due[0][0] <= now and len(running) < workers:
                running[pool.submit(_ask, heapq.heappop(due)[2], caller, pace)] = None
            pause = max(0.0, due[0][0] - now) if due and len(running) < workers else None
            if not running:
                time.sleep(pause or 0.0)
                continue
            for future in wait(running, pause, FIRST_COMPLETED).done:
                del running[future]
                came = future.result()
                if isinstance(came, Answer):
                    yield came
                else:
                    heapq.heappush(due, (time.monotonic() + came[0], next(number), came[1]))


def _without_asking(question: Question) -> Answer | None:
    if question.canary:
        reason = f"bait laid by {question.canary}: trying it would raise an alarm"
        return Answer(Verdict(question.key_id, Status.CANARY, reason, datetime.now(UTC)))
    if not question.candidates or not question.partitions:
        reason = question.unasked or "no partition was named to ask in"
        return Answer(Verdict(question.key_id, Status.UNKNOWN, reason, datetime.now(UTC)))
    return None


def _ask(step: _Step, caller: Caller, pace: Pace) -> _Next | Answer:
    """Make one request and say what comes next."""
    pace.wait()
    partition = step.question.partitions[step.partition]
    outcome = caller.ask(step.credential, partition)
    if outcome.meaning is Meaning.THROTTLED:
        pace.throttled()
    else:
        pace.accepted()
    return _STEPS[outcome.meaning](step, outcome, caller)


def _live(step: _Step, outcome: Outcome, _caller: Caller) -> Answer:
    accepted = replace(
        _said(step, Status.LIVE, outcome.reason, outcome).verdict,
        partition=step.question.partitions[step.partition].name,
        account_id=outcome.account_id,
        arn=outcome.arn,
        user_id=outcome.user_id,
    )
    return Answer(accepted, step.credential)


def _invalid(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    if step.partition + 1 < len(step.question.partitions):
        return 0.0, _Step(step.question, partition=step.partition + 1, skewed=step.skewed)
    asked = ", ".join(each.name for each in step.question.partitions)
    reason = f"{outcome.reason} (asked: {asked})"
    if step.credential.token:
        reason += ", or the session token is not its own"
    return _said(step, Status.DEAD, reason, outcome)


def _mismatch(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    tried = step.turn + 1
    if tried < 2 * len(step.question.candidates):
        return MISMATCH_SECONDS, replace(step, turn=tried, attempt=0)
    secrets = len(step.question.candidates)
    reason = outcome.reason if secrets == 1 else f"AWS knows the key ID, and none of {secrets} secrets is its own"
    return _said(step, Status.WRONG_SECRET, reason, outcome)


def _expired(step: _Step, outcome: Outcome, _caller: Caller) -> Answer:
    return _said(step, Status.EXPIRED, outcome.reason, outcome)


def _skewed(step: _Step, outcome: Outcome, caller: Caller) -> _Next | Answer:
    if not step.skewed and outcome.date is not None:
        caller.clock.correct(outcome.date)
        return 0.0, replace(step, skewed=True)
    reason = "the clock of this machine differs too much from AWS's: set it right"
    return _said(step, Status.UNKNOWN, reason, outcome)


def _again(step: _Step, outcome: Outcome, _caller: Caller, attempts: int = _THROTTLED_ATTEMPTS) -> _Next | Answer:
    if step.attempt + 1 < attempts:
        most = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0**step.attempt)
        delay = random.uniform(most / 2, most)  # noqa: S311 - jitter
        return delay, replace(step, attempt=step.attempt + 1)
    return _said(step, Status.UNKNOWN, f"{outcome.reason}, {attempts} times", outcome)


def _failed(step: _Step, outcome: Outcome, caller: Caller) -> _Next | Answer:
    return _again(step, outcome, caller, _FAILED_ATTEMPTS)


def _odd(step: _Step, outcome: Outcome, _caller: Caller) -> Answer:
    return _said(step, Status.UNKNOWN, outcome.reason, outcome)


_STEPS: dict[Meaning, Callable[[_Step, Outcome, Caller], _Next | Answer]] = {
    Meaning.LIVE: _live,
    Meaning.INVALID: _invalid,
    Meaning.MISMATCH: _mismatch,
    Meaning.EXPIRED: _expired,
    Meaning.SKEWED: _skewed,
    Meaning.THROTTLED: _again,
    Meaning.FAILED: _failed,
    Meaning.ODD: _odd,
}


def _said(step: _Step, status: Status, reason: str, outcome: Outcome) -> Answer:
    key_id = step.question.key_id
    return Answer(Verdict(key_id, status, reason, datetime.now(UTC), request_id=outcome.request_id, asked=True))
