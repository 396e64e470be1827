"""A stub of STS and IAM in which each key ID has a script of what goes wrong; what is left goes right.

It checks signatures for real. Where nothing is scripted a key works, a wrong secret is SignatureDoesNotMatch, and a
key that is unknown, deactivated or of another partition is InvalidClientTokenId.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import SystemRandom
from threading import Lock

from tests.emulators import answers, credentials
from tests.emulators.actions import Asked, State, perform
from tests.emulators.clients import Clients
from tests.emulators.credentials import ServiceCredential
from tests.emulators.keys import ACCOUNT, AccessKey, mint
from tests.emulators.log import Log
from tests.emulators.partitions import partition_of
from tests.emulators.script import ClockSkew, FalseMismatch, Fault, Latency, Refusal, Reply, SlowPropagation
from tests.emulators.sigv4 import Signature, read
from tests.emulators.wire import Answer, Given, Request, serve


class Faults(Clients):
    """STS and IAM of any number of accounts, as bad as a test wants them."""

    def __init__(self) -> None:
        """Without keys; `endpoint` is set by who serves it."""
        super().__init__("")
        self._random = SystemRandom()
        self._lock = Lock()
        self._states: dict[str, State] = {}
        self._credentials: list[ServiceCredential] = []
        self.log = Log()

    def key(self, *script: Fault, user: str = "ci", account: str = ACCOUNT) -> AccessKey:
        """A working key of an IAM user, with which `script` goes wrong."""
        return self.add(mint(self._random, account), *script, arn=f"arn:aws:iam::{account}:user/{user}")

    def session(self, *script: Fault, role: str = "build", account: str = ACCOUNT) -> AccessKey:
        """A working key of a role session, with which `script` goes wrong."""
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/session"
        return self.add(mint(self._random, account, "ASIA"), *script, arn=arn)

    def root(self, *script: Fault, account: str = ACCOUNT) -> AccessKey:
        """A working key of an account's root user, with which `script` goes wrong."""
        return self.add(mint(self._random, account), *script, arn=f"arn:aws:iam::{account}:root")

    def add(self, key: AccessKey, *script: Fault, arn: str | None = None) -> AccessKey:
        """Have a key that was made elsewhere work, as whoever `arn` names; one that was known is as if new."""
        with self._lock:
            return self._put(key, arn or f"arn:aws:iam::{key.account}:user/ci", script)

    def service_credential(self, user: str, account: str = ACCOUNT) -> ServiceCredential:
        """A working Bedrock API key of `user`."""
        made = credentials.make(self._random, user, account)
        self._credentials.append(made)
        return made

    def is_active(self, key: AccessKey) -> bool:
        """What IAM would list, however long it takes to tell everywhere."""
        return self._states[key.key_id].status == "Active"

    def deactivate(self, key: AccessKey) -> None:
        """Make `key` inactive, without a request that would be logged."""
        with self._lock:
            self._states[key.key_id].inactive_since = time.monotonic()

    def most_in_flight(self, key: AccessKey) -> int:
        """The highest number of requests that `key` signed and that were there at the same time."""
        return self._states[key.key_id].most_in_flight

    def reset(self) -> None:
        """Forget all keys and requests."""
        with self._lock:
            self._states.clear()
            self._credentials.clear()
        self.log.clear()

    def answer(self, request: Request) -> Given:
        """The scripted answer, or the right one."""
        signature = read(request)
        number = self.log.enter(request, signature)
        state = self._states.get(signature.key_id) if signature else None
        if signature is None or state is None:
            code = "MissingAuthenticationToken" if signature is None else "InvalidClientTokenId"
            given: Given = answers.error(signature.service if signature else "sts", code)
        else:
            with self._lock:
                state.in_flight += 1
                state.most_in_flight = max(state.most_in_flight, state.in_flight)
            try:
                given = self._play(request, signature, state)
            finally:
                with self._lock:
                    state.in_flight -= 1
        if isinstance(given, Answer):
            self.log.complete(number, given)
        return given

    def _play(self, request: Request, signature: Signature, state: State) -> Given:
        time.sleep(sum(fault.seconds for fault in state.script if isinstance(fault, Latency)))
        ahead = timedelta(seconds=sum(fault.seconds for fault in state.script if isinstance(fault, ClockSkew)))
        with self._lock:
            about = self._states.get(request.parameters.get("AccessKeyId", ""))
            given = (
                self._scripted(request, signature, state, about, authenticated=False)
                or _refused(request, signature, state, request.at + ahead)
                or self._scripted(request, signature, state, about, authenticated=True)
                or self._perform(request, signature, state, about)
            )
        if isinstance(given, Answer):
            date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
            return Answer(given.status, given.body, {**given.headers, "Date": date})
        return given

    def _scripted(
        self, request: Request, signature: Signature, caller: State, about: State | None, *, authenticated: bool
    ) -> Given | None:
        """The first line of a script that is about this call and not yet used up."""
        for state in (caller, about):
            for number, line in enumerate(state.script if state else ()):
                if not isinstance(line, Reply) or line.authenticated != authenticated:
                    continue
                if line.action != request.action and (line.action is not None or state is not caller):
                    continue
                assert state is not None
                if line.times is not None and state.played[number] >= line.times:
                    continue
                state.played[number] += 1
                if isinstance(line.what, Refusal):
                    what = line.what
                    return answers.error(signature.service, what.code, what.message, status=what.status)
                return line.what
        return None

    def _perform(self, request: Request, signature: Signature, caller: State, about: State | None) -> Answer:
        caller.last_used = (request.at, signature.service, signature.region)

        def issue(arn: str) -> AccessKey:
            return self._put(mint(self._random, arn.split(":")[4], "ASIA"), arn, ())

        return perform(
            Asked(request, signature, caller, about, tuple(self._states.values()), tuple(self._credentials), issue)
        )

    def _put(self, key: AccessKey, arn: str, script: tuple[Fault, ...]) -> AccessKey:
        self._states[key.key_id] = State(key, arn, script, [0] * len(script), datetime.now(UTC))
        return key


def _refused(request: Request, signature: Signature, state: State, now: datetime) -> Answer | None:
    """What is wrong with a request whose key is known."""
    is_elsewhere = partition_of(signature.region) != state.arn.split(":")[1]
    if is_elsewhere or signature.token != state.key.token or _is_cut_off(state):
        return answers.error(signature.service, "InvalidClientTokenId")
    skew = signature.skew(now)
    if skew:
        return answers.error(signature.service, "SignatureDoesNotMatch", skew)
    here = time.monotonic()
    if not signature.matches(request, state.key.secret):
        state.wrong_since = here
        return answers.error(signature.service, "SignatureDoesNotMatch")
    window = max((fault.seconds for fault in state.script if isinstance(fault, FalseMismatch)), default=0)
    if state.wrong_since is not None and here - state.wrong_since < window:
        return answers.error(signature.service, "SignatureDoesNotMatch")
    return None


def _is_cut_off(state: State) -> bool:
    """Whether a deactivation has come through; asking counts as a call."""
    if state.inactive_since is None:
        return False
    state.calls_since += 1
    slow = next((fault for fault in state.script if isinstance(fault, SlowPropagation)), SlowPropagation())
    if slow.flaps and state.calls_since == 1:
        return True
    return state.calls_since > slow.calls and time.monotonic() - state.inactive_since >= slow.seconds


@contextmanager
def faults() -> Iterator[Faults]:
    """A running stub without keys."""
    emulator = Faults()
    with serve(emulator.answer) as endpoint:
        emulator.endpoint = endpoint
        yield emulator
