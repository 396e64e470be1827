"""One authenticated call of STS or IAM on its way through the wrapper to ministack and back."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from tests.emulators import answers
from tests.emulators.backend import Backend, inward_root, texts
from tests.emulators.keys import AccessKey
from tests.emulators.ring import Key, Ring
from tests.emulators.sigv4 import Signature
from tests.emulators.wire import Answer, Request

_KEY_ACTIONS = {"CreateAccessKey", "DeleteAccessKey", "ListAccessKeys", "UpdateAccessKey"}
_OF_THE_CALLER = _KEY_ACTIONS | {"GetUser"}
"""Actions that mean the caller where they name no user."""
_MOST_KEYS = 2
_ISSUED = re.compile(
    r"<AccessKeyId>(?P<id>[^<]+)</AccessKeyId>\s*<SecretAccessKey>(?P<secret>[^<]+)</SecretAccessKey>"
    r"(?:\s*<SessionToken>(?P<token>[^<]+)</SessionToken>)?"
)


class Call:
    """What AWS would answer to one request, told by ministack as far as that is right."""

    def __init__(self, backend: Backend, ring: Ring, request: Request, signature: Signature, key: Key) -> None:
        """`key` signed `request`, and that is beyond doubt."""
        self._backend = backend
        self._ring = ring
        self._request = request
        self._signature = signature
        self._key = key
        self._action = request.action
        self._parameters = dict(request.parameters)

    def answer(self) -> Answer:
        """The answer, in outward terms."""
        names_a_user = "UserName" in self._parameters
        if self._action in _KEY_ACTIONS and not names_a_user and self._key.is_temporary:
            message = "Must specify userName when calling with non-User credentials"
            return answers.error("iam", "ValidationError", message)
        if self._action in _OF_THE_CALLER and not names_a_user and self._key.user:
            self._parameters["UserName"] = self._key.user
        given = self._forward()
        match self._action:
            case "CreateAccessKey":
                given = self._limited(given)
            case "GetAccessKeyLastUsed":
                given = self._last_used(given)
        return Answer(given.status, self._outwards(given.body.decode()).encode(), given.headers)

    def _forward(self) -> Answer:
        parameters = self._parameters
        known = self._ring.get(parameters.get("AccessKeyId", ""))
        if known and self._may_see(known):
            parameters = {**parameters, "AccessKeyId": known.inward.key_id}
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = urlencode(parameters).encode()
        return self._backend.send(headers, body, self._key.inward, self._signature, self._key.inward.token)

    def _may_see(self, named: Key) -> bool:
        """Whether the key is one of those that the action is about: ministack does not ask whose a key is.

        For any other key its outward ID is sent on, which ministack has never heard of: NoSuchEntity, unless a
        policy refuses the call before that.
        """
        if self._signature.service == "sts":
            return True
        user = self._parameters.get("UserName")
        return named.outward.account == self._key.outward.account and user in (None, named.user)

    def _limited(self, given: Answer) -> Answer:
        """Take a third key back: who may not create one is to hear AccessDenied, so ministack is asked first."""
        if given.status != 200:
            return given
        root = inward_root(self._key.outward.account)
        (user,) = texts(given, "UserName")
        (created,) = texts(given, "AccessKeyId")
        there = texts(self._backend.ask("iam", root, "ListAccessKeys", UserName=user), "AccessKeyId")
        if len(there) <= _MOST_KEYS:
            return given
        self._backend.ask("iam", root, "DeleteAccessKey", UserName=user, AccessKeyId=created)
        return answers.error("iam", "LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {_MOST_KEYS}")

    def _last_used(self, given: Answer) -> Answer:
        named = self._ring.get(self._parameters.get("AccessKeyId", ""))
        if named and given.status == 404 and not self._may_see(named):
            who, what = self._key.arn, named.outward.key_id
            return answers.error(
                "iam",
                "AccessDenied",
                f"User: {who} is not authorized to perform: {self._action} on resource: access key {what}",
            )
        if named is None or given.status != 200 or named.last_use is None:
            return given
        use = named.last_use
        inner = answers.xml(
            LastUsedDate=f"{use.date:%Y-%m-%dT%H:%M:%SZ}", ServiceName=use.service, Region=use.region
        )
        outer = answers.xml(UserName=named.user or "")
        return answers.success("iam", self._action, f"{outer}<AccessKeyLastUsed>{inner}</AccessKeyLastUsed>")

    def _outwards(self, text: str) -> str:
        """The answer with outward keys in it, also for a key that it issues."""
        for issued in _ISSUED.finditer(text):
            inward = AccessKey(issued["id"], issued["secret"], self._account_of_the_issued(), issued["token"])
            (arn,) = texts(self._backend.ask("sts", inward, "GetCallerIdentity"), "Arn")
            outward = self._ring.add(inward, arn).outward
            text = text.replace(inward.secret, outward.secret)
            if inward.token and outward.token:
                text = text.replace(inward.token, outward.token)
        return self._ring.outwards(text)

    def _account_of_the_issued(self) -> str:
        role = self._parameters.get("RoleArn")
        return role.split(":")[4] if role else self._key.outward.account
