"""One leak: where it stands, what is known and was done, what to do next, and what people say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from shlex import quote
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row
from starlette.requests import Request
from starlette.responses import Response

from keysweep.findings import Kind
from keysweep.frozen import frozen
from keysweep.report.decisions import Case, Step, step_for
from keysweep.standing import Standing
from keysweep.store.decisions import STATUSES
from keysweep.store.leaks import containment_in
from keysweep.store.queries import one_leak
from keysweep.verdicts import Principal
from keysweep.web.dashboard import Fields, missing, number, of, render
from keysweep.web.links import commit_page, file_page

_HIGHEST = (1 << 62) - 1


@frozen
class Event:
    """Something that became known or was done."""

    when: datetime
    what: str
    by: str
    text: str
    note: str = ""


def leak_page(request: Request) -> Response:
    """It."""
    return show_leak(request)


def show_leak(request: Request, complaint: str = "", typed: Fields | None = None) -> Response:
    """It, again with what somebody typed where that was not accepted."""
    dashboard = of(request)
    is_gone = request.query_params.get("gone") == "1"
    repository, place = (number(request.query_params.get(name, ""), _HIGHEST, 0) for name in ("after", "place"))
    with dashboard.store.reading() as connection:
        row = one_leak.leak(connection, request.path_params["fingerprint"])
        if row is None:
            return missing(request, "such leak")
        key = one_leak.key(connection, row.key_id) if row.key_id else None
        places = one_leak.places_of(connection, row.id, (repository, place), gone=is_gone)
        shown = places[: one_leak.PLACES_PER_PAGE]
        events = sorted(_events(connection, row), key=lambda each: each.when, reverse=True)
        newest = one_leak.newest_change(connection, row.id)
        others = one_leak.others_of(connection, row.key_id, row.id) if row.key_id else []
    step = _step(row, key, dashboard.store.where)
    return render(
        request,
        "leak.html",
        422 if complaint else 200,
        leak=row,
        key=key,
        step=step,
        groups=_grouped(shown),
        following=shown[-1] if len(places) > len(shown) else None,
        is_gone=is_gone,
        is_later=repository > 0,
        events=events,
        others=others,
        statuses=STATUSES,
        complaint=complaint,
        typed=typed or {},
        may_plan=may_be_contained(row),
        newest=newest.id if newest else 0,
        done=request.query_params.get("done"),
        today=dashboard.now().date(),
    )


def may_be_contained(row: Row[Any]) -> bool:
    """Whether something could be done about its key in AWS."""
    quiet = {Standing.CANARY, Standing.EXAMPLE}
    return bool(row.key_id) and row.key_id.isalnum() and row.standing not in quiet


def _step(row: Row[Any], key: Row[Any] | None, where: str) -> Step:
    account = (key.account_id if key else None) or row.account_id
    case = Case(
        Kind(row.kind),
        row.key_id,
        account,
        bool(key and key.principal == Principal.ROOT),
        verify=f"keysweep sweep TARGET --verify --db {quote(where)}",
        contain=f"keysweep contain {row.key_id}",
    )
    return step_for(case, Standing(row.standing), containment_in(key) if key else None)


def _grouped(rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], list[dict[str, Any]]]]:
    """The places of each repository."""
    found = []
    for _, mine in groupby(rows, key=lambda each: each.repository_id):
        there = list(mine)
        shown = [
            {
                "row": each,
                "path": "!".join((each.path, *each.members)),
                "page": file_page(each),
                "commit_page": commit_page(each, each.commit_id),
                "removed_page": commit_page(each, each.removed_by),
            }
            for each in there
        ]
        found.append((there[0], shown))
    return found


def _events(connection: Connection, row: Row[Any]) -> Iterator[Event]:
    yield Event(row.first_seen, "Found", "", "by a sweep")
    for each in one_leak.decisions_on(connection, row.id):
        yield Event(
            each.when,
            "Decided" if each.status or each.assignee is not None else "Noted",
            each.by,
            said(each),
            each.note,
        )
    if row.key_id is None:
        return
    for each in one_leak.verifications_of(connection, row.key_id):
        request_id = f" (request {each.request_id})" if each.request_id else ""
        yield Event(each.checked, "Verified", "", f"{each.status}: {each.reason}{request_id}")
    for each in one_leak.containments_of(connection, row.key_id):
        reason = f": {each.reason}" if each.reason else ""
        yield Event(each.when, "Contained", each.operator, f"{each.state} in run {each.run}{reason}")


def said(decision: Row[Any]) -> str:
    """What a decision changed."""
    told = []
    if decision.status:
        told.append(f"{decision.status} until {decision.until}" if decision.until else decision.status)
    if decision.assignee is not None:
        told.append(f"assigned to {decision.assignee}" if decision.assignee else "assigned to nobody")
    return ", ".join(told)
