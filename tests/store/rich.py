"""A store with something in every table, as sweeps, AWS, containment, people and notices leave it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from fixtures.keys import key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import (
    Commit,
    Exposure,
    Finding,
    Origin,
    Problem,
    ProblemCode,
    ScanResult,
    Source,
)
from keysweep.frozen import replace
from keysweep.repositories import Listed
from keysweep.store.inventories import add_to_run, all_listed
from keysweep.store.knowledge import record_containments, record_verdicts
from keysweep.store.opening import Store
from keysweep.store.recording import Swept, record
from keysweep.store.runs import end, new_run
from keysweep.store.schema import decisions, leaks, notices, repositories
from keysweep.verdicts import Contained, Containment, Status, Verdict

WHEN = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


class Pair:
    """A key that leaks."""

    def __init__(self, chance: random.Random) -> None:
        self.key_id = key_id(chance)
        self.secret = secret(chance)

    def found(self, path: str, *, refs: tuple[str, ...] = ("main",), author: str = "Ada") -> list[Finding]:
        """What a scan of history says of it in a file."""
        content = f"aws_access_key_id = {self.key_id}\naws_secret_access_key = {self.secret}\n"
        found = scan(content.encode(), Origin(path, Source.HISTORY, None, "b" * 40)).findings
        commit = Commit("c" * 40, author, "ada@example.net", WHEN - 40 * DAY, "add it")
        return [replace(each, exposures=(Exposure(path, (commit,), (), refs),)) for each in found]


def swept(
    store: Store,
    found: Mapping[str, Sequence[Finding]],
    when: datetime = WHEN,
    *,
    problems: tuple[Problem, ...] = (),
    target: str = "an organisation",
) -> str:
    """Record a run that found these in these repositories, and in no others; returns its name."""
    with store.writing() as connection:
        run = new_run(connection, target, {"threads": 2}, "local", when)
        listed = [Listed(f"host/{name}", name, f"https://git.example.net/{name}", pushed=when) for name in found]
        add_to_run(connection, run, listed, when, "gitlab")
        all_listed(connection, run, when)
        for name, findings in found.items():
            number = number_of(connection, name)
            result = ScanResult(tuple(findings), problems)
            done = Swept(result, {"refs/heads/main": "a" * 40}, "digest", "rules", 1.5)
            record(connection, run, number, done, when)
        end(connection, run, "done", when)
    return run


def number_of(connection: Connection, name: str) -> int:
    return connection.scalar(select(repositories.c.id).where(repositories.c.name == name)) or 0


def verdict(store: Store, pair: Pair, status: Status, when: datetime = WHEN) -> None:
    arn = "arn:aws:iam::123456789012:user/eve" if status is Status.LIVE else None
    with store.writing() as connection:
        said = Verdict(pair.key_id, status, "AWS said so", when, "aws", "123456789012", arn, request_id="r-1")
        record_verdicts(connection, [said], when)


def contained(store: Store, pair: Pair, when: datetime = WHEN) -> None:
    done = Containment(pair.key_id, Contained.OFF, "run-1", when, "arn:aws:iam::1:user/ops", "switched off")
    with store.writing() as connection:
        record_containments(connection, {pair.key_id: done}, when)


def decided(store: Store, pair: Pair, status: str, when: datetime = WHEN, assignee: str | None = None) -> None:
    with store.writing() as connection:
        number = connection.scalar(select(leaks.c.id).where(leaks.c.key_id == pair.key_id))
        values = {"status": status} | ({"assignee": assignee} if assignee else {})
        connection.execute(update(leaks).where(leaks.c.id == number).values(values))
        connection.execute(
            insert(decisions).values(
                leak_id=number, when=when, by="Grace", status=status, until=None, assignee=assignee, note="seen"
            )
        )


def noticed(store: Store, pair: Pair, when: datetime = WHEN) -> None:
    with store.writing() as connection:
        number = connection.scalar(select(leaks.c.id).where(leaks.c.key_id == pair.key_id))
        connection.execute(insert(notices).values(leak_id=number, channel="team", state="live open", when=when))


def fill(store: Store, chance: random.Random) -> list[Pair]:
    """Something in every table; returns the pairs: live, contained, resolved, gone."""
    live, off, resolved, gone = pairs = [Pair(chance) for _ in range(4)]
    unread = Problem(ProblemCode.DAMAGED, "an object is damaged", Origin("ü/\udcff/x.zip", Source.HISTORY))
    first = {"shop/web": [*live.found("a.env"), *gone.found("old.env")], "shop/gone": off.found("b.env")}
    swept(store, first)
    second = {
        "shop/web": [*live.found("a.env", refs=()), *live.found("\u65e5/\x1b[31m.env"), *resolved.found("c.env")],
        "shop/api": [*live.found("k.ini"), *off.found("d.env")],
    }
    swept(store, second, WHEN + DAY)
    swept(store, {"wiki": off.found("page.md")}, WHEN + DAY, problems=(unread, unread), target="another")
    verdict(store, live, Status.LIVE)
    verdict(store, off, Status.LIVE)
    contained(store, off, WHEN + DAY)
    verdict(store, resolved, Status.DEAD)
    decided(store, resolved, "resolved", assignee="Lin")
    noticed(store, live)
    return pairs
