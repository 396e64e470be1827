"""Runs of sweeps; and one of them, live while it goes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from keysweep.store.queries import sweeps
from keysweep.store.runs import TaskState
from keysweep.web.dashboard import missing, of, render


def runs_page(request: Request) -> Response:
    """The newest of them."""
    with of(request).store.reading() as connection:
        rows = sweeps.newest_runs(connection)
    return render(request, "runs.html", rows=rows)


def run_page(request: Request) -> Response:
    """One of them."""
    return _shown(request, "run.html")


def progress_part(request: Request) -> Response:
    """The part of that page that changes, for the script that keeps it up to date."""
    return _shown(request, "progress.html")


def _shown(request: Request, template: str) -> Response:
    dashboard = of(request)
    with dashboard.store.reading() as connection:
        row = sweeps.run(connection, request.path_params["name"])
        if row is None:
            return missing(request, "such run")
        progress = sweeps.progress(connection, row, dashboard.now())
        failures = sweeps.failures(connection, row.id)
    states = [(state.value, progress.counts.states.get(state, 0)) for state in TaskState]
    answer = render(request, template, run=row, progress=progress, failures=failures, states=states)
    answer.headers["x-run-state"] = row.state
    return answer
