"""How it goes, week by week."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from keysweep.frozen import frozen
from keysweep.store.queries.trends import Week, trends
from keysweep.web.dashboard import of, render

_HEIGHT = 90
_LEAST = 3
_STEP = 20


@frozen
class Drawn:
    """A week, and the heights of its bars in the units of the drawing."""

    week: Week
    found: int
    contained: int
    x: int


def trends_page(request: Request) -> Response:
    """It."""
    dashboard = of(request)
    with dashboard.store.reading() as connection:
        told = trends(connection, dashboard.now())
    highest = max(1, *(max(each.found, each.contained) for each in told.weeks))
    most_open = max(1, *(each.open for each in told.weeks))
    drawn = [
        Drawn(each, _height(each.found, highest), _height(each.contained, highest), number * _STEP)
        for number, each in enumerate(told.weeks)
    ]
    line = " ".join(f"{each.x + _STEP // 2},{190 - round(each.week.open * 180 / most_open)}" for each in drawn)
    return render(
        request,
        "trends.html",
        trends=told,
        drawn=drawn,
        line=line,
        width=len(drawn) * _STEP,
        highest=highest,
        most_open=most_open,
        is_empty=not any(each.found or each.open for each in told.weeks),
    )


def _height(count: int, highest: int) -> int:
    return max(_LEAST, round(count * _HEIGHT / highest)) if count else 0
