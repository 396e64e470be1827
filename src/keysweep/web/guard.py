"""What every request has to pass before a page sees it, and what every answer carries."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect

from keysweep.errors import KeysweepError
from keysweep.frozen import frozen
from keysweep.report.style import complaint
from keysweep.web.sessions import Sessions

_Scope = MutableMapping[str, Any]
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
"""With `no-referrer` browsers would not say from which page a form comes either, which is asked below; with
`same-origin` other sites learn just as little."""
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_MOST_BODY = 64 * 1024


@frozen
class Place:
    """Where the dashboard is."""

    origins: frozenset[str]
    """As browsers name them: `https://keys.example.net`."""

    @property
    def hosts(self) -> frozenset[str]:
        """What the Host header may say; anything else is a name that somebody else made point here."""
        return frozenset(each.partition("://")[2] for each in self.origins)

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS."""
        return all(each.startswith("https:") for each in self.origins)


class Guard:
    """Stands before the pages, as ASGI has it."""

    def __init__(self, app: _App, place: Place, sessions: Sessions, cookie: str) -> None:
        """`cookie` is the name of the cookie of a session."""
        self._app, self._place, self._sessions, self._cookie = app, place, sessions, cookie
        self._headers = (*_HEADERS, _HSTS) if place.is_secure else _HEADERS

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        is_begun = False

        async def sending(message: _Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await _answer(sending, *refusal)
            return
        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:  # in the middle of a form; nobody is left to be told
            return
        except Exception as error:  # noqa: BLE001 - no page may end the program or show its insides
            say(KeysweepError(f"the page {scope['path']:.200} failed ({type(error).__name__}): report it."))
            if not is_begun:
                await _answer(sending, 500, "This page failed. The terminal in which keysweep runs says more.")

    def _refusal(self, scope: _Scope) -> tuple[int, str] | None:
        """Why a request is not let through; in `scope` whoever is signed in is put beside it."""
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
        if [each.lower() for each in headers.get(b"host", ())] not in [[each] for each in self._place.hosts]:
            return 421, f"The dashboard does not have this name. Open {min(self._place.origins)}/ instead."
        if scope["method"] not in {"GET", "HEAD", "POST"}:
            return 405, "Pages are read with GET, and forms sent with POST."
        if scope["method"] == "POST" and (refusal := self._form_refusal(headers)):
            return refusal
        scope["keysweep.cookie"] = cookie = _cookie(headers.get(b"cookie", []), self._cookie)
        scope["keysweep.session"] = session = self._sessions.of(cookie) if cookie else None
        path = scope["path"]
        if session is None and path not in {"/", "/sign-in"} and not path.startswith("/static/"):
            scope["path"], scope["raw_path"] = "/sign-in", b"/sign-in"
            query = scope["query_string"].decode("latin-1")
            scope["keysweep.wanted"] = f"{quote(path)}?{query}" if query else quote(path)
            if scope["method"] == "POST":
                return 401, "Nobody is signed in any more: go back, sign in again, and send it once more."
        return None

    def _form_refusal(self, headers: dict[bytes, list[str]]) -> tuple[int, str] | None:
        origins = headers.get(b"origin", [])
        if any(each.lower() not in self._place.origins for each in origins):
            return 403, "This form comes from another site."
        if any(each not in {"same-origin", "none"} for each in headers.get(b"sec-fetch-site", ())):
            return 403, "This form comes from another site."
        kind = "".join(headers.get(b"content-type", ())).partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return 415, "Only forms of this dashboard are read."
        if b"transfer-encoding" in headers:
            return 411, "The length of a form has to be known."
        length = "".join(headers.get(b"content-length", ()))
        if not (length.isascii() and length.isdecimal()):
            return 411, "The length of a form has to be known."
        if len(length) > 9 or int(length) > _MOST_BODY:
            return 413, "This form is too long."
        return None


def _cookie(headers: list[str], name: str) -> str:
    """The one cookie of that name; an empty text where there is none, or more than one to choose from."""
    found = []
    for each in headers:
        for pair in each.split(";"):
            key, _, value = pair.strip().partition("=")
            found += [value] if key == name else []
    return found[0] if len(found) == 1 else ""


def say(error: KeysweepError) -> None:
    """Tell whoever has started the program."""
    with suppress(OSError):
        sys.stderr.write(complaint(error) + "\n")
        sys.stderr.flush()


async def _answer(send: _Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
