"""ministack behind a thin wrapper that shows AWS-shaped keys and does right what ministack does not.

The client signs with an outward key. The wrapper checks that signature, puts the inward IDs into the request, signs
it with the inward key for the same time, and translates the answer. Whether a key is active, a session over or a
policy in the way stays ministack's to say: a request with a wrong signature is sent on with a wrong signature.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from urllib.parse import urlencode

from tests.emulators import answers, trail
from tests.emulators.backend import Backend, backend, inward_root, texts
from tests.emulators.call import Call
from tests.emulators.clients import Clients
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.log import Log
from tests.emulators.ring import Key, LastUse, Ring
from tests.emulators.sigv4 import Signature, read
from tests.emulators.wire import Answer, Request, serve

_UNAUTHENTICATED = {
    code
    for name in ("ExpiredToken", "InvalidClientTokenId", "MissingAuthenticationToken", "SignatureDoesNotMatch")
    for code in (name, answers.json_code(name))
}
_WITH_JSON = ("secretsmanager", "ssm")
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


class Ministack(Clients):
    """STS, IAM, CloudTrail, Secrets Manager and Parameter Store for any number of accounts, at one endpoint."""

    def __init__(self, behind: Backend) -> None:
        """In front of `behind`; `endpoint` is set by who serves it."""
        super().__init__("")
        self._backend = behind
        self._ring = Ring()
        self._lock = RLock()
        self.log = Log()

    def root(self, account: str = ACCOUNT) -> AccessKey:
        """The key of the root user of `account`, which exists as soon as it is asked for."""
        with self._lock:
            known = self._ring.root(account)
            key = known or self._ring.add(inward_root(account), f"arn:aws:iam::{account}:root")
        return key.outward

    def expire(self, session: AccessKey) -> None:
        """End a session now: AWS's shortest lasts a quarter of an hour."""
        self._ring.expire(session.key_id)

    def set_last_used(self, key: AccessKey, date: datetime, service: str, region: str) -> None:
        """Say when a key was last used, as if it had been."""
        self._ring.use(key.key_id, LastUse(date, service, region))

    def reset(self) -> None:
        """Forget all accounts, keys and requests."""
        self._backend.reset()
        self._ring.clear()
        self.log.clear()

    def answer(self, request: Request) -> Answer:
        """What AWS would answer."""
        signature = read(request)
        number = self.log.enter(request, signature)
        given = _with_request_id(self._answer(request, signature))
        self.log.complete(number, given)
        key = self._ring.get(signature.key_id) if signature else None
        if signature and key and not key.is_temporary and answers.code_of(given) not in _UNAUTHENTICATED:
            self._ring.use(signature.key_id, LastUse(request.at, signature.service, signature.region))
        return given

    def _answer(self, request: Request, signature: Signature | None) -> Answer:
        if signature is None:
            return answers.error("sts", "MissingAuthenticationToken")
        key = self._ring.get(signature.key_id)
        if key is None:
            return answers.error(signature.service, "InvalidClientTokenId")
        refused = self._refused(request, signature, key)
        if refused is not None:
            return refused
        if signature.service == "cloudtrail":
            return self._cloudtrail(request, signature, key)
        if signature.service in _WITH_JSON:
            return self._with_json(request, signature, key)
        call = Call(self._backend, self._ring, request, signature, key)
        if request.action != "CreateAccessKey":
            return call.answer()
        with self._lock:  # two at a time would each see the other's key and both be the third
            return call.answer()

    def _refused(self, request: Request, signature: Signature, key: Key) -> Answer | None:
        """The refusal if the caller is not who it says."""
        if key.is_root:  # ministack lets a root in with any signature of any time
            skew = signature.skew(request.at)
            if skew or not signature.matches(request, key.outward.secret):
                return answers.error(signature.service, "SignatureDoesNotMatch", skew)
            return None
        right = signature.matches(request, key.outward.secret)
        inward = key.inward if right else AccessKey(key.inward.key_id, "another", key.inward.account)
        token = key.inward.token if signature.token == key.outward.token else "another"
        asked = self._backend.send(
            {"content-type": _FORM},
            urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode(),
            inward,
            signature.for_service("sts"),
            token,
        )
        if asked.status != 200:
            # Said again for the service that was called, since CloudTrail speaks JSON.
            (code,), (message,) = texts(asked, "Code"), texts(asked, "Message")
            return answers.error(signature.service, code, message, status=asked.status)
        return answers.error(signature.service, "ExpiredToken") if key.expired else None

    def _with_json(self, request: Request, signature: Signature, key: Key) -> Answer:
        """What ministack answers for a service that speaks JSON; AWS's refuse with 400."""
        headers = {name: request.headers[name] for name in ("content-type", "x-amz-target")}
        given = self._backend.send(headers, request.body, key.inward, signature, key.inward.token)
        if given.status != 200:
            return Answer(400 if given.status < 500 else given.status, given.body, given.headers)
        return given

    def _cloudtrail(self, request: Request, signature: Signature, key: Key) -> Answer:
        """Have ministack say whether the caller may, and the log what there is to see."""
        given = self._with_json(request, signature, key)
        if given.status != 200 or request.action != "LookupEvents":
            return given
        entries = [
            (entry, caller)
            for entry in self.log.requests()
            if entry.key_id and entry.status and entry.region == signature.region
            if (caller := self._ring.get(entry.key_id)) and caller.outward.account == key.outward.account
        ]
        found = trail.lookup(entries, request.parameters)
        return Answer(200, json.dumps(found).encode(), given.headers)


def _with_request_id(given: Answer) -> Answer:
    """The answer with one request ID, the same in the header and the body; ministack has two or one."""
    headers = {name.lower(): value for name, value in given.headers.items()}
    inside = texts(given, "RequestId")
    request_id = inside[0] if inside else headers.get("x-amzn-requestid", str(uuid.uuid4()))
    return Answer(given.status, given.body, {**headers, "x-amzn-requestid": request_id})


@contextmanager
def ministack() -> Iterator[Ministack]:
    """A running ministack behind its wrapper, empty."""
    with backend() as behind:
        emulator = Ministack(behind)
        with serve(emulator.answer) as endpoint:
            emulator.endpoint = endpoint
            yield emulator
