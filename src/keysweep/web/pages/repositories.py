"""Repositories, and one of them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from keysweep.store.queries import repositories
from keysweep.store.queries.chosen import Wanted, conditions
from keysweep.store.queries.listed import listed
from keysweep.store.rows import stored
from keysweep.web.dashboard import missing, number, of, render
from keysweep.web.links import web_page

_STATES = ("unread", "new", "swept", "incomplete", "failed", "quarantined")
_ORDERS = ("leaks", "name")
_HIGHEST = (1 << 62) - 1
_WORST = 20


def repositories_page(request: Request) -> Response:
    """The list."""
    dashboard = of(request)
    given = request.query_params
    state = given.get("state", "") if given.get("state") in _STATES else ""
    order = given.get("order", "") if given.get("order") in _ORDERS else "leaks"
    search = stored(given.get("search", "").strip()[:200])
    page = max(1, number(given.get("page", ""), repositories.MOST_PAGES))
    with dashboard.store.reading() as connection:
        rows, count = repositories.repositories_page(connection, state, search, order, page)
        states = repositories.states(connection)
    return render(
        request,
        "repositories.html",
        rows=rows[: repositories.PER_PAGE],
        has_more=len(rows) > repositories.PER_PAGE and page < repositories.MOST_PAGES,
        is_last=page == repositories.MOST_PAGES,
        count=count,
        states=states,
        page=page,
        given={"state": state, "order": order, "search": search},
        choices=_STATES,
    )


def repository_page(request: Request) -> Response:
    """One of them."""
    dashboard = of(request)
    with dashboard.store.reading() as connection:
        row = repositories.repository(connection, number(request.path_params["number"], _HIGHEST, 0))
        if row is None:
            return missing(request, "such repository")
        problems = repositories.problems_in(connection, row.id)
        sweeps = repositories.sweeps_of(connection, row.id)
        chosen = conditions(connection, Wanted(repository_id=row.id), dashboard.now())
        worst = listed(connection, chosen, "urgent", most=_WORST, repository_id=row.id)
    return render(
        request,
        "repository.html",
        repository=row,
        link=web_page(row.page),
        problems=problems,
        sweeps=sweeps,
        worst=worst,
    )
