"""What people decide on a leak, taken from its page."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from keysweep.errors import UsageError
from keysweep.store.decisions import Decision, decide
from keysweep.store.queries import one_leak
from keysweep.web.dashboard import Fields, go, missing, of, session_of
from keysweep.web.pages.leak import said, show_leak


def decided(request: Request, fields: Fields) -> Response:
    """Record a status, an assignee and a note; or say what is wrong with them."""
    dashboard = of(request)
    fingerprint = request.path_params["fingerprint"]
    try:
        decision = Decision(
            session_of(request).name,
            status=fields.get("status") or None,
            until=_day(fields.get("until", "")) if fields.get("status") == "accepted" else None,
            assignee=fields.get("assignee"),
            note="\n".join(fields.get("note", "").splitlines()),
        )
        with dashboard.store.writing() as connection:
            row = one_leak.leak(connection, fingerprint)
            if row is None:
                return missing(request, "such leak")
            _check_newest(connection, row.id, fields.get("newest"))
            is_new = decide(connection, row.id, decision, dashboard.now())
    except UsageError as error:
        return show_leak(request, str(error), fields)
    return go(f"/leaks/{fingerprint}?done={int(is_new)}")


def _check_newest(connection: Connection, leak_id: int, seen: str | None) -> None:
    """UsageError for a form that was made before somebody else decided: it would take that back unseen."""
    newest = one_leak.newest_change(connection, leak_id)
    if newest is not None and seen is not None and seen != str(newest.id):
        raise UsageError(
            f"meanwhile {newest.by} decided: {said(newest)}. Nothing was recorded: look at it, and if yours still "
            "holds, record it again."
        )


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("write the day as 2027-01-31.") from error
