"""Asks one host, and nobody else: what every request of an inventory goes through, whichever library makes it.

The token is added here, where it is known where a request goes, so that no library holds it. A request to another
host, after a redirect or by a link to a next page, is not made at all.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.exceptions import RequestException, TooManyRedirects

from keysweep.findings import Secret
from keysweep.sweep.inventory.connection import Host, HostError, Nowhere, next_link
from keysweep.sweep.inventory.waiting import Waits
from keysweep.sweep.tokens import Login

_MOST_REDIRECTS = 5


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
        advice: str,
        waits: Waits,
    ) -> None:
        """`api` is where all addresses of the API begin, `authorization` what it wants to be told of the login.

        `advice` names variables that a token may stand in. StoppedError is raised where a wait is not wanted.
        """
        self.api = api.rstrip("/")
        self.has_login = login is not None
        self.session = requests.Session()
        self.session.max_redirects = _MOST_REDIRECTS
        self.session.headers["User-Agent"] = "keysweep"
        self.session.headers["Accept"] = "application/json"
        origin = urlsplit(self.api)
        host = Host(self.api, login, authorization, advice, waits)
        self.session.adapters.clear()
        self.session.mount("", Nowhere())
        self.session.mount(f"{origin.scheme}://{origin.netloc}/", host)

    def get(self, address: str, parameters: Mapping[str, str | int] | None = None) -> Answer:
        """What stands at an address of the API, whole or from its beginning on; raises HostError."""
        url = address if "://" in address else f"{self.api}/{address.lstrip('/')}"
        try:
            response = self.session.get(url, params=parameters)
        except TooManyRedirects:
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
