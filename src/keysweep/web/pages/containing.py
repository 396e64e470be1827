"""What would be done about a key in AWS; and, where that is enabled, doing it once its ID was typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.engine import Row
from starlette.requests import Request
from starlette.responses import Response

from keysweep.errors import KeysweepError
from keysweep.frozen import replace
from keysweep.store.decisions import Decision, decide
from keysweep.store.queries import one_leak
from keysweep.web.dashboard import Contained, Fields, missing, of, render, session_of
from keysweep.web.pages.leak import may_be_contained


def plan_page(request: Request) -> Response:
    """The command, and what may be done from here."""
    return _with_leak(request, lambda row: _shown(request, row))


def planned(request: Request, _fields: Fields) -> Response:
    """Make the plan; that asks AWS, and changes nothing."""
    container = of(request).container
    if container is None:
        text = "Planning from here is not enabled: type the command, or start keysweep serve with --allow-plan."
        return _with_leak(request, lambda row: _shown(request, row, text))
    return _with_leak(request, lambda row: _told(request, row, container.plan))


def applied(request: Request, fields: Fields) -> Response:
    """Do what the plan says."""
    container = of(request).container
    typed = fields.get("typed", "").strip()

    def apply(row: Row[Any]) -> Response:
        if container is None or not container.may_apply:
            text = "Containing from here is not enabled: type the command, or start with --allow-contain."
            return _shown(request, row, text)
        if typed != row.key_id:
            return _shown(request, row, "Nothing was done: what was typed is not the ID of this key.")
        return _told(request, row, lambda key_id: container.apply(key_id, partial(_noted, request, row)))

    return _with_leak(request, apply)


def _noted(request: Request, row: Row[Any], contained: Contained) -> Contained:
    """Say on the leak who did it: the journal knows only as whom this program acts."""
    if contained.run:
        dashboard = of(request)
        note = Decision(session_of(request).name, note=f"Contained from the dashboard, run {contained.run}.")
        try:
            with dashboard.store.writing() as connection:
                decide(connection, row.id, note, dashboard.now())
        except KeysweepError as error:  # what was done in AWS is done all the same
            return replace(contained, text=f"{contained.text}\n\nWho did it is not noted on the leak: {error}")
    return contained


def _with_leak(request: Request, page: Callable[[Row[Any]], Response]) -> Response:
    with of(request).store.reading() as connection:
        row = one_leak.leak(connection, request.path_params["fingerprint"])
    if row is None or not may_be_contained(row):
        return missing(request, "key that could be contained")
    return page(row)


def _told(request: Request, row: Row[Any], do: Callable[[str], Contained]) -> Response:
    try:
        return _shown(request, row, contained=do(row.key_id))
    except KeysweepError as error:
        return _shown(request, row, str(error))


def _shown(request: Request, row: Row[Any], complaint: str = "", contained: Contained | None = None) -> Response:
    dashboard = of(request)
    with dashboard.store.reading() as connection:
        key = one_leak.key(connection, row.key_id)
    account = (key.account_id if key else None) or row.account_id
    allowed = f" --allow-account {account}" if account and account.isdecimal() else ""
    return render(
        request,
        "contain.html",
        422 if complaint else 200,
        leak=row,
        command=f"keysweep contain {row.key_id}{allowed}",
        may_plan=dashboard.container is not None,
        may_apply=dashboard.container is not None and dashboard.container.may_apply,
        complaint=complaint,
        contained=contained,
    )
