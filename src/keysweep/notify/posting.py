"""A message posted to an address, which is never shown: tried again where that helps, and sent nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic, sleep, time
from typing import TypeVar
from urllib.parse import urlsplit

from keysweep import __version__
from keysweep.aws.threads import Job, Threads
from keysweep.errors import ConfigError
from keysweep.frozen import frozen
from keysweep.retry_after import wanted_seconds

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NONE_AT_ALL = frozenset({401, 402, 404, 407, 410, 421, 429})
"""What says that no other message will be taken either. Anything else may be about this very one: gateways answer
403, 406 or 500 to a name that they take for an attack, and whoever chooses names must not silence the others."""
_LOOK_AGAIN_SECONDS = 0.2


class NotTaken(Exception):  # noqa: N818 - it says what happened
    """A receiver did not take a message: a clause that says why, without its address."""

    def __init__(self, reason: str, *, is_of_message: bool = False) -> None:
        """`is_of_message` where others may be taken."""
        super().__init__(reason)
        self.is_of_message = is_of_message


@frozen
class Patience:
    """How long a receiver is given."""

    attempts: int = 4
    first_pause_seconds: float = 1.0
    """Before the second attempt; twice as long before each further one."""
    longest_pause_seconds: float = 60.0
    """A receiver that wants to be left alone for longer is told by the next run."""
    answer_seconds: float = 20.0
    """For all of one attempt, however slowly it answers."""
    goes_on: Callable[[], bool] = lambda: True
    """Asked again and again, in the pauses, whether that is still wanted."""

    def pause(self, seconds: float, reason: str) -> None:
        """Wait before the next attempt; NotTaken for that `reason` once nobody wants this to go on."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            if not self.goes_on():
                raise NotTaken(f"{reason}, and was not asked again because of the interruption")
            sleep(min(left, _LOOK_AGAIN_SECONDS))


@frozen
class _Answer:
    status: int
    retry_after: str


def checked_address(address: str, called: str) -> str:
    """The address itself, if it can be posted to; ConfigError, which does not quote it, if not.

    Messages travel over TLS, or not beyond this machine.
    """
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
        (host or "").encode("idna")  # an empty label, or one of more than 63 characters, is no name
    except ValueError:
        url, host, port = urlsplit(""), None, None
    if not host or port == 0 or not address.isascii() or not address.isprintable() or " " in address:
        raise ConfigError(f"{called} has to be an address such as https://hooks.example.net/services/1.")
    if "@" in url.netloc:
        raise ConfigError(f"{called} holds a user or a password: leave them out.")
    if url.scheme != "https" and not (url.scheme == "http" and host in LOOPBACK):
        raise ConfigError(f"{called} has to begin with https://.")
    return address


def host_of(address: str) -> str:
    """The only part of an address that is shown: the rest may be a secret."""
    return urlsplit(address).netloc


def post(address: str, body: bytes, headers: Callable[[datetime], Mapping[str, str]], patience: Patience) -> None:
    """Post `body` until it is taken; raises NotTaken. `headers` are made anew for each attempt."""
    host = host_of(address)
    for attempt in range(1, patience.attempts + 1):
        pause, is_of_message = patience.first_pause_seconds * 2 ** (attempt - 1), False
        try:
            answer = within(patience.answer_seconds, lambda: _send(address, body, headers, patience))
        except TimeoutError:
            reason = f"{host} did not answer in time"
        except _Failed as error:
            reason = f"{host} {error}"
        else:
            if 200 <= answer.status < 300:
                return
            reason = f"{host} answered {answer.status}"
            if 300 <= answer.status < 400:
                raise NotTaken(f"{reason}, which sends messages elsewhere: name the right address")
            is_of_message = answer.status not in _NONE_AT_ALL
            if answer.status not in _AGAIN:
                raise NotTaken(reason, is_of_message=is_of_message)
            pause = max(pause, wanted_seconds(answer.retry_after, time()) or 0)
            if pause > patience.longest_pause_seconds:
                raise NotTaken(f"{reason} and wants to be left alone for {pause:.0f} seconds")
        if attempt < patience.attempts:
            patience.pause(pause, reason)
    raise NotTaken(f"{reason}, {patience.attempts} times", is_of_message=is_of_message)


class _Failed(Exception):  # noqa: N818
    """No answer came; a clause about the host."""


def _send(
    address: str, body: bytes, headers: Callable[[datetime], Mapping[str, str]], patience: Patience
) -> _Answer:
    """One attempt. No redirect is followed, and no setting but proxies and certificates of this user.

    What goes to this machine goes through no proxy, which would get it without TLS.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError, SSLError
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies
    from urllib3.exceptions import HTTPError

    session = URLLib3Session(
        verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True,
        proxies=get_environ_proxies(address) if urlsplit(address).hostname not in LOOPBACK else {},
        timeout=patience.answer_seconds,
    )
    given = {
        "Content-Type": "application/json",
        "User-Agent": f"keysweep/{__version__}",
        **headers(datetime.now(UTC)),
    }
    request = AWSRequest(method="POST", url=address, data=body, headers=given, stream_output=True)
    try:
        response = session.send(request.prepare())
        return _Answer(response.status_code, str(response.headers.get("Retry-After", "")))
    except SSLError:
        raise _Failed("has a certificate that is not trusted: check SSL_CERT_FILE") from None
    except (BotoCoreError, HTTPError, OSError, ValueError) as error:
        # The messages of these quote the address, which may be a secret.
        raise _Failed(f"could not be reached ({_plainly(error)})") from None
    finally:
        session.close()


def _plainly(error: Exception) -> str:
    cause = getattr(error, "kwargs", {}).get("error") or error
    return type(cause).__name__


_Given = TypeVar("_Given")


def within(seconds: float, work: Callable[[], _Given]) -> _Given:
    """What `work` gives; TimeoutError after so many seconds: time-outs of sockets begin anew with every byte."""

    def run(_: Job[None, _Given]) -> _Given:
        return work()

    with Threads(run) as threads:
        threads.begin(None)
        for given in threads.finished(seconds):
            return given
    raise TimeoutError
