"""The dashboard in a real Chromium: it can be used with a keyboard, on a phone, without scripts, and reads well."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from sqlalchemy import select, update

from bench.filled import NOW, fill
from keysweep.store import schema
from keysweep.store.opening import Store, opened
from tests.web.serving import serving

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202egpj.' + "a" * 400
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Visited:
    """A dashboard, and what browsers asked for and complained of."""

    def __init__(
        self, base: str, entry: str, browser: Browser, store: Store, contexts: list[BrowserContext]
    ) -> None:
        self.base, self.store = base, store
        self._browser, self._contexts = browser, contexts
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page = self._open({})
        page.goto(entry)
        self._state = page.context.storage_state()

    def page(self, path: str, **options: Any) -> Page:
        page = self._open({"storage_state": self._state, **options})
        page.goto(self.base + path)
        return page

    def _open(self, options: dict[str, Any]) -> Page:
        defaults = {"viewport": {"width": 1366, "height": 900}, "reduced_motion": "reduce"}
        context = self._browser.new_context(**{**defaults, **options})
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dismiss)
        return page

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    @property
    def leak(self) -> str:
        with self.store.reading() as connection:
            row = select(schema.leaks.c.fingerprint).where(schema.leaks.c.standing == "live").limit(1)
            return f"/leaks/{connection.scalar(row)}"

    @property
    def run(self) -> str:
        with self.store.reading() as connection:
            newest = select(schema.runs.c.id).order_by(schema.runs.c.started.desc()).limit(1)
            return f"/runs/{connection.scalar(newest)}"


PAGES: dict[str, Callable[[Visited], str]] = {
    "overview": lambda visited: "/",
    "leaks": lambda visited: "/leaks?status=any&search=settings",
    "leak": lambda visited: visited.leak,
    "contain": lambda visited: f"{visited.leak}/contain",
    "repositories": lambda visited: "/repositories",
    "repository": lambda visited: "/repositories/1",
    "runs": lambda visited: "/runs",
    "run": lambda visited: visited.run,
    "trends": lambda visited: "/trends",
    "not found": lambda visited: "/nothing",
    "sign in": lambda visited: "/sign-in",
}


@pytest.fixture
def visited(browser: Browser, tmp_path: Path) -> Iterator[Visited]:
    contexts: list[BrowserContext] = []
    with opened(os.fspath(tmp_path / "store.db")) as store:
        with store.writing() as connection:
            fill(connection, 600)
            running = schema.runs.c.state == "running"
            connection.execute(
                update(schema.runs).where(running).values(started=NOW - timedelta(hours=1), beat=NOW)
            )
        with serving(store) as served:
            entry = f"{served.base}/?token={served.entrance.text}"  # type: ignore[union-attr]
            made = Visited(served.base, entry, browser, store, contexts)
            yield made
            for each in contexts:
                each.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1366])
def test_every_page_is_accessible_and_asks_for_nothing_elsewhere(
    visited: Visited, scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    for name, path in PAGES.items():
        page = visited.page(path(visited), **options)
        found = Axe().run(page, options={"runOnly": _RULES})
        assert found.response["violations"] == [], f"{name}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert {each.split("/")[2] for each in visited.requests} == {visited.base.partition("//")[2]}
    known = ["Failed to load resource: the server responded with a status of 404 (Not Found)",
             "Failed to load resource: the server responded with a status of 401 (Unauthorized)"]  # fmt: skip
    assert [each for each in visited.complaints if each not in known] == []


@pytest.mark.parametrize("width", [320, 768])
def test_hostile_texts_run_nothing_and_fit(visited: Visited, width: int) -> None:
    with visited.store.writing() as connection:
        connection.execute(update(schema.places).values(path=HOSTILE, author=HOSTILE, ref=HOSTILE))
        connection.execute(update(schema.repositories).values(name=HOSTILE, reason=HOSTILE, url=HOSTILE))
        connection.execute(update(schema.leaks).values(reasons=[HOSTILE], assignee=HOSTILE))
        connection.execute(update(schema.runs).values(target=HOSTILE, problems=[HOSTILE]))
    for name in ("overview", "leaks", "leak", "repositories", "repository", "runs", "run"):
        page = visited.page(PAGES[name](visited), viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.locator("img").count() == 0
    assert visited.complaints == []


def test_a_leak_is_found_and_decided_on_with_a_keyboard(visited: Visited) -> None:
    page = visited.page("/leaks")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "search"
    page.keyboard.type("credentials")
    page.keyboard.press("Enter")
    page.wait_for_url("**/leaks?*search=credentials*")
    link = page.locator("table.rows th[scope=row] a").first
    key = link.inner_text()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(key)
    page.locator("input[name=status]:checked").focus()
    while page.evaluate("document.activeElement.value") != "resolved":
        page.keyboard.press("ArrowDown")
    page.locator("#note").focus()
    page.keyboard.type("rotated, and taken out")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]")).to_have_text("Recorded.")
    expect(page.locator(".lead")).to_contain_text("resolved")
    expect(page.locator(".events")).to_contain_text("Decided by ada: resolved")
    expect(page.locator(".events")).to_contain_text("rotated, and taken out")


def test_a_mistake_is_told_beside_the_form_and_nothing_is_lost(visited: Visited) -> None:
    page = visited.page(visited.leak)
    page.check("input[value=false]")
    page.fill("#assignee", "bob")
    page.click("text=Record")
    expect(page.locator("[role=alert]")).to_contain_text("Say in the note why it is false")
    expect(page.locator("#assignee")).to_have_value("bob")
    expect(page.locator("input[value=false]")).to_be_checked()
    page.fill("#note", "only documentation")
    page.click("text=Record")
    expect(page.locator("[role=status]")).to_have_text("Recorded.")


def test_all_of_it_works_without_scripts(visited: Visited) -> None:
    page = visited.page("/", java_script_enabled=False)
    page.click("nav >> text=Leaks")
    page.select_option("#filter-standing", "dead")
    page.select_option("#filter-status", "any")
    page.click("button:has-text('Show')")
    assert set(page.locator("td[data-label=Standing]").all_inner_texts()) == {"Dead"}
    page.locator("table.rows th a").first.click()
    page.check("input[value=real]")
    page.click("text=Record")
    expect(page.locator("[role=status]")).to_have_text("Recorded.")
    page.goto(visited.base + visited.run)
    assert page.locator('meta[http-equiv="refresh"]').count() == 1


def test_a_run_is_brought_up_to_date_while_it_goes_and_says_when_it_has_ended(visited: Visited) -> None:
    page = visited.page(visited.run)
    waiting = page.locator(".tile:has-text('waiting') strong")
    before = waiting.inner_text()
    page.evaluate("window.same = true")
    with visited.store.writing() as connection:
        connection.execute(update(schema.tasks).where(schema.tasks.c.repository_id < 9).values(state="waiting"))
    expect(waiting).not_to_have_text(before, timeout=15_000)
    with visited.store.writing() as connection:
        connection.execute(update(schema.tasks).values(state="swept"))
        connection.execute(update(schema.runs).values(state="done", ended=NOW))
    expect(page.locator("#live-told")).to_have_text("The run is done.", timeout=15_000)
    assert page.evaluate("window.same")
    assert visited.complaints == []


def test_charts_have_their_numbers_beside_them(visited: Visited) -> None:
    page = visited.page("/trends")
    drawn = page.locator(".chart g title").all_text_contents()
    assert len(drawn) == 26
    found = [re.search(r"Week of ([\d-]+): (\d+) found, (\d+) contained", each) for each in drawn]
    rows = [each.split("\t")[:3] for each in page.locator("table.numbers tbody tr").all_inner_texts()]
    assert [[*each.groups()] for each in found if each] == rows[::-1]


def test_a_link_in_a_page_of_another_site_leads_to_the_page_that_it_names(visited: Visited) -> None:
    page = visited.page("/runs")
    page.route("http://elsewhere.example/", lambda route: route.fulfill(
        content_type="text/html", body=f'<a href="{visited.base}/leaks?search=settings">a leak</a>'
    ))  # fmt: skip
    page.goto("http://elsewhere.example/")
    page.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Leaks")
    expect(page.get_by_label("Search for a key ID")).to_have_value("settings")


def test_signing_out_leaves_nothing_behind_in_the_browser(visited: Visited) -> None:
    page = visited.page(visited.leak)
    page.click("text=Sign out")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Sign in")
    assert page.context.cookies() == []
