"""Leaks, chosen, searched and sorted."""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from keysweep.findings import Kind, Severity
from keysweep.frozen import fields, frozen
from keysweep.report.decisions import MEANINGS
from keysweep.standing import Standing
from keysweep.store.decisions import STATUSES
from keysweep.store.queries.chosen import TO_DO, Wanted, conditions
from keysweep.store.queries.listed import MOST_COUNTED, ORDERS, count, listed
from keysweep.store.rows import stored
from keysweep.store.words import is_too_short, words_of
from keysweep.web.dashboard import of, render

_MOST_TYPED = 200
_ANY = "any"
_AGES = {
    "1": "in the last day",
    "7": "in the last week",
    "30": "in the last 30 days",
    "90": "in the last 90 days",
    "over-30": "longer than 30 days ago",
    "over-90": "longer than 90 days ago",
    "over-365": "longer than a year ago",
}
_ORDERS = dict(zip(ORDERS, ("the worst first", "the newest first", "the oldest first"), strict=True))


@frozen
class Asked:
    """What the form of the page says; every field as it stands in the address."""

    status: str = TO_DO
    standing: str = ""
    severity: str = ""
    kind: str = ""
    age: str = ""
    account: str = ""
    repository: str = ""
    assignee: str = ""
    search: str = ""
    order: str = "urgent"


def leaks_page(request: Request) -> Response:
    """The list."""
    dashboard = of(request)
    asked = _asked(request.query_params)
    with dashboard.store.reading() as connection:
        chosen = conditions(connection, _wanted(asked), dashboard.now())
        page = listed(connection, chosen, asked.order, request.query_params.get("after", "")[:100])
        number = count(connection, chosen)
    given = {name: getattr(asked, name) for name in fields(Asked)}

    return render(
        request,
        "leaks.html",
        asked=asked,
        given=given,
        page=page,
        number=number,
        most=MOST_COUNTED,
        is_later="after" in request.query_params,
        is_partial=chosen.is_partial,
        is_short=bool(asked.search) and is_too_short(words_of(asked.search)),
        is_filtered=asked != Asked(order=asked.order),
        choices=_choices(),
    )


def _choices() -> dict[str, dict[str, str]]:
    statuses = {TO_DO: "needs somebody", _ANY: "any", **{each: each for each in STATUSES}}
    return {
        "status": statuses,
        "standing": {each.value: MEANINGS[each].label for each in Standing},
        "severity": {each.label: each.label for each in reversed(Severity)},
        "kind": {each.value: each.value for each in Kind},
        "age": _AGES,
        "order": _ORDERS,
    }


def _asked(given: QueryParams) -> Asked:
    """What the address says; what no form says is passed over."""
    choices = _choices()
    found = {}
    for name in fields(Asked):
        value = stored(given.get(name, "").strip()[:_MOST_TYPED])
        if value and (name not in choices or value in choices[name]):
            found[name] = value
    return Asked(**found)


def _wanted(asked: Asked) -> Wanted:
    within = int(asked.age) if asked.age.isdecimal() else None
    older = int(asked.age.removeprefix("over-")) if asked.age.startswith("over-") else None
    return Wanted(
        standing=asked.standing,
        status="" if asked.status == _ANY else asked.status,
        kind=asked.kind,
        severity=Severity[asked.severity.upper()] if asked.severity else None,
        account=asked.account,
        repository=asked.repository,
        assignee=asked.assignee,
        within_days=within,
        older_days=older,
        search=asked.search,
    )
