"""Pages say what the store holds, whatever it holds."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from bench.filled import NOW, fill
from keysweep.store import schema
from keysweep.store.opening import Store, opened
from keysweep.store.queries.one_leak import decisions_on
from tests.stores import NewStore
from tests.web.serving import Served, serving

PAGES = ("/", "/leaks", "/leaks?status=any", "/repositories", "/repositories/1", "/runs", "/trends")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202egpj.\x1b[31m\x00'.replace("\0", "")


def fingerprints(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r'href="/leaks/([0-9a-f]{32})"', text)))


def one(store: Store, **columns: object) -> str:
    """The fingerprint of the first leak, changed."""
    with store.writing() as connection:
        if columns:
            connection.execute(update(schema.leaks).where(schema.leaks.c.id == 1).values(columns))
        return str(connection.scalar(select(schema.leaks.c.fingerprint).where(schema.leaks.c.id == 1)))


def text_of(page: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    with opened(os.fspath(tmp_path / "empty.db")) as store, serving(store) as served:
        yield served.sign_in()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there(dashboard: Served, path: str) -> None:
    answer = dashboard.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", ["/", "/leaks", "/repositories", "/runs", "/trends"])
def test_a_store_with_nothing_in_it_says_so(empty: Served, path: str) -> None:
    answer = empty.get(path)
    assert answer.status_code == 200
    assert re.search(
        "Nothing was swept yet|nothing needs anybody|No repository|none yet|Nothing was found", answer.text
    )


@pytest.mark.parametrize(
    "path",
    ["/x", "/leaks/x", "/leaks/" + "0" * 32, "/repositories/x", "/repositories/999999999999999999999", "/runs/x",
     "/repositories/-1", "/leaks/x/contain", "/runs/%00", "/leaks/%F0%9F%92%A5"],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(dashboard: Served, path: str) -> None:
    answer = dashboard.get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text


@pytest.mark.parametrize(
    "query",
    ["after=x", "status=x&order=x&age=x", "severity=%00", "page=0", "account=%F0", "search=" + "a" * 3000,
     "search=%22%27*&repository=%25", "after=4~9999999999999999~1", "age=over-", "status=any&status=open"],
)  # fmt: skip
def test_no_address_fails(dashboard: Served, query: str) -> None:
    for path in (
        "/leaks",
        "/repositories",
        "/trends",
        "/runs",
        f"/leaks/{fingerprints(dashboard.get('/leaks').text)[0]}",
    ):
        assert dashboard.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "label", "expected"),
    [
        ("standing=dead", "Standing", {"Dead"}),
        ("severity=medium", "Severity", {"medium"}),
        ("assignee=judy", "Status", None),
        ("kind=access-key-id", "Leak", None),
        ("search=credentials", "Where", None),
    ],
)
def test_a_filter_narrows_the_list(dashboard: Served, query: str, label: str, expected: set[str] | None) -> None:
    everything = dashboard.get("/leaks?status=any").text
    page = dashboard.get(f"/leaks?status=any&{query}").text
    cells = [text_of(each).strip() for each in re.findall(rf'data-label="{label}">(.*?)</t[dh]>', page, re.DOTALL)]
    assert cells
    if expected is None:
        name = query.partition("=")[2]
        wanted = {"access-key-id": "AWS access key ID without a secret"}.get(name, name)
        assert all(wanted in each or label == "Where" for each in cells)
    else:
        assert set(cells) == expected
    assert len(fingerprints(page)) <= len(fingerprints(everything))
    number = re.search(r'id="shown"[^>]*>([\d,]+) leak', page)
    assert number
    assert 0 < int(number[1]) < 120


def test_the_next_page_keeps_the_filters(dashboard: Served) -> None:
    first = dashboard.get("/leaks?status=any&order=oldest").text
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = dashboard.get(unescape(link[1])).text
    assert not set(fingerprints(first)) & set(fingerprints(second))
    assert "the oldest first" in second


def test_the_page_of_a_leak_says_where_it_stands_and_what_to_do(dashboard: Served, filled: Store) -> None:
    page = dashboard.get(f"/leaks/{one(filled, standing='live')}").text
    with filled.reading() as connection:
        leak = connection.execute(select(schema.leaks).where(schema.leaks.c.id == 1)).one()
        there = connection.execute(
            select(schema.places, schema.repositories.c.page)
            .join(schema.repositories, schema.repositories.c.id == schema.places.c.repository_id)
            .where(schema.places.c.leak_id == 1, schema.places.c.gone.is_(None))
        ).all()
    assert f"keysweep contain {leak.key_id} --allow-account {leak.account_id}" in page
    for place in there:
        assert (
            f'href="{place.page}/-/blob/{place.commit_id}/{place.path}#L{place.line}" rel="noopener noreferrer"'
            in page
        )
        assert place.author in text_of(page).replace("< ", "<").replace(" >", ">")
    assert there


def test_a_decision_is_taken_from_the_page_and_shown_there(dashboard: Served, filled: Store) -> None:
    path = f"/leaks/{one(filled, status='open', status_until=None, assignee=None)}"
    note = "first line\r\n<b>second</b> line"
    answer = dashboard.post(path, status="accepted", until="2026-12-24", assignee="bob", note=note)
    assert answer.url.endswith("?done=1")
    assert "accepted until 2026-12-24" in text_of(answer.text)
    assert "Decided by ada: accepted until 2026-12-24, assigned to bob" in text_of(answer.text)
    assert "&lt;b&gt;second&lt;/b&gt; line" in answer.text
    with filled.reading() as connection:
        (row,) = decisions_on(connection, 1)
    assert (row.by, row.status, row.until, row.note) == (
        "ada",
        "accepted",
        "2026-12-24",
        "first line\n<b>second</b> line",
    )
    assert row.when == NOW


@pytest.mark.parametrize("name", ["a b", "a&b;c", "it's"])
def test_a_command_names_the_store_that_is_shown_as_a_shell_reads_it(tmp_path: Path, name: str) -> None:
    where = os.fspath(tmp_path / f"{name}.db")
    with opened(where) as store, serving(store) as served:
        assert f"--verify --db {shlex.quote(where)}" in unescape(served.sign_in().get("/").text)
        with store.writing() as connection:
            fill(connection, 20)
        path = f"/leaks/{one(store, standing='unverified')}"
        assert f"--verify --db {shlex.quote(where)}" in unescape(served.get(path).text)


def test_a_form_that_changes_nothing_says_so(dashboard: Served, filled: Store) -> None:
    path = f"/leaks/{one(filled, status='real', status_until=None, assignee='bob')}"
    answer = dashboard.post(path, status="real", assignee="bob", note="")
    assert "Nothing was recorded" in answer.text
    assert "Recorded." not in answer.text


def test_a_form_that_was_made_before_somebody_else_decided_takes_nothing_back(
    dashboard: Served, filled: Store
) -> None:
    path = f"/leaks/{one(filled, status='open', status_until=None, assignee=None)}"
    both = [re.findall(r'name="newest" value="(\d+)"', dashboard.get(path).text)[0] for _ in range(2)]
    dashboard.post(path, status="real", assignee="bob", newest=both[0])
    late = dashboard.post(path, status="open", assignee="", note="what is it?", newest=both[1])
    assert late.status_code == 422
    assert "Meanwhile ada decided: real, assigned to bob." in text_of(late.text)
    assert "what is it?" in late.text
    with filled.reading() as connection:
        row = connection.execute(select(schema.leaks).where(schema.leaks.c.id == 1)).one()
    assert (row.status, row.assignee) == ("real", "bob")
    (newest,) = re.findall(r'name="newest" value="(\d+)"', late.text)
    assert dashboard.post(path, status="open", assignee="", note="", newest=newest).status_code == 200
    with filled.reading() as connection:
        assert [each.status for each in decisions_on(connection, 1)] == ["open", "real"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"status": "false", "note": ""}, "why it is false"),
        ({"status": "accepted", "until": "", "note": "x"}, "until which day"),
        ({"status": "accepted", "until": "soon", "note": "x"}, "2027-01-31"),
        ({"status": "nonsense", "note": "x"}, "is no status"),
        ({"status": "real", "note": "x" * 4001}, "shorten it"),
    ],
)
def test_what_was_typed_stays_where_it_was_not_accepted(
    dashboard: Served, filled: Store, fields: dict[str, str], why: str
) -> None:
    fields = {**fields, "assignee": "<carol>"}
    answer = dashboard.post(f"/leaks/{one(filled, status='open', status_until=None)}", **fields)
    assert answer.status_code == 422
    assert why in text_of(answer.text)
    assert 'value="&lt;carol&gt;"' in answer.text
    with filled.reading() as connection:
        assert decisions_on(connection, 1) == []


def test_hostile_texts_are_shown_and_do_nothing(dashboard: Served, filled: Store) -> None:
    path = (
        f"/leaks/{one(filled, standing='live', status='open', rule=HOSTILE, reasons=[HOSTILE], assignee=HOSTILE)}"
    )
    with filled.writing() as connection:
        connection.execute(
            update(schema.places).values(path=HOSTILE, author=HOSTILE, ref=HOSTILE, members=[HOSTILE])
        )
        connection.execute(
            update(schema.keys).values(reason=HOSTILE, arn=HOSTILE, owner=HOSTILE, contained_run=HOSTILE)
        )
        connection.execute(
            update(schema.repositories).values(
                name=HOSTILE,
                url=HOSTILE,
                page="javascript:alert(3)",
                reason=HOSTILE,
                state="failed",
                fork_of=HOSTILE,
            )
        )
        connection.execute(
            update(schema.runs).values(target=HOSTILE, notes=[HOSTILE], problems=[HOSTILE], engine=HOSTILE)
        )
        connection.execute(update(schema.tasks).values(reason=HOSTILE, state="failed"))
        connection.execute(update(schema.verifications).values(reason=HOSTILE, request_id=HOSTILE))
        run = connection.scalar(select(schema.runs.c.id).order_by(schema.runs.c.started.desc()).limit(1))
    dashboard.post(path, status="real", note=HOSTILE, assignee=HOSTILE)
    asked = f"/leaks?search={quote(HOSTILE)}&repository={quote(HOSTILE)}&assignee={quote(HOSTILE)}"
    for page in (
        path,
        *PAGES,
        asked,
        f"/runs/{run}",
        f"/runs/{run}/progress",
        f"{path}/contain",
        f"/{quote(HOSTILE)}",
    ):
        text = dashboard.get(page).text
        assert not re.search(r"<(img|iframe|svg onload)", text), page
        assert re.findall(r"<script[^>]*>", text) in ([], ['<script src="/static/live.js" defer>']), page
        assert not {"\u202e", "\x1b", "\x00"} & set(text), page
        assert "javascript:" not in re.sub(r">[^<]*<", "><", text), page
        assert not re.search(r" on\w+=", re.sub(r'"[^"]*"', '""', re.sub(r">[^<]*<", "><", text))), page
        assert ">49<" not in text
        if page == path:
            assert "\\u202e" in text


def test_a_text_of_any_length_makes_no_page_that_a_browser_cannot_show(dashboard: Served, filled: Store) -> None:
    path = f"/leaks/{one(filled, reasons=['r' * 10**6], rule='k' * 10**6)}"
    with filled.writing() as connection:
        connection.execute(update(schema.places).values(path="p/" * 500_000, author="a" * 10**6))
        connection.execute(
            update(schema.repositories).where(schema.repositories.c.id < 4).values(name="n" * 10**6)
        )
    for page in (path, "/", "/leaks?status=any", "/repositories", "/repositories/1"):
        assert len(dashboard.get(page).text) < 200_000


@pytest.mark.parametrize(
    "page",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://user:pw@git.example.net/x", "https://",
     "ftp://git.example.net/x", "https://git.example.net/x y", "https://git.example.net/\u202e", 'https://a/"onclick="x'],
)  # fmt: skip
def test_no_link_leads_to_what_is_no_page_of_the_web(dashboard: Served, filled: Store, page: str) -> None:
    with filled.writing() as connection:
        connection.execute(update(schema.repositories).values(page=page))
    for shown in (f"/leaks/{one(filled)}", "/repositories/1"):
        links = re.findall(r'href="([^"]*)"', dashboard.get(shown).text)
        assert all(each.startswith(("/", "#")) and not each.startswith("//") for each in links)


@pytest.mark.parametrize("path", ["../../x", "a/../../b", "/etc/passwd", "a//b", "."])
def test_no_link_leaves_the_repository(dashboard: Served, filled: Store, path: str) -> None:
    with filled.writing() as connection:
        connection.execute(update(schema.places).values(path=path))
    assert "/-/blob/" not in dashboard.get(f"/leaks/{one(filled)}").text


def test_a_path_is_quoted_in_a_link(dashboard: Served, filled: Store) -> None:
    with filled.writing() as connection:
        connection.execute(update(schema.places).values(path='a b/ü?#"<>.py', line=7))
    assert "/a%20b/%C3%BC%3F%23%22%3C%3E.py#L7" in dashboard.get(f"/leaks/{one(filled)}").text


def test_the_page_of_a_run_that_goes_is_live_and_of_one_that_ended_is_not(
    dashboard: Served, filled: Store
) -> None:
    with filled.reading() as connection:
        told = connection.execute(select(schema.runs).order_by(schema.runs.c.started.desc()).limit(2)).all()
    running, ended = (dashboard.get(f"/runs/{row.id}").text for row in told)
    assert 'http-equiv="refresh"' in running
    assert "/static/live.js" in running
    assert "live.js" not in ended
    part = dashboard.get(f"/runs/{told[0].id}/progress")
    assert part.headers["x-run-state"] == "running"
    assert "<html" not in part.text


def test_a_store_that_fails_is_a_sentence_and_no_page_of_a_debugger(dashboard: Served, filled: Store) -> None:
    with filled.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE runs RENAME TO elsewhere")
    answer = dashboard.get("/runs")
    assert answer.status_code == 503
    assert "The store cannot be read" in answer.text
    assert "Traceback" not in answer.text
    assert "SELECT" not in answer.text


def test_a_page_that_fails_ends_nothing_and_shows_nothing(
    dashboard: Served, filled: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    path = f"/leaks/{one(filled, standing='unheard-of')}"
    answer = dashboard.get(path)
    assert (answer.status_code, "Traceback" in answer.text) == (500, False)
    said = ""
    while "\n" not in said:  # it may come after the answer
        said += capfd.readouterr().err
    assert said.startswith(f"keysweep: the page {path} failed (ValueError)")
    assert said.count("\n") == 1
    assert dashboard.get("/runs").status_code == 200


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_letter_that_no_database_keeps_is_one_that_is_not_found(new_of: NewStore, dialect: str) -> None:
    with opened(new_of(dialect)) as store, serving(store) as served:
        served.sign_in()
        for path in ("/leaks/%00", "/leaks/%00/contain", "/runs/%00", "/runs/%00/progress", "/repositories/%00"):
            assert served.get(path).status_code == 404, path
        for path in ("/leaks", "/repositories"):
            for name in ("search", "account", "assignee", "repository", "status", "order", "after", "page"):
                assert served.get(f"{path}?{name}=abc%00d").status_code == 200, (path, name)


def test_sqlite_is_written_by_a_sweep_while_pages_are_read(
    dashboard: Served, filled: Store, tmp_path: Path
) -> None:
    with filled.writing() as connection:
        connection.execute(update(schema.runs).values(beat=NOW))
        assert dashboard.get("/leaks").status_code == 200
