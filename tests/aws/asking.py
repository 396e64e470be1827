"""Questions about keys of the fault stub, and what `verify` answers to them."""

from __future__ import annotations

from keysweep.aws.partitions import partition
from keysweep.aws.signing import Caller, Credential
from keysweep.aws.verify import Answer, Question, verify
from keysweep.findings import Secret
from tests.emulators.faults import Faults
from tests.emulators.keys import AccessKey


def question(key: AccessKey, *secrets: str, partitions: tuple[str, ...] = ("aws",)) -> Question:
    """About `key`, with `secrets` in place of its own if there are any."""
    token = Secret(key.token) if key.token else None
    candidates = tuple(Credential(key.key_id, Secret(each), token) for each in secrets or (key.secret,))
    return Question(key.key_id, candidates, tuple(map(partition, partitions)))


def answers(faults: Faults, *questions: Question) -> dict[str, Answer]:
    """What is said of each key ID."""
    return {each.verdict.key_id: each for each in verify(questions, Caller(faults.endpoint))}


def the_answer(faults: Faults, asked: Question) -> Answer:
    """What is said of the one key."""
    return answers(faults, asked)[asked.key_id]
