"""Signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from keysweep.store.decisions import MOST_NAME
from keysweep.web.dashboard import Fields, go, of, render
from keysweep.web.sessions import OneTimeToken, Password


def token_taken(request: Request) -> Response:
    """Sign in with the token in the address, and take it out of the address."""
    dashboard = of(request)
    entrance = dashboard.entrance
    if request.scope["keysweep.session"] is not None:  # who opens the printed address again is still signed in
        return go("/")
    if not isinstance(entrance, OneTimeToken) or not entrance.take(request.query_params["token"]):
        return sign_in_page(request)
    return _signed_in(request, dashboard.user, "/")


def sign_in_page(
    request: Request, complaint: str = "", status: int = 401, typed: Fields | None = None
) -> Response:
    """Where somebody lands who is not signed in.

    Or who follows a link from another site, with which browsers send no cookie: a page of ours then asks again.
    """
    dashboard = of(request)
    typed = typed or {}
    wanted = typed.get("wanted") or request.scope.get("keysweep.wanted", "/")
    is_elsewhere = request.headers.get("sec-fetch-site") == "cross-site"
    has_password = isinstance(dashboard.entrance, Password)
    return render(
        request,
        "sign_in.html",
        status,
        has_password=has_password,
        wanted=wanted,
        name=typed.get("name", ""),
        complaint=complaint,
        used="token" in request.query_params,
        again=(wanted if _is_page(wanted) else "/") if is_elsewhere else "",
    )


def sign_in(request: Request, fields: Fields) -> Response:
    """Take a name and a password."""
    dashboard = of(request)
    entrance = dashboard.entrance
    if not isinstance(entrance, Password):
        return sign_in_page(request)
    who = request.client.host if request.client else ""
    name = " ".join(fields.get("name", "").split())
    if not 0 < len(name) <= MOST_NAME:
        return sign_in_page(request, "Say who you are: decisions are kept under that name.", 422, fields)
    if not entrance.may_try(who):
        answer = sign_in_page(request, "Too many tries: wait a minute, and try again.", 429, fields)
        answer.headers["retry-after"] = "60"
        return answer
    if not entrance.is_it(fields.get("password", "")):
        return sign_in_page(request, "That is not the password.", 401, fields)
    entrance.forgive(who)
    wanted = fields.get("wanted", "/")
    return _signed_in(request, name, wanted if _is_page(wanted) else "/")


def _is_page(path: str) -> bool:
    """Whether it is a page of this dashboard and of no other site."""
    return (
        path.startswith("/")
        and path.isascii()
        and path.isprintable()
        and not {*path} & {*"\\:"}
        and "//" not in path
    )


def _signed_in(request: Request, name: str, path: str) -> Response:
    dashboard = of(request)
    answer = go(path)
    answer.set_cookie(
        dashboard.cookie,
        dashboard.sessions.begin(name),
        path="/",
        httponly=True,
        secure=dashboard.place.is_secure,
        samesite="strict",
    )
    return answer


def sign_out(request: Request, _fields: Fields) -> Response:
    """End the session."""
    dashboard = of(request)
    dashboard.sessions.end(request.scope["keysweep.cookie"])
    answer = go("/sign-in")
    answer.delete_cookie(dashboard.cookie, path="/", secure=dashboard.place.is_secure, httponly=True)
    return answer
