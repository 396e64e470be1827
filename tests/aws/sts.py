"""An STS on this machine alone: it checks signatures for real, and goes wrong in the ways it is told to."""

from __future__ import annotations

import hashlib
import hmac
import multiprocessing
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

MISMATCH_SECONDS = 5
_ERROR = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{}</Code>'
    "<Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>"
)
_IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{}</Arn><UserId>AIDATEST</UserId><Account>{}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8}/([\w-]+)/sts/aws4_request), SignedHeaders=([\w;-]+), Signature=(\w+)"
)


_ENDLESS = {
    "huge": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * (1 << 20), 0.0),
    "slow body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", 0.1),
    "slow headers": (b"HTTP/1.1 200 OK\r\nX-A: ", b"x", 0.1),
    "no end of beginnings": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001),
}
"""How an answer without an end begins, how it goes on, and after how long each time."""


@dataclass
class Key:
    """What the server knows of a key ID."""

    secret: str
    arn: str = "arn:aws:iam::123456789012:user/ci"
    token: str | None = None
    region: str = "us-east-1"
    """A key of another partition is not known where requests are signed for another region."""
    is_active: bool = True
    is_expired: bool = False
    faults: list[str] = field(default_factory=list)
    """What goes wrong with its next requests, one each: see `Sts`."""


@dataclass
class Sts:
    """The keys it knows, and what it was asked; `faults` of a key are names of the methods below."""

    keys: dict[str, Key] = field(default_factory=dict)
    delay_seconds: float = 0.0
    clock_ahead: timedelta = timedelta()
    asked: list[str] = field(default_factory=list)
    """The key ID of every request."""
    bodies: list[bytes] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)
    url: str = ""
    _now: Counter[str] = field(default_factory=Counter)
    _tried: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, dict[str, str]] | None:
        """Status, body and further headers; None if the fault has dealt with the connection."""
        signed = _AUTHORIZATION.fullmatch(handler.headers.get("Authorization", ""))
        assert signed, handler.headers
        key_id = signed[1]
        with self._lock:
            self.asked.append(key_id)
            self.bodies.append(body)
            self._now[key_id] += 1
            self.most_at_once[key_id] = max(self.most_at_once[key_id], self._now[key_id])
        try:
            time.sleep(self.delay_seconds)
            known = self.keys.get(key_id)
            fault = known.faults.pop(0) if known and known.faults else None
            return self._fault(fault, handler) if fault else self._judge(signed, handler, body)
        finally:
            with self._lock:
                self._now[key_id] -= 1

    def _fault(self, name: str, handler: BaseHTTPRequestHandler) -> tuple[int, str, dict[str, str]] | None:
        if name == "reset":
            handler.connection.close()
            return None
        if name == "hang":
            time.sleep(30)
            return None
        if name in _ENDLESS:
            beginning, more, seconds = _ENDLESS[name]
            handler.connection.sendall(beginning)
            while True:  # until the other side has had enough
                handler.connection.sendall(more)
                time.sleep(seconds)
        return {
            "throttle": (400, _ERROR.format("Throttling", "Rate exceeded", "r"), {}),
            "unavailable": (503, "", {}),
            "server error": (500, "<html>", {}),
            "html": (200, "<html><body>Sign in to the hotel's network</body></html>", {}),
            "empty": (200, "", {}),
            "malformed": (200, "<GetCallerIdentityResponse><Arn>arn:aws:iam::1", {}),
            "no account": (200, _IDENTITY.format("arn:aws:iam::123456789012:user/ci", "", "r"), {}),
            "entities": (200, '<!DOCTYPE a [<!ENTITY b "c">]>' + _IDENTITY.format("&b;", "1", "r"), {}),
            "redirect": (307, "", {"Location": "http://127.0.0.1:9/"}),
            "encoding": (200, '<?xml version="1.0" encoding="nonsense"?>' + _IDENTITY.format("a", "1", "r"), {}),
            "expired request": (400, _ERROR.format("RequestExpired", "", "r"), {}),
            "denied": (403, _ERROR.format("AccessDenied", "no", "r"), {}),
        }[name]

    def _judge(
        self, signed: re.Match[str], handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, str, dict[str, str]]:
        key_id, scope, region, names, signature = signed.groups()
        request = f"request-{len(self.asked)}"
        known = self.keys.get(key_id)
        if known is None or not known.is_active or known.region != region:
            return 403, _ERROR.format("InvalidClientTokenId", "The security token is invalid.", request), {}
        if handler.headers.get("X-Amz-Security-Token") != known.token:
            return 403, _ERROR.format("InvalidClientTokenId", "The security token is invalid.", request), {}
        when = handler.headers["X-Amz-Date"]
        given = datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        now = datetime.now(UTC) + self.clock_ahead
        if abs(now - given) > timedelta(minutes=15):
            said = f"Signature expired: {when} is now earlier than {now:%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ} - 15 min.)"
            return 403, _ERROR.format("SignatureDoesNotMatch", said, request), {}
        expected = _signature(known.secret, scope, names, handler, body)
        others = [at for tried, at in self._tried[key_id].items() if tried != str(signature == expected)]
        self._tried[key_id][str(signature == expected)] = time.monotonic()
        is_confused = signature == expected and any(time.monotonic() - at < MISMATCH_SECONDS for at in others)
        if signature != expected or is_confused:
            return (
                403,
                _ERROR.format("SignatureDoesNotMatch", "The request signature does not match.", request),
                {},
            )
        if known.is_expired:
            return 403, _ERROR.format("ExpiredToken", "The security token has expired", request), {}
        return 200, _IDENTITY.format(known.arn, known.arn.split(":")[4], request), {}


def _signature(secret: str, scope: str, names: str, handler: BaseHTTPRequestHandler, body: bytes) -> str:
    """Signature version 4 of the request (IAM user guide, create a signed request)."""
    date, region = scope.split("/")[:2]
    headers = "".join(f"{name}:{handler.headers[name].strip()}\n" for name in names.split(";"))
    canonical = f"POST\n{urlsplit(handler.path).path}\n\n{headers}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = "\n".join(
        ("AWS4-HMAC-SHA256", handler.headers["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    key = b"AWS4" + secret.encode()
    for step in (date, region, "sts", "aws4_request", text):
        key = hmac.digest(key, step.encode(), "sha256")
    return key.hex()


@contextmanager
def serve_apart(keys: dict[str, Key], delay_seconds: float) -> Iterator[str]:
    """A server in a process of its own, so that it takes no time from whoever asks it; gives its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve_until_asked_to_end, args=(theirs, keys, delay_seconds), daemon=True
    )
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send("end")
        process.join()


def _serve_until_asked_to_end(pipe: Connection, keys: dict[str, Key], delay_seconds: float) -> None:
    with serve() as sts:
        sts.keys, sts.delay_seconds = keys, delay_seconds
        pipe.send(sts.url)
        pipe.recv()


@contextmanager
def serve() -> Iterator[Sts]:
    """A running server on loopback; its address is `url`."""
    sts = Sts()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # the answer leaves in one piece: two would wait for each other's acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = sts.answer(self, body)
            if answer is None:
                self.close_connection = True
                return
            status, text, headers = answer
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + sts.clock_ahead, usegmt=True))
            self.send_header("Content-Length", str(len(text.encode())))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """A connection that a fault closed is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sts.url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield sts
        finally:
            server.shutdown()
