"""The first page: how leaks stand, what is worst, and what was not read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from keysweep.report.decisions import MEANINGS
from keysweep.report.style import number_of
from keysweep.standing import Standing
from keysweep.store.leaks import HARMLESS
from keysweep.store.queries import overview, sweeps
from keysweep.store.queries.chosen import TO_DO, Wanted, conditions
from keysweep.store.queries.listed import listed
from keysweep.web.dashboard import of, render
from keysweep.web.pages.signing_in import sign_in_page, token_taken

_WORST = 8
_OPEN = (Standing.ACTIVE, Standing.WRONG_SECRET, Standing.UNVERIFIED)


def overview_page(request: Request) -> Response:
    """It, or the way to it for whoever comes with a token."""
    if "token" in request.query_params:
        return token_taken(request)
    if request.scope["keysweep.session"] is None:
        return sign_in_page(request)
    dashboard = of(request)
    now = dashboard.now()
    with dashboard.store.reading() as connection:
        told = overview.standings(connection)
        worst = listed(connection, conditions(connection, Wanted(status=TO_DO), now), "urgent", most=_WORST)
        unread_count, unread = overview.unread(connection)
        run = overview.last_run(connection)
        progress = sweeps.progress(connection, run, now) if run else None
        week = overview.found_since(connection, now - timedelta(days=7))
    count = told.by_standing
    headline, tone = _headline(count, is_empty=run is None)
    return render(
        request,
        "overview.html",
        headline=headline,
        tone=tone,
        tiles=[(each, MEANINGS[each], count[each]) for each in Standing if count.get(each)],
        contained=sum(count.get(each, 0) for each in HARMLESS),
        settled=told.settled,
        week=week,
        worst=worst,
        unread_count=unread_count,
        unread=unread,
        run=run,
        progress=progress,
    )


def _headline(count: Mapping[str, int], *, is_empty: bool) -> tuple[str, str]:
    """The one thing that has to be known, and how alarming it is."""
    if live := count.get(Standing.LIVE, 0):
        return f"{live:,} live {'key' if live == 1 else 'keys'}", "alarm"
    if left := sum(count.get(each, 0) for each in _OPEN):
        return f"{left:,} leaked {'credential' if left == 1 else 'credentials'} that may be live", "warn"
    if sum(count.values()):
        return f"{number_of(sum(count.values()), 'leak')}, none of them known to be live", "good"
    return ("Nothing was swept yet", "quiet") if is_empty else ("No leaked AWS keys found", "good")
