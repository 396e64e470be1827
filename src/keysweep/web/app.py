"""The application: which page answers which address, behind the guard."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from keysweep.report.html import page as report_page
from keysweep.store.opening import Store
from keysweep.web.dashboard import Container, Dashboard, missing, reads, utc_now, writes
from keysweep.web.guard import Guard, Place
from keysweep.web.pages import containing, leak, leaks, overview, repositories, runs, signing_in, trends, triage
from keysweep.web.sessions import OneTimeToken, Password, Sessions
from keysweep.web.words import environment

_HERE = Path(__file__).parent
_STATIC = {
    "look.css": (Path(report_page.__file__).parent / "frame.css", "text/css"),
    "report.css": (Path(report_page.__file__).parent / "page.css", "text/css"),
    "dashboard.css": (_HERE / "static" / "dashboard.css", "text/css"),
    "icon.svg": (_HERE / "static" / "icon.svg", "image/svg+xml"),
    "live.js": (_HERE / "static" / "live.js", "text/javascript"),
}
"""Files that browsers ask for; the look is that of the report."""


def application(
    store: Store,
    place: Place,
    entrance: OneTimeToken | Password,
    user: str,
    container: Container | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Guard:
    """The dashboard over a store."""
    sessions = Sessions()
    port = min(place.hosts).rpartition(":")[2]
    cookie = "__Host-keysweep" if place.is_secure else f"keysweep-{port if port.isdecimal() else 80}"
    app = Starlette(routes=_routes(), exception_handlers={404: _not_found, 405: _not_found})
    app.router.redirect_slashes = False  # it would name a scheme and a host, and behind a proxy the wrong scheme
    app.state.dashboard = Dashboard(
        store,
        place,
        sessions,
        entrance,
        user,
        environment(os.fspath(_HERE / "templates")),
        cookie,
        container,
        now,
    )
    return Guard(app, place, sessions, cookie)


def _routes() -> list[Route]:
    one = "/leaks/{fingerprint:str}"
    pages = {
        "/": overview.overview_page,
        "/sign-in": signing_in.sign_in_page,
        "/leaks": leaks.leaks_page,
        one: leak.leak_page,
        f"{one}/contain": containing.plan_page,
        "/repositories": repositories.repositories_page,
        "/repositories/{number:str}": repositories.repository_page,
        "/runs": runs.runs_page,
        "/runs/{name:str}": runs.run_page,
        "/runs/{name:str}/progress": runs.progress_part,
        "/trends": trends.trends_page,
        "/static/{name:str}": _static,
    }
    forms = {
        one: triage.decided,
        f"{one}/plan": containing.planned,
        f"{one}/contain": containing.applied,
        "/sign-out": signing_in.sign_out,
    }
    return [
        *(Route(path, reads(page), methods=["GET"]) for path, page in pages.items()),
        *(Route(path, writes(form), methods=["POST"]) for path, form in forms.items()),
        Route("/sign-in", writes(signing_in.sign_in, is_open=True), methods=["POST"]),
    ]


def _static(request: Request) -> Response:
    found = _STATIC.get(request.path_params["name"])
    if found is None:
        return missing(request, "such file")
    return FileResponse(found[0], media_type=found[1])


def _not_found(request: Request, _error: Exception) -> Response:
    return missing(request, "such page")
