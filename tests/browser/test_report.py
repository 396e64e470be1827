"""The HTML report in a browser: what somebody who has to decide can see, and do with mouse and keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from keysweep.findings import Origin, Place, Problem, ProblemCode, ScanResult, Severity, Silencer, Suppressed
from keysweep.frozen import replace
from keysweep.report.decisions import MEANINGS
from keysweep.standing import Standing
from keysweep.verdicts import Status
from tests.browser.conftest import Open
from tests.report.many import REPOSITORIES, contained, many
from tests.report.samples import HOSTILE, everything, historical, hostile, pair

SIXTY = many(60)
PER_PAGE = 25


@pytest.fixture
def report(opened: Open) -> Any:
    return opened(SIXTY, repositories=REPOSITORIES, contained=contained(SIXTY))


def of_status(status: Status) -> set[str | None]:
    off = set(contained(SIXTY))
    found = (each for each in SIXTY.findings if each.verdict and each.verdict.status is status)
    return {each.key_id for each in found if each.key_id not in off}


def test_the_live_ones_come_first_and_are_the_headline(report: Any) -> None:
    live = of_status(Status.LIVE)
    assert live
    assert report.page.inner_text("h1").startswith(f"{len(live)} live keys in ")
    assert set(report.keys[: len(live)]) == live
    assert len(report.keys) == PER_PAGE
    assert report.shown == "60 leaks, the most urgent first."


def test_it_asks_for_nothing_but_itself_and_complains_of_nothing(report: Any) -> None:
    report.page.locator(".open").first.click()
    report.page.locator("#next").click()
    assert {each.partition("#")[0] for each in report.requests} <= {report.address, "about:blank"}
    assert report.complaints == []


@pytest.mark.parametrize("name", ["status", "severity", "account", "repository", "author", "age"])
def test_a_filter_shows_what_it_says_and_as_many(report: Any, name: str) -> None:
    choice = report.page.locator(f"#filter-{name} option").nth(1)
    label, count = re.fullmatch(r"(.+) \((\d+)\)", choice.inner_text()).groups()  # type: ignore[union-attr]
    report.page.select_option(f"#filter-{name}", index=1)
    assert report.shown.startswith(f"{count} of 60 leaks: {name} {label}")
    assert len(report.keys) == min(int(count), PER_PAGE)
    if name in ("severity", "account"):
        assert set(report.column(name)) == {label}


def test_a_tile_filters_and_a_second_click_shows_all_again(report: Any) -> None:
    tile = report.page.locator(".tile.alarm")
    tile.click()
    assert set(report.keys) == of_status(Status.LIVE)
    assert tile.get_attribute("aria-current") == "true"
    tile.click()
    assert report.shown == "60 leaks, the most urgent first."


def test_filters_go_together_and_show_all_takes_them_away(report: Any) -> None:
    account = report.page.locator(".group a[data-filter=account]").first
    account.click()
    report.page.select_option("#filter-status", "live")
    assert set(report.column("account")) == {account.get_attribute("data-value")}
    assert {each.split("\n")[0] for each in report.column("status")} == {"Live"}
    report.page.click("#reset")
    assert len(report.keys) == PER_PAGE
    assert "status" not in report.page.url


@pytest.mark.parametrize("name", ["key", "account", "where", "author"])
def test_a_column_sorts_up_and_then_down(report: Any, name: str) -> None:
    report.page.select_option("#filter-severity", "high")
    head = report.page.locator(f"thead th[data-column={name}]")
    head.locator("button").click()
    up = report.column(name)
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [each.split("\n")[0] for each in report.column(name)] == sorted(
        (each.split("\n")[0] for each in up), reverse=True
    )
    assert [each.split("\n")[0] for each in up] == sorted(each.split("\n")[0] for each in up)


def test_the_longest_exposed_can_be_put_first(report: Any) -> None:
    report.page.click("thead th[data-column=days] button")
    days = [int(each.split()[0]) for each in report.column("days")]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "words",
    [
        lambda finding: finding.key_id,
        lambda finding: finding.fingerprint[:12],
        lambda finding: f"{finding.exposures[0].introduced[0].author.lower()}@example.net {finding.key_id[:14]}",
        lambda finding: finding.exposures[0].introduced[0].id[-12:],
    ],
    ids=["key ID", "fingerprint", "two words", "commit"],
)
def test_search_finds_a_leak_by_what_is_known_of_it(report: Any, words: Any) -> None:
    wanted = SIXTY.findings[40]
    report.page.fill("#search", words(wanted))
    assert wanted.key_id in report.keys
    assert len(report.keys) < PER_PAGE


def test_search_for_what_is_not_there_says_so(report: Any) -> None:
    report.page.fill("#search", "no such thing")
    assert report.keys == []
    assert report.shown == "0 of 60 leaks: “no such thing”."


def test_a_row_opens_and_closes_with_all_that_is_known(report: Any) -> None:
    report.page.select_option("#filter-status", "live")
    button = report.page.locator(".open").first
    key = button.inner_text()
    finding = next(each for each in SIXTY.findings if each.key_id == key)
    button.click()
    told = report.page.inner_text("tr.detail")
    assert button.get_attribute("aria-expanded") == "true"
    assert f"keysweep contain FINDINGS.json --allow-account {finding.account_id}" in told
    assert finding.verdict is not None
    assert str(finding.verdict.arn) in told
    assert finding.exposures[0].introduced[0].id[:12] in told
    assert finding.exposures[0].introduced[0].email in told
    assert finding.fingerprint in told
    assert "secret hidd…(41 characters)" in told
    assert report.page.locator("tr.detail mark").first.inner_text() == key
    button.click()
    assert report.page.locator("tr.detail").count() == 0


def test_what_was_switched_off_says_by_whom_and_how_to_undo_it(report: Any) -> None:
    report.page.select_option("#filter-status", "switched-off")
    assert set(report.keys) == set(contained(SIXTY)) - {
        each.key_id
        for each in SIXTY.findings
        if each.verdict and each.verdict.status is Status.CANARY and each.canary
    }
    report.page.locator(".open").first.click()
    told = report.page.inner_text("tr.detail")
    assert "keysweep undo 20261127t045125z-3f9a1c" in told
    assert "arn:aws:iam::1:user/oncall" in told


def test_everything_can_be_done_with_the_keyboard(report: Any) -> None:
    keyboard = report.page.keyboard
    keyboard.press("/")
    keyboard.type("shop")
    assert "“shop”" in report.shown
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    assert report.page.locator(".open").nth(1).get_attribute("aria-expanded") == "true"
    assert report.page.evaluate("document.activeElement.innerText") == report.keys[1]
    keyboard.press("ArrowUp")
    assert report.page.evaluate("document.activeElement.innerText") == report.keys[0]
    keyboard.press("Escape")
    assert report.page.locator("tr.detail").count() == 0
    keyboard.press("/")
    keyboard.press("Escape")
    assert report.shown == "60 leaks, the most urgent first."


def test_the_arrows_go_on_over_the_end_of_a_page(report: Any) -> None:
    last = report.keys[-1]
    report.page.locator(".open").last.focus()
    report.page.keyboard.press("ArrowDown")
    assert report.page.inner_text("#page") == "Page 2 of 3"
    assert report.page.evaluate("document.activeElement.innerText") == report.keys[0] != last
    report.page.keyboard.press("k")
    assert report.page.inner_text("#page") == "Page 1 of 3"
    assert report.page.evaluate("document.activeElement.innerText") == last


def test_pages_together_have_every_leak_once(report: Any) -> None:
    seen = list(report.keys)
    while report.page.locator("#next").is_enabled():
        report.page.click("#next")
        seen += report.keys
    assert sorted(seen) == sorted(str(each.key_id) for each in SIXTY.findings)


def test_a_link_to_a_leak_opens_it_wherever_it_is(report: Any) -> None:
    report.page.click("#next")
    report.page.click("#next")
    key = report.keys[3]
    report.page.locator(".open").nth(3).click()
    fragment = "#" + report.page.url.partition("#")[2]
    finding = next(each for each in SIXTY.findings if each.key_id == key)
    for link in (
        fragment,
        f"#leak={finding.fingerprint}",
        f"#status=live&search=nothing&leak={finding.fingerprint}",
    ):
        page = report.go(link)
        assert page.locator("tr.row.opened .open").inner_text() == key
        assert page.evaluate("document.activeElement.innerText") == key


def test_a_link_keeps_filters_search_and_order(report: Any) -> None:
    report.page.select_option("#filter-repository", REPOSITORIES[0])
    report.page.fill("#search", "example.net")
    report.page.click("thead th[data-column=key] button")
    report.page.click("thead th[data-column=key] button")
    keys, shown = report.keys, report.shown
    report.go("#" + report.page.url.partition("#")[2])
    assert (report.keys, report.shown) == (keys, shown)
    assert report.page.input_value("#search") == "example.net"


@pytest.mark.parametrize(
    "fragment", ["#leak=nothing", "#page=999", "#page=x&sort=constructor", "#status=&leak=", "#%", "#a=<b>"]
)
def test_a_broken_link_shows_a_page_all_the_same(report: Any, fragment: str) -> None:
    report.go(fragment)
    assert report.page.locator("#table").is_visible()
    assert report.complaints == []


def test_the_line_of_a_leak_leads_to_it(report: Any) -> None:
    line = report.page.locator(".lines a").nth(2)
    name = line.locator(".name").inner_text()
    line.click()
    assert report.page.locator("tr.row.opened .open").inner_text() == name


def test_the_timeline_tells_its_numbers_in_a_table(report: Any) -> None:
    report.page.locator("summary", has_text="The numbers").click()
    cells = report.page.locator(".numbers td").all_inner_texts()
    assert sum(map(int, cells[::2])) == 60
    assert sum(map(int, cells[1::2])) == sum(bool(each.exposures[0].removed) for each in SIXTY.findings)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(opened: Open, text: str) -> None:
    result = hostile(text)
    page = opened(
        replace(result, suppressed=(Suppressed(Silencer.BASELINE, text, text, text, result.findings[0]),)),
        suppressed=1,
        repositories=(text, text + "x"),
    )
    for button in page.page.locator(".open").all():
        button.click()
    for each in page.page.locator("details").all():
        each.evaluate("node => node.open = true")
    names = page.page.evaluate("[...new Set([...document.querySelectorAll('*')].map(each => each.localName))]")
    assert not set(names) & {"img", "iframe", "object", "embed", "link", "base", "x", "video", "audio", "form.x"}
    assert page.page.locator("script").count() == 3
    assert {each.partition("#")[0] for each in page.requests} <= {page.address, "about:blank"}
    assert page.complaints == []
    shown = page.page.inner_text("body")
    assert not set(shown) & set("\x00\x1b\x9b\u202e\u2066\u2028")
    assert page.page.evaluate("document.querySelectorAll('[onerror],[onclick],[style],[src]').length") == 0


def test_only_the_script_of_the_report_may_run(report: Any) -> None:
    report.page.evaluate(
        """() => {
            window.refused = [];
            document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective));
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            const image = document.createElement('img');
            image.src = 'http://127.0.0.1:9/x.png';
            const style = document.createElement('style');
            style.textContent = 'body { display: none }';
            const frame = document.createElement('iframe');
            frame.src = 'http://127.0.0.1:9/';
            document.body.append(script, image, style, frame);
        }"""
    )
    report.page.wait_for_function("window.refused.length >= 4")
    assert report.page.evaluate("window.ran") is None
    refused = set(report.page.evaluate("window.refused"))
    assert refused == {"script-src-elem", "style-src-elem", "img-src", "frame-src"}
    assert report.page.locator("#table").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1366])
def test_it_is_accessible(opened: Open, scheme: str, width: int) -> None:
    result = replace(
        many(30),
        problems=everything().problems,
        notes=("a note",),
        suppressed=(Suppressed(Silencer.BASELINE, "known", "ada", "2027-01-31", pair()),),
    )
    page = opened(
        result,
        repositories=REPOSITORIES,
        contained=contained(result),
        suppressed=1,
        context={"color_scheme": scheme, "viewport": {"width": width, "height": 900}},
    ).page
    page.locator(".open").first.click()
    for each in page.locator("details").all():
        each.evaluate("node => node.open = true")
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert found.response["violations"] == [], found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 768, 1366])
def test_nothing_has_to_be_scrolled_sideways(opened: Open, width: int) -> None:
    result = ScanResult((*many(30).findings, *hostile("a" * 70_000).findings, historical()))
    page = opened(result, context={"viewport": {"width": width, "height": 800}}).page
    for button in page.locator(".open").all()[:2]:
        button.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_ten_thousand_leaks_can_still_be_used(opened: Open) -> None:
    result = many(10_000)
    page = opened(result, repositories=REPOSITORIES)
    assert page.shown == "10000 leaks, the most urgent first."
    assert page.page.locator("tr").count() < 100
    wanted = result.findings[7777]
    page.page.fill("#search", str(wanted.key_id))
    assert page.keys == [wanted.key_id]
    page.go(f"#leak={wanted.fingerprint}")
    assert page.page.locator("tr.row.opened .open").inner_text() == wanted.key_id
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(page.keys) == 2000
    assert "The first 2000 are printed" in page.shown


def test_print_has_every_leak_of_the_filter_and_no_controls(report: Any) -> None:
    report.page.select_option("#filter-status", "live")
    report.page.emulate_media(media="print")
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    live = of_status(Status.LIVE)
    assert set(report.keys) == live
    assert report.page.locator("tr.detail").count() == len(live)
    for control in ("#filters", "#keys", "#pages", "thead button"):
        assert not report.page.locator(control).first.is_visible()
    assert (
        report.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    )
    assert report.page.pdf(format="A4").startswith(b"%PDF")
    report.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.page.locator("tr.detail").count() == 0


def test_without_javascript_the_most_urgent_are_there(opened: Open) -> None:
    page = opened(SIXTY, context={"java_script_enabled": False}).page
    rows = page.locator("noscript tbody tr")
    assert rows.count() == 60
    assert rows.first.inner_text().startswith("Live")
    assert not page.locator("#filters").is_visible()
    assert page.locator(".tile").count() > 3


def test_the_same_credential_in_many_places_is_one_leak(opened: Open) -> None:
    copies = tuple(pair(origin=Origin(f"dir{number}/a.env")) for number in range(4))
    page = opened(ScanResult((*copies, pair(also_at=(Place(9, 1, 90, 20),)))))
    assert page.shown == "1 leak, the most urgent first."
    assert "and 5 more" in page.column("where")[0]
    page.page.locator(".open").click()
    told = page.page.inner_text("tr.detail")
    assert all(f"dir{number}/a.env:3:5" in told for number in range(4))
    assert "also in this file at 9:1" in told


def test_what_does_not_count_is_counted_and_listed(opened: Open) -> None:
    silent = Suppressed(Silencer.BASELINE, "revoked in May", "ada@example.net", "2027-01-31", pair())
    page = opened(ScanResult(suppressed=(silent,)), suppressed=1).page
    assert page.inner_text("h1") == "No leaked AWS keys found"
    page.locator("summary", has_text="Each of them").click()
    told = page.locator("section", has_text="What does not count").inner_text()
    for each in (
        "1 suppressed by the baseline",
        "revoked in May",
        "ada@example.net",
        "2027-01-31",
        "conf/a.ini:3:5",
    ):
        assert each in told


def test_an_incomplete_scan_is_never_called_clean(opened: Open) -> None:
    problems = (Problem(ProblemCode.DAMAGED, "is damaged", Origin("backup.gz")),)
    page = opened(ScanResult(problems=problems)).page
    assert page.inner_text("h1") == "Nothing found, but not everything was read"
    assert "backup.gz is damaged" in page.inner_text("main")


def test_a_clean_scan_says_so_and_has_no_table(opened: Open) -> None:
    page = opened(ScanResult(scanned_items=3, scanned_bytes=4096), fail_on=Severity.HIGH)
    assert page.page.inner_text("h1") == "No leaked AWS keys found"
    assert "3 items (4.1 kB)" in page.page.inner_text("header")
    assert "high and worse" in page.page.inner_text("header")
    assert page.page.locator("table").count() == 0
    assert page.complaints == []


def test_every_standing_has_a_tile_of_its_tone(report: Any) -> None:
    tiles = dict(
        zip(
            report.page.locator(".tile span").all_inner_texts(),
            report.page.locator(".tile").evaluate_all("all => all.map(each => each.className)"),
            strict=True,
        )
    )
    assert set(tiles) >= {"Live", "Not verified", "Switched off"}
    for standing in Standing:
        meaning = MEANINGS[standing]
        if meaning.label in tiles:
            assert tiles[meaning.label] == f"tile {meaning.tone}"
