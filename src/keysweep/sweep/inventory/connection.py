"""The connection to the one host that is asked: its token, limits, second tries, and no way to another host."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import RequestException, SSLError, Timeout
from requests.utils import parse_header_links

from keysweep.findings import Secret
from keysweep.sweep.inventory.waiting import Waits, is_transient, limited_seconds
from keysweep.sweep.tokens import Login

_CONNECT_SECONDS, _READ_SECONDS, _WHOLE_SECONDS = 15, 60, 180
_MOST_BYTES = 64 << 20
_PIECE_BYTES = 1 << 16
_MOST_REQUESTS = 100_000
_SHORTEST_WAIT_SECONDS = 1.0
"""However little a host asks for: one that always says "at once" is not asked in a loop."""
_SAID_FROM_SECONDS = 5
_LOOKED_UP_AFTER_SECONDS = 0.2


class HostError(Exception):
    """What was asked for was not answered; the message is a clause, and repeats nothing that the host says."""

    def __init__(self, message: str, status: int = 0) -> None:
        """`status` is that of HTTP, if there was an answer."""
        super().__init__(message)
        self.status = status


def next_link(response: requests.Response) -> str | None:
    """The next page, as the Link header has it."""
    links = parse_header_links(response.headers.get("Link", ""))
    return next((each["url"] for each in links if each.get("rel") == "next"), None)


class StoppedError(Exception):
    """Nobody wants the list any more."""


class Nowhere(BaseAdapter):
    """Stands for every other host."""

    def send(self, *_: object, **__: object) -> requests.Response:
        """Refuse to."""
        raise HostError("it leads to another host or protocol, which gets no request")

    def close(self) -> None:
        """Nothing is open."""


class Host(HTTPAdapter):
    """The connection to the host, with the login, limits, and second tries."""

    def __init__(
        self,
        api: str,
        login: Login | None,
        authorization: Secret | None,
        advice: str,
        waits: Waits,
    ) -> None:
        """Connects to nothing yet; the parameters are those of `Asked`."""
        super().__init__(max_retries=0)
        self._api = api
        self._name = urlsplit(api).netloc
        self._origin = login.origin if login else ""
        self._authorization = authorization
        self._advice = advice
        self._waits = waits
        self._waited = 0.0
        self._seen: set[str] = set()

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        """The answer, read whole; raises HostError for each that is none."""
        self._count(request.url or "")
        request.headers.pop("Authorization", None)  # such as one from a .netrc
        if self._authorization:
            request.headers["Authorization"] = self._authorization.reveal()
        options |= {"stream": True, "timeout": (_CONNECT_SECONDS, _READ_SECONDS)}
        failed = limited = 0
        while True:
            problem, status, seconds = "", 0, None
            try:
                response = _read(super().send(request, **options))  # type: ignore[arg-type]
                status = response.status_code
                body = response.content
                seconds = limited_seconds(status, response.headers, body, time.time(), self._waits.patience)
            except SSLError:
                raise HostError(
                    "its certificate is not one to be trusted, or the connection is not encrypted"
                ) from None
            except Timeout:
                problem = f"it gave no answer in {_READ_SECONDS} seconds"
            except (RequestException, OSError):
                problem = "it cannot be reached, or breaks off"
            if seconds is not None:
                limited += 1
                self._wait_as_told(seconds, limited, status)
            elif problem or is_transient(status):
                failed += 1
                if failed >= self._waits.patience.tries:
                    raise HostError(problem or f"it failed with status {status}, {failed} times", status)
                self._sleep(self._waits.patience.first_seconds * 2 ** (failed - 1))
            else:
                return self._checked(response)

    def _count(self, url: str) -> None:
        """Refuse what would never end."""
        if url in self._seen:
            raise HostError("it leads to the same page again")
        if len(self._seen) >= _MOST_REQUESTS:
            raise HostError(f"its list is longer than {_MOST_REQUESTS:,} pages")
        self._seen.add(url)

    def _wait_as_told(self, seconds: float, times: int, status: int) -> None:
        seconds = max(seconds, min(_SHORTEST_WAIT_SECONDS, self._waits.patience.secondary_seconds))
        if times > self._waits.patience.most_limits or self._waited + seconds > self._waits.patience.most_seconds:
            raise HostError(f"its limit of requests is reached, and it wants a wait of {_shown(seconds)}", status)
        self._waited += seconds
        if self._waits.on_wait and seconds >= _SAID_FROM_SECONDS:
            self._waits.on_wait(f"{self._name} limits requests: waiting {_shown(seconds)}")
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        """Wait, unless nobody wants the list any more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._waits.goes_on and not self._waits.goes_on():
                raise StoppedError
            time.sleep(min(left, _LOOKED_UP_AFTER_SECONDS))

    def _checked(self, response: requests.Response) -> requests.Response:
        status = response.status_code
        if status >= 400 or status == 203:  # by which Azure DevOps sends a page to sign in
            raise HostError(self._refusal(status, response.headers), 401 if status == 203 else status)
        if response.is_redirect:
            return response
        try:
            content = json.loads(response.content)
        except (ValueError, RecursionError):
            raise HostError("its answer is not JSON", status) from None
        try:
            following = next_link(response)
        except (ValueError, LookupError):
            raise HostError("its link to the next page cannot be read") from None
        if following and not following.startswith(f"{self._api}/"):
            raise HostError("its link to the next page leads to another host or protocol")
        if following and not content:
            raise HostError("it sends empty pages that more are to follow")
        return response

    def _refusal(self, status: int, headers: Mapping[str, str]) -> str:
        """Why a request was refused, in our own words: those of the host may repeat the token."""
        held = f"the token of {self._origin}"
        if status in (401, 203):
            advice = f": set {self._advice}" if self._advice else ""
            return f"{held} is wrong or has expired" if self._origin else f"it wants a token{advice}"
        if status == 403 and "X-GitHub-SSO" in headers:
            return f"{held} is not authorised for the single sign-on of this organisation"
        if status == 403:
            return f"{held} may not read it" if self._origin else "it cannot be read without a token"
        if status in (404, 410):
            whom = held if self._origin else "somebody without a token"
            return f"there is no such thing, or {whom} may not see it"
        return f"it answers with status {status}"


def _read(response: requests.Response) -> requests.Response:
    """Read the body of a response, up to a size and within a time."""
    began, pieces, size = time.monotonic(), [], 0
    with response:
        for piece in response.iter_content(_PIECE_BYTES):
            size += len(piece)
            if size > _MOST_BYTES:
                raise HostError(f"its answer is larger than {_MOST_BYTES >> 20} MiB")
            if time.monotonic() - began > _WHOLE_SECONDS:
                raise HostError(f"its answer takes longer than {_WHOLE_SECONDS} seconds")
            pieces.append(piece)
    response._content = b"".join(pieces)  # what `content` would read, without a limit
    return response


def _shown(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
