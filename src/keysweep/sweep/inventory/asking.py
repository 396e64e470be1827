"""Asks one host, and nobody else: what every request of an inventory goes through, whichever library makes it.

The token is added here, where it is known where a request goes, so that no library holds it. A request to another
host, after a redirect or by a link to a next page, is not made at all.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import RequestException, SSLError, Timeout
from requests.utils import parse_header_links

from keysweep.findings import Secret
from keysweep.sweep.inventory.waiting import Patience, is_transient, limited_seconds
from keysweep.sweep.tokens import Login

_CONNECT_SECONDS, _READ_SECONDS, _WHOLE_SECONDS = 15, 60, 180
_MOST_BYTES = 64 << 20
_PIECE_BYTES = 1 << 16
_MOST_REDIRECTS = 5
_MOST_REQUESTS = 100_000
_SHORTEST_WAIT_SECONDS = 1.0
"""However little a host asks for: one that always says "at once" is not asked in a loop."""
_SAID_FROM_SECONDS = 5


class HostError(Exception):
    """What was asked for was not answered; the message is a clause, and repeats nothing that the host says."""

    def __init__(self, message: str, status: int = 0) -> None:
        """`status` is that of HTTP, if there was an answer."""
        super().__init__(message)
        self.status = status


class Answer:
    """What a host answered: JSON, with the address of the next page if there is one."""

    def __init__(self, content: object, headers: Mapping[str, str], next_page: str | None) -> None:
        """`next_page` is on the host that was asked."""
        self.content = content
        self.headers = headers
        self.next_page = next_page


class Asked:
    """A host that is asked, with one login for all of it."""

    def __init__(
        self,
        api: str,
        login: Login | None,
        authorization: Secret | None,
        *,
        advice: str = "",
        on_wait: Callable[[str], None] | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`api` is where all addresses of the API begin, `authorization` what it wants to be told of the login.

        `advice` names variables that a token may stand in.
        """
        self.api = api.rstrip("/")
        self.session = requests.Session()
        self.session.max_redirects = _MOST_REDIRECTS
        self.session.headers["User-Agent"] = "keysweep"
        self.session.headers["Accept"] = "application/json"
        origin = urlsplit(self.api)
        host = _Host(self.api, login, authorization, advice, on_wait, patience or Patience())
        self.session.adapters.clear()
        self.session.mount("", _Nowhere())
        self.session.mount(f"{origin.scheme}://{origin.netloc}/", host)

    def get(self, address: str, parameters: Mapping[str, str | int] | None = None) -> Answer:
        """What stands at an address of the API, whole or from its beginning on; raises HostError."""
        url = address if "://" in address else f"{self.api}/{address.lstrip('/')}"
        try:
            response = self.session.get(url, params=parameters)
        except requests.TooManyRedirects:
            raise HostError("it leads in circles") from None
        except (RequestException, ValueError):
            raise HostError("its answer leads to an address that cannot be asked") from None
        return Answer(json.loads(response.content), response.headers, next_link(response))


def bearer(login: Login | None, word: str = "Bearer") -> Secret | None:
    """The login as a token by itself."""
    return Secret(f"{word} {login.secret.reveal()}") if login else None


def basic(login: Login | None) -> Secret | None:
    """The login as a user and a password."""
    if login is None:
        return None
    pair = f"{login.api_user}:{login.secret.reveal()}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode('ascii')}")


def next_link(response: requests.Response) -> str | None:
    """The next page, as the Link header has it."""
    links = parse_header_links(response.headers.get("Link", ""))
    return next((each["url"] for each in links if each.get("rel") == "next"), None)


class _Nowhere(BaseAdapter):
    """Stands for every other host."""

    def send(self, *_: object, **__: object) -> requests.Response:
        raise HostError("it leads to another host or protocol, which gets no request")

    def close(self) -> None:
        """Nothing is open."""


class _Host(HTTPAdapter):
    """The connection to the host, with the login, limits, and second tries."""

    def __init__(
        self,
        api: str,
        login: Login | None,
        authorization: Secret | None,
        advice: str,
        on_wait: Callable[[str], None] | None,
        patience: Patience,
    ) -> None:
        super().__init__(max_retries=0)
        self._api = api
        self._name = urlsplit(api).netloc
        self._origin = login.origin if login else ""
        self._authorization = authorization
        self._advice = advice
        self._on_wait = on_wait
        self._patience = patience
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
                seconds = limited_seconds(status, response.headers, body, time.time(), self._patience)
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
                if failed >= self._patience.tries:
                    raise HostError(problem or f"it failed with status {status}, {failed} times", status)
                time.sleep(self._patience.first_seconds * 2 ** (failed - 1))
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
        seconds = max(seconds, min(_SHORTEST_WAIT_SECONDS, self._patience.secondary_seconds))
        if times > self._patience.most_limits or self._waited + seconds > self._patience.most_seconds:
            raise HostError(f"its limit of requests is reached, and it wants a wait of {_shown(seconds)}", status)
        self._waited += seconds
        if self._on_wait and seconds >= _SAID_FROM_SECONDS:
            self._on_wait(f"{self._name} limits requests: waiting {_shown(seconds)}")
        time.sleep(seconds)

    def _checked(self, response: requests.Response) -> requests.Response:
        status = response.status_code
        if status >= 400 or status == 203:  # by which Azure DevOps sends a page to sign in
            raise HostError(self._refusal(status, response.headers), 401 if status == 203 else status)
        if response.is_redirect:
            return response
        try:
            json.loads(response.content)
        except (ValueError, RecursionError):
            raise HostError("its answer is not JSON", status) from None
        try:
            following = next_link(response)
        except (ValueError, LookupError):
            raise HostError("its link to the next page cannot be read") from None
        if following and not following.startswith(f"{self._api}/"):
            raise HostError("its link to the next page leads to another host or protocol")
        if following and response.content.strip() == b"[]":
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
