"""Which of the keys found are live: every key ID asked about, one request at a time for each, many at once."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import count

from keysweep.aws.outcomes import Meaning, Outcome
from keysweep.aws.pace import Pace
from keysweep.aws.partitions import Partition
from keysweep.aws.signing import Caller, Credential
from keysweep.aws.threads import Job, Threads
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
_LONGEST_REQUEST_SECONDS = 30.0
"""Time-outs end a server that says nothing; this ends one that says a little every few seconds."""
_MOST_ENDLESS = 32
"""After so many requests without an end it is the network, or the server, and no more are made."""
_LOOK_SECONDS = 0.1
"""How often it is looked whether somebody still wants to know."""


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
    untried: int = 0
    """How many more candidates there are, too many to try."""


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
    throttled: int = 0
    failed: int = 0
    """How often in a row the same request was."""
    skewed: bool = False
    expired: Answer | None = None
    """What was said of another session token than those that are left."""

    @property
    def credential(self) -> Credential:
        return self.question.candidates[self.turn % len(self.question.candidates)]


_Next = tuple[float, _Step]
"""Seconds to wait, and what comes then."""


def verify(
    questions: Iterable[Question],
    caller: Caller,
    *,
    workers: int = 32,
    most_per_second: float = 500.0,
    goes_on: Callable[[], bool] = lambda: True,
) -> Iterator[Answer]:
    """Answer every question, in the order in which the answers come.

    A key ID that comes twice is asked about once. At most `workers` requests are under way, never two for one key
    ID. No failure of the network or of AWS ends this: what cannot be known is `Status.UNKNOWN` with its reason.
    Once `goes_on` says no, this ends with what has come, and waits for no request that is under way.
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
    requests: Threads[_Step, _Next | Answer] = Threads(lambda job: _ask(job, caller, pace))
    with requests:
        while due or requests.running:
            is_wanted = goes_on()
            now = time.monotonic()
            while is_wanted and due and due[0][0] <= now and requests.running < workers:
                requests.begin(heapq.heappop(due)[2])
            is_free = due and requests.running < workers
            pause = max(0.0, min(_LOOK_SECONDS, due[0][0] - now)) if is_free else _LOOK_SECONDS
            for came in requests.finished(pause if is_wanted else 0.0):
                if isinstance(came, Answer):
                    yield came
                else:
                    heapq.heappush(due, (time.monotonic() + came[0], next(number), came[1]))
            if not is_wanted:
                return
            for step in requests.given_up(_LONGEST_REQUEST_SECONDS):
                yield _unknown(
                    step, f"AWS's answer did not come to an end in {_LONGEST_REQUEST_SECONDS:.0f} seconds"
                )
            if requests.lost >= _MOST_ENDLESS:
                yield from (_left_out(step) for *_, step in due)
                due.clear()


def _without_asking(question: Question) -> Answer | None:
    if question.canary:
        reason = f"bait laid by {question.canary}: trying it would raise an alarm"
        return Answer(Verdict(question.key_id, Status.CANARY, reason, datetime.now(UTC)))
    if not question.candidates or not question.partitions:
        reason = question.unasked or "no partition was named to ask in"
        return Answer(Verdict(question.key_id, Status.UNKNOWN, reason, datetime.now(UTC)))
    return None


def _ask(job: Job[_Step, _Next | Answer], caller: Caller, pace: Pace) -> _Next | Answer:
    """Make one request and say what comes next."""
    pace.wait()
    job.mark()
    step = job.task
    partition = step.question.partitions[step.partition]
    outcome = caller.ask(step.credential, partition)
    if outcome.meaning is Meaning.THROTTLED:
        pace.throttled()
    elif outcome.meaning is not Meaning.FAILED:
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
        return 0.0, replace(step, partition=step.partition + 1, turn=0, throttled=0, failed=0)
    asked = ", ".join(each.name for each in step.question.partitions)
    reason = f"{outcome.reason} (asked: {asked})"
    if step.credential.token:
        reason += ", or the session token is not its own"
    return _without_token(step) or step.expired or _said(step, Status.DEAD, reason, outcome)


def _without_token(step: _Step) -> _Next | None:
    """What comes after a session token was refused: the candidates with others, if there are any.

    A token that is not the key's own is answered like a key that does not exist.
    """
    token = step.credential.token
    others = tuple(each for each in step.question.candidates if each.token != token)
    if token is None or not others:
        return None
    return 0.0, _Step(replace(step.question, candidates=others), skewed=step.skewed, expired=step.expired)


def _mismatch(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    tried = step.turn + 1
    if tried < 2 * len(step.question.candidates):
        return MISMATCH_SECONDS, replace(step, turn=tried, throttled=0, failed=0)
    secrets, untried = len(step.question.candidates), step.question.untried
    if untried:
        reason = f"AWS knows the key ID, none of {secrets} secrets is its own, and {untried} more were not tried"
        return _said(step, Status.UNKNOWN, reason, outcome)
    reason = outcome.reason if secrets == 1 else f"AWS knows the key ID, and none of {secrets} secrets is its own"
    return _said(step, Status.WRONG_SECRET, reason, outcome)


def _expired(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    answer = _said(step, Status.EXPIRED, outcome.reason, outcome)
    return _without_token(replace(step, expired=answer)) or answer


def _skewed(step: _Step, outcome: Outcome, caller: Caller) -> _Next | Answer:
    if not step.skewed and outcome.date is not None:
        caller.clock.correct(outcome.date)
        return 0.0, replace(step, skewed=True)
    reason = "the clock of this machine differs too much from AWS's: set it right"
    return _said(step, Status.UNKNOWN, reason, outcome)


def _throttled(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    return _again(replace(step, throttled=step.throttled + 1), outcome)


def _failed(step: _Step, outcome: Outcome, _caller: Caller) -> _Next | Answer:
    return _again(replace(step, failed=step.failed + 1), outcome)


def _again(step: _Step, outcome: Outcome) -> _Next | Answer:
    times = step.throttled + step.failed
    if step.throttled >= _THROTTLED_ATTEMPTS or step.failed >= _FAILED_ATTEMPTS:
        return _said(step, Status.UNKNOWN, f"{outcome.reason}, {times} times", outcome)
    most = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** (times - 1))
    delay = random.uniform(most / 2, most)  # noqa: S311 - jitter
    return delay, step


def _odd(step: _Step, outcome: Outcome, _caller: Caller) -> Answer:
    return _said(step, Status.UNKNOWN, outcome.reason, outcome)


_STEPS: dict[Meaning, Callable[[_Step, Outcome, Caller], _Next | Answer]] = {
    Meaning.LIVE: _live,
    Meaning.INVALID: _invalid,
    Meaning.MISMATCH: _mismatch,
    Meaning.EXPIRED: _expired,
    Meaning.SKEWED: _skewed,
    Meaning.THROTTLED: _throttled,
    Meaning.FAILED: _failed,
    Meaning.ODD: _odd,
}


def _unknown(step: _Step, reason: str) -> Answer:
    return _said(step, Status.UNKNOWN, reason, Outcome(Meaning.FAILED, reason))


def _left_out(step: _Step) -> Answer:
    answer = _unknown(step, "too many requests before it did not come to an end")
    was_asked = step != _Step(step.question)
    return replace(answer, verdict=replace(answer.verdict, asked=was_asked))


def _said(step: _Step, status: Status, reason: str, outcome: Outcome) -> Answer:
    key_id = step.question.key_id
    return Answer(Verdict(key_id, status, reason, datetime.now(UTC), request_id=outcome.request_id, asked=True))
