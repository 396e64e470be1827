"""What every page works with, and what it is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any, Protocol
from urllib.parse import parse_qsl

from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keysweep import __version__
from keysweep.errors import KeysweepError, StoreError
from keysweep.frozen import frozen
from keysweep.store.opening import Store
from keysweep.web.guard import Place
from keysweep.web.sessions import OneTimeToken, Password, Session, Sessions

_MOST_FIELDS = 30
Fields = Mapping[str, str]


@frozen
class Contained:
    """What planning or doing a containment came to, as the terminal would show it."""

    text: str
    is_planned: bool
    """Whether there is something that could be done."""
    run: str = ""
    """Of what was done; empty for a plan."""


class Container(Protocol):
    """What contains keys; the dashboard only asks for it."""

    @property
    def may_apply(self) -> bool:
        """Whether more than a plan may be asked for."""
        ...

    def plan(self, key_id: str) -> Contained:
        """What would be done about a key. Raises KeysweepError."""
        ...

    def apply(self, key_id: str, note: Callable[[Contained], Contained]) -> Contained:
        """Do it, and have it noted before anything else happens or ends. Raises KeysweepError."""
        ...


@frozen
class Dashboard:
    """What every page works with."""

    store: Store
    place: Place
    sessions: Sessions
    entrance: OneTimeToken | Password
    user: str
    """Who decides, where nobody gives a name when signing in."""
    templates: Environment
    cookie: str
    container: Container | None
    now: Callable[[], datetime]


def of(request: Request) -> Dashboard:
    """The dashboard that a request is for."""
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard


def session_of(request: Request) -> Session:
    """Who is signed in, on a page that only they see."""
    session: Session = request.scope["keysweep.session"]
    return session


def render(request: Request, template: str, status: int = 200, /, **values: Any) -> Response:
    """A page."""
    dashboard = of(request)
    text = dashboard.templates.get_template(template).render(
        session=request.scope.get("keysweep.session"),
        path=request.scope["path"],
        version=__version__,
        where=dashboard.store.where,
        made=dashboard.now(),
        **values,
    )
    return HTMLResponse(text, status)


def missing(request: Request, what: str) -> Response:
    """The page for what is not there."""
    return render(request, "failed.html", 404, title="Not found", text=f"There is no {what} here.")


def go(path: str) -> Response:
    """Send a browser on to another page of the dashboard, to read it."""
    return RedirectResponse(path, 303)


def reads(page: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """A page that says in words what is wrong with the store."""

    def reading(request: Request) -> Response:
        try:
            return page(request)
        except StoreError as error:
            return render(request, "failed.html", 503, title="The store cannot be read", text=str(error))

    return reading


def writes(
    page: Callable[[Request, Fields], Response], *, is_open: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """What takes a form that only a page of this session can have made; `is_open` is for signing in."""

    async def writing(request: Request) -> Response:
        fields = _fields(await request.body())
        session = request.scope.get("keysweep.session")
        if not is_open:
            given = fields.get("form_token", "").encode("utf-8", "replace")
            if session is None or not compare_digest(given, session.form_token.encode()):
                text = "This form is not of this session: go back, load its page again, and send it once more."
                return render(request, "failed.html", 403, title="Not accepted", text=text)
        try:
            return await run_in_threadpool(page, request, fields)
        except KeysweepError as error:
            return render(request, "failed.html", 503, title="Not done", text=str(error))

    return writing


def _fields(body: bytes) -> Fields:
    try:
        text = body.decode("ascii")
        given = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return {}
    return dict(given)


def number(text: str, most: int, missing: int = 1) -> int:
    """A number that somebody may have typed into an address."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        return missing
    return min(int(text), most)


def utc_now() -> datetime:
    """Now."""
    return datetime.now(UTC)
