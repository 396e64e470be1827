"""What pages ask of a store, held against the same questions asked of all its rows in Python, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.engine import Row

from bench.filled import NOW, fill
from keysweep.store.leaks import HARMLESS
from keysweep.store.opening import Store
from keysweep.store.queries import one_leak, overview, repositories, sweeps
from keysweep.store.queries.chosen import NOBODY, TO_DO, Wanted, conditions
from keysweep.store.queries.listed import PER_PAGE, count, listed
from keysweep.store.queries.trends import trends
from keysweep.store.schema import leaks, places, tasks
from keysweep.store.schema import repositories as repository_table
from keysweep.store.summaries import SETTLED
from keysweep.store.words import index_places

PLACES = 1_500
Everything = list[Row[Any]]


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.writing() as writing:
        fill(writing, PLACES)
    with store.reading() as reading:
        yield reading


def everything(connection: Connection) -> Everything:
    return list(connection.execute(select(leaks)))


def where(connection: Connection) -> list[Row[Any]]:
    told = select(places, repository_table.c.name.label("repository")).join(
        repository_table, repository_table.c.id == places.c.repository_id
    )
    return list(connection.execute(told.where(places.c.gone.is_(None))))


def shown(connection: Connection, wanted: Wanted, order: str = "urgent") -> list[Row[Any]]:
    """All pages of a list, one after the other."""
    chosen = conditions(connection, wanted, NOW)
    rows: list[Row[Any]] = []
    after = ""
    while True:
        page = listed(connection, chosen, order, after)
        rows += page.rows
        assert len(page.rows) == PER_PAGE or not page.following
        if not page.following:
            break
        after = page.following
    assert count(connection, chosen) == len(rows)
    assert len({row.id for row in rows}) == len(rows)
    return rows


_FILTERS: dict[str, tuple[Wanted, Callable[[Row[Any]], bool]]] = {
    "all": (Wanted(), lambda row: True),
    "what needs somebody": (
        Wanted(status=TO_DO),
        lambda row: row.status not in SETTLED and row.standing not in {each.value for each in HARMLESS},
    ),
    "standing": (Wanted(standing="live"), lambda row: row.standing == "live"),
    "status": (Wanted(status="accepted"), lambda row: row.status == "accepted"),
    "kind": (Wanted(kind="access-key-id"), lambda row: row.kind == "access-key-id"),
    "severity": (Wanted(severity=2), lambda row: row.severity == 2),
    "assignee": (Wanted(assignee="judy"), lambda row: row.assignee == "judy"),
    "nobody": (Wanted(assignee=NOBODY), lambda row: row.assignee is None),
    "young": (Wanted(within_days=30), lambda row: row.first_seen >= NOW - timedelta(days=30)),
    "old": (Wanted(older_days=90), lambda row: row.first_seen < NOW - timedelta(days=90)),
    "several": (
        Wanted(status="open", standing="dead", severity=3, older_days=20),
        lambda row: (
            (row.status, row.standing, row.severity) == ("open", "dead", 3)
            and row.first_seen < NOW - timedelta(days=20)
        ),
    ),
    "nothing": (Wanted(standing="active"), lambda row: False),
}


@pytest.mark.parametrize("name", _FILTERS)
def test_a_filter_shows_what_it_says_on_all_of_its_pages(connection: Connection, name: str) -> None:
    wanted, is_wanted = _FILTERS[name]
    expected = [row for row in everything(connection) if is_wanted(row)]
    assert {row.id for row in shown(connection, wanted)} == {row.id for row in expected}
    assert len(expected) < PLACES / 5 or name == "all"


@pytest.mark.parametrize(
    ("order", "key", "is_reversed"),
    [
        ("urgent", lambda row: (row.severity, row.first_seen, row.id), True),
        ("newest", lambda row: (row.first_seen, row.id), True),
        ("oldest", lambda row: (row.first_seen, row.id), False),
    ],
)
def test_pages_follow_one_another_in_each_order(
    connection: Connection, order: str, key: Callable[[Row[Any]], Any], is_reversed: bool
) -> None:
    expected = sorted(everything(connection), key=key, reverse=is_reversed)
    assert [row.id for row in shown(connection, Wanted(), order)] == [row.id for row in expected]


@pytest.mark.parametrize("after", ["x", "1", "1~2", "1~2~3~4", "1~99999999999999999999999~3", "~~", "-1~-1~-1"])
def test_an_address_that_no_page_had_begins_somewhere_and_fails_nowhere(
    connection: Connection, after: str
) -> None:
    chosen = conditions(connection, Wanted(), NOW)
    for order in ("urgent", "newest", "oldest"):
        assert len(listed(connection, chosen, order, after).rows) <= PER_PAGE


def test_an_account_is_what_the_key_says_or_what_aws_said(connection: Connection) -> None:
    rows = everything(connection)
    account = rows[0].account_id
    mine = {row.id for row in rows if row.account_id == account}
    assert {row.id for row in shown(connection, Wanted(account=account))} == mine
    assert shown(connection, Wanted(account="000000000000")) == []


def test_a_repository_is_found_by_its_name_or_by_how_names_begin(connection: Connection) -> None:
    there = where(connection)
    name = there[0].repository
    called = {row.leak_id for row in there if row.repository == name}
    begun = {row.leak_id for row in there if row.repository.startswith("team-1")}
    assert {row.id for row in shown(connection, Wanted(repository=name))} == called
    assert {row.id for row in shown(connection, Wanted(repository="team-1"))} == begun
    assert shown(connection, Wanted(repository="team_1")) == []
    assert shown(connection, Wanted(repository="%")) == []
    number = there[0].repository_id
    mine = {row.leak_id for row in there if row.repository_id == number}
    assert {row.id for row in shown(connection, Wanted(repository_id=number))} == mine


@pytest.mark.parametrize(
    ("search", "is_there"),
    [
        ("credentials", lambda row: "credentials" in row.path),
        ("CREDENTIALS deploy", lambda row: "credentials" in row.path and "deploy" in row.path),
        ("m71", lambda row: "/m71" in row.path),
        ("Alice17@example.net", lambda row: "<alice17" in row.author),
        ("judy settings.py", lambda row: "judy" in row.author.lower() and row.path.endswith("settings.py")),
        ("zebra", lambda row: False),
        ("terraform' OR 1=1 --", lambda row: False),
        ('"credentials" NOT *', lambda row: "credentials" in row.path and "notebooks" in row.path),
    ],
)
def test_a_search_finds_words_of_paths_and_authors(
    connection: Connection, search: str, is_there: Callable[[Row[Any]], bool]
) -> None:
    expected = {row.leak_id for row in where(connection) if is_there(row)}
    assert {row.id for row in shown(connection, Wanted(search=search))} == expected


def test_a_search_finds_repositories_key_ids_and_fingerprints(connection: Connection) -> None:
    row = everything(connection)[7]
    for search in (row.key_id, row.key_id.lower(), f" {row.key_id} ", row.fingerprint[:10]):
        assert [each.id for each in shown(connection, Wanted(search=search))] == [row.id]
    assert row.id in {each.id for each in shown(connection, Wanted(search=row.key_id[:12]))}
    expected = {each.leak_id for each in where(connection) if "service-7" in each.repository}
    assert {each.id for each in shown(connection, Wanted(search="service-7"))} == expected


@pytest.mark.parametrize(
    "search", ["a", "??", "\0", "𝕜𝕖𝕪", "\ud800", "x" * 5000, "' \" * : ( ) & | ! <-> \\", "NEAR(a b)"]
)
def test_whatever_is_typed_is_only_searched_for(connection: Connection, search: str) -> None:
    assert len(shown(connection, Wanted(search=search))) < 10


def test_a_search_and_filters_go_together(connection: Connection) -> None:
    standing = {row.id: row.standing for row in everything(connection)}
    expected = {row.leak_id for row in where(connection) if "main.tf" in row.path}
    rows = shown(connection, Wanted(search="main.tf", standing="dead"))
    assert {row.id for row in rows} == {each for each in expected if standing[each] == "dead"}
    assert rows


def test_a_search_that_matches_too_much_says_so(store: Store) -> None:
    with store.writing() as writing:
        fill(writing, 100)
        row = dict(writing.execute(select(places).limit(1)).mappings().one())
        del row["id"]
        before = writing.scalar(select(places.c.id).order_by(places.c.id.desc()).limit(1)) or 0
        writing.execute(insert(places), [{**row, "path": "frequent/word"} for _ in range(2_100)])
        index_places(writing, before)
    with store.reading() as reading:
        assert conditions(reading, Wanted(search="frequent"), NOW).is_partial
        assert not conditions(reading, Wanted(search="rare"), NOW).is_partial


def test_a_list_shows_a_place_that_is_still_there(connection: Connection) -> None:
    there = {row.leak_id for row in where(connection)}
    for row in shown(connection, Wanted()):
        assert (row.path is not None) == (row.id in there)


def test_the_overview_counts_what_there_is(connection: Connection) -> None:
    rows = everything(connection)
    told = overview.standings(connection)
    assert told.by_standing == Counter(row.standing for row in rows if row.status not in SETTLED)
    assert told.settled == Counter(row.status for row in rows if row.status in SETTLED)
    week = NOW - timedelta(days=7)
    assert overview.found_since(connection, week) == sum(row.first_seen >= week for row in rows)
    number, some = overview.unread(connection)
    states = list(connection.scalars(select(repository_table.c.state)))
    assert number == sum(each != "swept" for each in states)
    assert len(some) == min(5, number)


def test_trends_count_each_leak_in_its_week(connection: Connection) -> None:
    rows = [
        row
        for row in everything(connection)
        if row.standing not in {"canary", "example"} and row.status != "false"
    ]
    told = trends(connection, NOW)
    assert [each.begin.weekday() for each in told.weeks] == [0] * 26
    for week in told.weeks:
        end = week.begin + timedelta(weeks=1)
        assert week.found == sum(week.begin <= row.first_seen < end for row in rows)
        ended = [row for row in rows if row.contained and week.begin <= row.contained < end]
        assert week.contained == sum(row.usable is not None for row in ended)
        found = sum(row.first_seen < end for row in rows)
        assert week.open == found - sum(bool(row.contained and row.contained < end) for row in rows)
    since, until = told.weeks[0].begin, NOW + timedelta(days=900)
    taken = sorted(
        (row.contained - row.first_seen).total_seconds()
        for row in everything(connection)
        if row.contained and row.usable and since <= row.contained < until
    )
    assert told.timed == len(taken)
    assert told.median_seconds == taken[(len(taken) - 1) // 2]
    assert told.ninth_seconds is not None
    assert sum(each <= told.ninth_seconds for each in taken) >= 0.9 * len(taken)


def test_an_empty_store_has_nothing_and_fails_nowhere(store: Store) -> None:
    with store.reading() as reading:
        assert overview.standings(reading).by_standing == {}
        assert overview.last_run(reading) is None
        assert overview.unread(reading) == (0, [])
        assert shown(reading, Wanted(status=TO_DO)) == []
        assert shown(reading, Wanted(search="anything", repository="x", account="1")) == []
        told = trends(reading, NOW)
        assert (told.timed, told.median_seconds, told.weeks[-1].open) == (0, None, 0)
        assert repositories.repositories_page(reading, "", "", "leaks", 1) == ([], 0)
        assert sweeps.newest_runs(reading) == []
        assert one_leak.leak(reading, "nothing") is None


def test_places_are_shown_repository_by_repository_and_page_by_page(store: Store) -> None:
    with store.writing() as writing:
        fill(writing, 100)
        row = dict(writing.execute(select(places).limit(1)).mappings().one())
        del row["id"]
        writing.execute(insert(places), [{**row, "path": f"p{n}", "repository_id": n % 2 + 1} for n in range(250)])
    with store.reading() as reading:
        expected = list(
            reading.execute(
                select(places.c.repository_id, places.c.id)
                .where(places.c.leak_id == row["leak_id"], places.c.gone.is_(None))
                .order_by(places.c.repository_id, places.c.id)
            )
        )
        found, after = [], (0, 0)
        while page := one_leak.places_of(reading, row["leak_id"], after):
            found += [(each.repository_id, each.id) for each in page[: one_leak.PLACES_PER_PAGE]]
            after = found[-1]
        assert found == [tuple(each) for each in expected]


def test_repositories_are_chosen_and_sorted(connection: Connection) -> None:
    rows, number = repositories.repositories_page(connection, "", "", "leaks", 1)
    assert number == PLACES // 50
    assert [row.leaks for row in rows] == sorted((row.leaks for row in rows), reverse=True)
    rows, number = repositories.repositories_page(connection, "", "SERVICE-1", "name", 1)
    assert [row.name for row in rows] == sorted(row.name for row in rows)
    assert number == len(rows) == sum("service-1" in f"service-{n}" for n in range(1, PLACES // 50 + 1))
    assert repositories.repositories_page(connection, "", "100%", "name", 1) == ([], 0)
    states = repositories.states(connection)
    assert sum(states.values()) == PLACES // 50
    for state, expected in states.items():
        assert repositories.repositories_page(connection, state, "", "name", 1)[1] == expected


def test_progress_is_guessed_from_what_is_done(connection: Connection) -> None:
    run = overview.last_run(connection)
    assert run
    began = replace_row(run, beat=run.started + timedelta(minutes=10))
    told = sweeps.progress(connection, began, run.started + timedelta(minutes=11))
    states = Counter(connection.scalars(select(tasks.c.state).where(tasks.c.run_id == run.id)))
    assert told.counts.states == states
    done = sum(states.values()) - states["waiting"]
    assert told.seconds_left == round(660 * states["waiting"] / done)
    assert told.bytes_per_second == round(told.counts.scanned_bytes / 660)
    assert not told.is_silent
    silent = sweeps.progress(connection, began, run.started + timedelta(hours=3))
    assert (silent.is_silent, silent.seconds_left, silent.seconds) == (True, None, 600)
    assert {row.state for row in sweeps.failures(connection, run.id)} <= {"failed", "incomplete", "quarantined"}


def replace_row(row: Row[Any], **changes: Any) -> Any:
    return SimpleNamespace(**{**row._mapping, **changes})


def test_a_list_of_one_repository_shows_places_in_it(connection: Connection) -> None:
    number = where(connection)[0].repository_id
    chosen = conditions(connection, Wanted(repository_id=number), NOW)
    rows = listed(connection, chosen, "urgent", repository_id=number).rows
    assert {row.repository_id for row in rows} == {number}
