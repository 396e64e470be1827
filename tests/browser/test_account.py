"""The page of accounts in a browser: what somebody who has to mend them can see, find and copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, expect

from keysweep.account.audit import Audit
from keysweep.account.judging.identity import lapse_id
from keysweep.frozen import replace
from tests.account.samples import everything, hostile, many, written
from tests.browser.conftest import Opened
from tests.report.samples import HOSTILE

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1366), ("dark", 390))
_SOME = ".first details, .account, .lapse:nth-of-type(-n+3)"
"""All that can be opened is thrice as much, and of the same kinds."""
_FITS = "document.documentElement.scrollWidth"
Shows = Callable[..., Opened]


@pytest.fixture
def shows(browser: Browser, tmp_path: Path) -> Iterator[Shows]:
    """Opens the page of an audit; options of the browser's context by name."""
    contexts: list[BrowserContext] = []
    path = tmp_path / "account.html"

    def open_(audit: Audit, **options: Any) -> Opened:
        path.write_text(written("html", audit), encoding="ascii")
        given = {"viewport": {"width": 1366, "height": 900}, "reduced_motion": "reduce", **options}
        contexts.append(browser.new_context(**given))
        made = Opened(contexts[-1].new_page(), path)
        made.go()
        return made

    yield open_
    for each in contexts:
        each.close()


def listed(opened: Opened) -> list[str]:
    """The IDs of the keys that the table shows."""
    return opened.page.locator("#rows tr:visible code").all_inner_texts()


def test_it_is_accessible_fits_and_asks_for_nothing(shows: Shows) -> None:
    opened = shows(everything())
    page = opened.page
    page.evaluate(f"document.querySelectorAll('{_SOME}').forEach(each => each.open = true)")
    page.wait_for_selector(".lapse .copying button")
    for scheme, width in _LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options={"runOnly": _RULES})
        assert found.response["violations"] == [], (scheme, width, found.generate_report())
        assert page.evaluate(_FITS) <= width
    assert {each.partition("#")[0] for each in opened.requests} <= {opened.address, "about:blank"}
    assert opened.complaints == []


def test_keys_are_found_by_tile_filter_search_and_order_and_what_is_wrong_is_opened_and_copied(
    shows: Shows,
) -> None:
    opened = shows(everything(), permissions=["clipboard-read", "clipboard-write"])
    page = opened.page
    assert page.inner_text("h1") == "1 leaked key is active"
    assert len(listed(opened)) == 10
    page.click(".tile.alarm >> nth=0")
    assert opened.shown == "2 of 10 keys: severity critical."
    assert set(listed(opened)) == {"ID not known", "AKIA0000000000000001"}
    page.click("#reset")
    page.click("a[data-filter=age][data-value=years]")
    assert opened.shown == "2 of 10 keys: age over a year."
    page.select_option("#filter-rule", "leaked-key")
    assert listed(opened) == ["AKIA0000000000000001"]
    page.click("#reset")
    page.fill("#search", "sqs old")
    assert listed(opened) == ["AKIA0000000000000005"]
    page.fill("#search", "")
    page.click("[data-sort=key]")
    assert listed(opened)[:2] == ["AKIA0000000000000001", "AKIA0000000000000002"]
    page.click("[data-sort=key]")
    assert listed(opened)[-1] == "AKIA0000000000000001"
    page.click("#rows tr:last-child >> text=A key that has leaked is active")
    lapse = page.locator(".lapse[open]")
    assert "found at app: .env:3 and 1 more" in lapse.inner_text()
    assert page.evaluate("document.activeElement.localName") == "summary"
    lapse.locator(".copying button").first.click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "keysweep contain AKIA0000000000000001"
    assert opened.complaints == []


def test_all_of_it_can_be_read_without_scripts(shows: Shows) -> None:
    audit = everything()
    opened = shows(audit, java_script_enabled=False)
    assert len(listed(opened)) == 10
    assert not opened.page.locator("#filters").is_visible()
    (leaked,) = (each for each in audit.lapses if each.rule.id == "leaked-key")
    page = opened.go(f"#lapse-{lapse_id(leaked)}")
    assert "keysweep contain AKIA" in page.locator(":target").inner_text()
    assert "sandbox" in page.locator(".panel").inner_text()


def test_two_thousand_keys_of_two_hundred_accounts_are_shown_in_steps(shows: Shows) -> None:
    audit = many(200, 2000)
    opened = shows(audit)
    assert opened.shown == "2000 keys, the most urgent first."
    assert len(listed(opened)) == 100
    opened.page.click("#further")
    assert len(listed(opened)) == 200
    key, _ = list(audit.each_key())[1990]
    opened.page.fill("#search", key.key_id)
    assert listed(opened) == [key.key_id]


@pytest.mark.parametrize("width", [320, 1366])
def test_hostile_names_are_shown_and_do_nothing(shows: Shows, width: int) -> None:
    several = [hostile(text) for text in HOSTILE]
    judged = tuple(
        replace(each.judged[0], account=replace(each.judged[0].account, id=f"{number:012d}"))
        for number, each in enumerate(several)
    )
    unreached = tuple(each.unreached[0] for each in several)
    opened = shows(
        replace(several[0], judged=judged, unreached=unreached), viewport={"width": width, "height": 800}
    )
    page = opened.page
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate(_FITS) <= width
    assert page.locator("img, iframe, object, main script").count() == 0
    assert opened.complaints == []
