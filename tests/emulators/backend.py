"""ministack itself, as its wrapper calls it: requests signed with the keys that ministack knows."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import unescape

from tests.emulators import process
from tests.emulators.environments import bin_of
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.sigv4 import Signature, scope, sign
from tests.emulators.wire import Answer

_KEPT = ("content-type", "x-amzn-requestid")


class Backend:
    """A running ministack."""

    def __init__(self, address: str) -> None:
        """The one at `address`."""
        self.address = address
        self._host = urlsplit(address).netloc

    def reset(self) -> None:
        """Forget all accounts."""
        process.post(f"{self.address}/_ministack/reset")

    def send(
        self, headers: Mapping[str, str], body: bytes, key: AccessKey, like: Signature, token: str | None
    ) -> Answer:
        """POST `body`, signed with `key` for the time, region and service of `like`."""
        signed = sign({**headers, "host": self._host}, body, key.key_id, key.secret, token, like)
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request("POST", "/", body, signed)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() in _KEPT}
            return Answer(response.status, response.read(), kept)
        finally:
            connection.close()

    def ask(self, service: str, key: AccessKey, action: str, **parameters: str) -> Answer:
        """A call of the wrapper's own, which no log shows."""
        version = {"sts": "2011-06-15", "iam": "2010-05-08"}[service]
        body = urlencode({"Action": action, "Version": version, **parameters}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self.send(headers, body, key, scope("us-east-1", service), key.token)


def inward_root(account: str) -> AccessKey:
    """What ministack takes for the root of `account`: the account's ID as a key ID, and any secret."""
    return AccessKey(account, "root", account)


def texts(answer: Answer, element: str) -> list[str]:
    """The text of each `element` in an XML answer, as far as it holds no other element."""
    return [unescape(text) for text in re.findall(rf"<{element}>([^<]*)</{element}>", answer.body.decode())]


@contextmanager
def backend() -> Iterator[Backend]:
    """A ministack with authentication, on a port of its own, that opens no other interface."""

    def variables(port: int) -> dict[str, str]:
        return {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
        }

    program = bin_of("ministack") / "ministack"
    with process.server(lambda _port: [program], variables, "/_ministack/ready") as address:
        yield Backend(address)
