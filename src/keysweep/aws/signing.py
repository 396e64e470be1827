"""Requests signed with a key that was found: where they go is said here alone, and no setting can change it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ConnectTimeoutError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as SlowBodyError

from keysweep import __version__
from keysweep.aws import outcomes
from keysweep.aws.outcomes import Meaning, Outcome
from keysweep.aws.partitions import Partition
from keysweep.findings import Secret
from keysweep.frozen import frozen

_CONNECT_SECONDS = 5
_READ_SECONDS = 10
_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"


@frozen
class Credential:
    """One key ID with one secret, and its session token if it has one."""

    key_id: str
    secret: Secret
    token: Secret | None = None


class Clock:
    """This machine's clock, put right once by the server's."""

    _offset = timedelta()
    _is_corrected = False

    def __init__(self) -> None:
        """Begins with what this machine says."""
        self._lock = Lock()

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC) + self._offset

    def correct(self, server: datetime) -> bool:
        """Go by the server's clock from now on; False if that was done before or makes no difference."""
        with self._lock:
            offset = server - datetime.now(UTC)
            if self._is_corrected and abs(offset - self._offset) < timedelta(minutes=1):
                return False
            self._offset, self._is_corrected = offset, True
            return True


class Caller:
    """Asks who a credential is, over one pool of connections; safe to share between threads."""

    def __init__(self, endpoint: str | None = None, connections: int = 32, clock: Clock | None = None) -> None:
        """`endpoint` replaces those of all partitions. Proxy and certificates are the operator's settings."""
        self._endpoint = endpoint
        self._connections = connections
        self._sessions: dict[str, URLLib3Session] = {}
        self._lock = Lock()
        self.clock = clock or Clock()

    def ask(self, credential: Credential, partition: Partition) -> Outcome:
        """What GetCallerIdentity answers. Raises nothing: a failure of the network is an outcome too."""
        url = self._endpoint or partition.sts
        request = AWSRequest(
            method="POST",
            url=url,
            data=_BODY,
            headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                # Whoever reads CloudTrail can tell this use of the key from a thief's.
                "User-Agent": f"keysweep/{__version__}",
            },
            stream_output=True,
        )
        token = credential.token.reveal() if credential.token else None
        keys = Credentials(credential.key_id, credential.secret.reveal(), token)
        _Signer(keys, partition.region, self.clock.now()).add_auth(request)
        try:
            response = self._session(url).send(request.prepare())
            return outcomes.read(response.status_code, response.headers, _beginning(response.raw))
        except (ConnectTimeoutError, ReadTimeoutError, SlowBodyError):
            return Outcome(Meaning.FAILED, f"{urlsplit(url).hostname} did not answer in time")
        except (BotoCoreError, HTTPError, OSError, ValueError) as error:
            return Outcome(Meaning.FAILED, f"{urlsplit(url).hostname} could not be asked ({_plainly(error)})")

    def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            session.close()

    def _session(self, url: str) -> URLLib3Session:
        host = urlsplit(url).netloc
        with self._lock:
            if host not in self._sessions:
                self._sessions[host] = URLLib3Session(
                    verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
                    proxies=get_environ_proxies(url),
                    timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                    max_pool_connections=self._connections,
                )
            return self._sessions[host]


class _Signer(SigV4Auth):  # type: ignore[misc]
    """Signs for a time that the caller names, so that a wrong clock can be put right."""

    def __init__(self, credentials: Credentials, region: str, now: datetime) -> None:
        super().__init__(credentials, "sts", region)
        self._now = now

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = self._now.strftime(_TIMESTAMP)
        super()._modify_request_before_signing(request)


def _beginning(body: Any) -> bytes:
    """The body of an answer, or as much of it as is too much for STS; that connection is not used again."""
    content: bytes = body.read(outcomes.MOST_BYTES + 1)
    if len(content) > outcomes.MOST_BYTES:
        body.close()
    return content


def _plainly(error: Exception) -> str:
    """The kind of failure alone: messages of HTTP libraries may hold the address with a proxy's password."""
    cause = error.kwargs.get("error") if isinstance(error, BotoCoreError) else error
    return type(cause or error).__name__
