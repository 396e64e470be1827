"""What can go wrong with a key, as the stub of `faults.py` plays it; a key has a list of these."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.emulators import answers
from tests.emulators.wire import Answer, Drop, Endless, Given, Hang


@dataclass(frozen=True)
class Refusal:
    """An error in AWS's form, in whichever form the service speaks."""

    code: str
    message: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class Reply:
    """Something else than the right answer."""

    what: Given | Refusal
    times: int | None = None
    """How often before all is right; None for ever."""
    action: str | None = None
    """Only this action; then also where another key asks it about the key that has this."""
    authenticated: bool = False
    """Only to who signs rightly: anybody else hears what is wrong with the signature."""

    def on(self, action: str) -> Reply:
        """The same for one action alone."""
        return replace(self, action=action)


@dataclass(frozen=True)
class ClockSkew:
    """The server's clock is this far ahead of ours (behind if negative), as its Date says."""

    seconds: float


@dataclass(frozen=True)
class FalseMismatch:
    """For a while after another secret was tried, the right one does not match either (seen by trufflehog)."""

    seconds: float = 5


@dataclass(frozen=True)
class SlowPropagation:
    """A deactivated key works on until so many calls were made with it and so much time has gone by."""

    calls: int = 0
    seconds: float = 0
    flaps: bool = False
    """Whether the first call is refused all the same: another part of AWS answers it."""


@dataclass(frozen=True)
class Latency:
    """How long every answer takes."""

    seconds: float = 0.1


Fault = Reply | ClockSkew | FalseMismatch | SlowPropagation | Latency


def throttling(times: int | None = None) -> Reply:
    """400 Throttling."""
    return Reply(Refusal("Throttling"), times)


def expired_token(times: int | None = None) -> Reply:
    """403 ExpiredToken, to who signs rightly."""
    return Reply(Refusal("ExpiredToken"), times, authenticated=True)


def invalid_client_token_id(times: int | None = None) -> Reply:
    """403 InvalidClientTokenId, as for a key that is unknown."""
    return Reply(Refusal("InvalidClientTokenId"), times)


def access_denied(action: str | None = None, times: int | None = None) -> Reply:
    """403 AccessDenied, to who signs rightly."""
    message = f"User is not authorized to perform: {action or 'this action'} with an explicit deny"
    return Reply(Refusal("AccessDenied", message), times, action, authenticated=True)


def server_error(status: int = 503, times: int | None = None) -> Reply:
    """A failure of AWS's own."""
    return Reply(Refusal("ServiceUnavailable" if status == 503 else "InternalFailure", status=status), times)


def time_out(times: int | None = None) -> Reply:
    """The connection is taken and nothing comes."""
    return Reply(Hang(), times)


def connection_reset(times: int | None = None) -> Reply:
    """The connection is reset once the request is in."""
    return Reply(Drop(), times)


def hang_up(times: int | None = None) -> Reply:
    """The connection is closed in good order once the request is in, and nothing was said."""
    return Reply(Drop(is_reset=False), times)


def malformed_xml(times: int | None = None) -> Reply:
    """A 200 that ends in the middle."""
    body = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1234567890"
    return Reply(Answer(200, body, {"Content-Type": "text/xml"}), times)


def empty(times: int | None = None) -> Reply:
    """A 200 with nothing in it."""
    return Reply(Answer(200), times)


def html(times: int | None = None, document_type: str = "<!DOCTYPE html>") -> Reply:
    """A 200 from somebody in between, such as a hotel's network."""
    body = f"{document_type}<html><body><h1>Welcome</h1>Please sign in.</body></html>"
    return Reply(Answer(200, body.encode(), {"Content-Type": "text/html"}), times)


def bare(status: int, body: bytes = b"", times: int | None = None) -> Reply:
    """A status without an error of AWS's, as from a server in front of it."""
    return Reply(Answer(status, body), times)


def identity(arn: str, account: str, *, preamble: str = "", times: int | None = None) -> Reply:
    """An answer to GetCallerIdentity with exactly this XML in it, nothing escaped, and `preamble` before it."""
    result = f"<Arn>{arn}</Arn><UserId>AIDAFAULTSFAULTSFAUL</UserId><Account>{account}</Account>"
    right = answers.success("sts", "GetCallerIdentity", result)
    return Reply(replace(right, body=preamble.encode() + right.body), times)


def redirect(to: str, times: int | None = None, status: int = 302) -> Reply:
    """Sent elsewhere, where a signed request has no business."""
    return Reply(Answer(status, headers={"Location": to}), times)


def huge(times: int | None = None) -> Reply:
    """A body of 100 GB, as fast as it can be sent."""
    return Reply(Endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x" * (1 << 20)), times)


def slow_body(times: int | None = None) -> Reply:
    """A body that comes byte by byte, each of them before any time-out."""
    return Reply(Endless(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x", 0.1), times)


def slow_headers(times: int | None = None) -> Reply:
    """A header that comes byte by byte."""
    return Reply(Endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"x", 0.1), times)


def endless_continue(times: int | None = None) -> Reply:
    """An interim answer again and again, and never the final one."""
    return Reply(Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001), times)
