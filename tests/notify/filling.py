"""Stores with leaks in them, as sweeps and people make them, and receivers of notices that do what they are told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from fixtures.keys import key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import Commit, Exposure, Origin, ScanResult, Source
from keysweep.frozen import replace
from keysweep.notify.posting import Patience
from keysweep.notify.receivers import Receivers, load
from keysweep.repositories import Listed
from keysweep.store.inventories import add_to_run
from keysweep.store.knowledge import record_verdicts
from keysweep.store.opening import Store
from keysweep.store.recording import Swept, record
from keysweep.store.runs import new_run
from keysweep.store.schema import leaks, repositories
from keysweep.verdicts import Status, Verdict
from tests.emulators.wire import Answer, Given, Request, serve

WHEN = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
HASTY = Patience(attempts=3, first_pause_seconds=0.01, longest_pause_seconds=0.5, answer_seconds=2)
OK = Answer(200, b"ok")


def leak(
    store: Store,
    chance: random.Random,
    path: str = "deploy/prod.env",
    *,
    repository: str = "shop/web",
    author: str = "Ada",
    page: str | None = None,
    value: str = "",
) -> str:
    """A sweep finds one pair in `path` of `repository`; returns the key ID."""
    key = key_id(chance)
    content = f"aws_access_key_id = {key}\naws_secret_access_key = {value or secret(chance)}\n"
    found = scan(content.encode(), Origin(path, Source.HISTORY, "c" * 40, "b" * 40)).findings
    commit = Commit("c" * 40, author, "ada@example.net", WHEN - timedelta(days=40), "add it")
    swept(
        store,
        [replace(each, exposures=(Exposure(path, (commit,), (), ("main",)),)) for each in found],
        repository,
        page,
    )
    return key


def swept(store: Store, findings: Sequence[Any], repository: str = "shop/web", page: str | None = None) -> None:
    """Record that a sweep found these in `repository`, beside what it found before in others."""
    identity = f"git.example.net/{random.Random(str(findings)).getrandbits(64)}"
    with store.writing() as connection:
        run = new_run(connection, "a test", {}, "local", WHEN)
        add_to_run(
            connection,
            run,
            [Listed(identity, repository, f"https://git.example.net/{repository}", page=page)],
            WHEN,
        )
        number = connection.scalar(select(repositories.c.id).where(repositories.c.identity == identity))
        assert number
        record(connection, run, number, Swept(ScanResult(tuple(findings)), {}, "digest", "rules", 1.0), WHEN)


def verdict(store: Store, key: str, status: Status, *, after_days: int = 0) -> None:
    """AWS says something of a key."""
    arn = f"arn:aws:iam::123456789012:user/{key[-4:].lower()}" if status is Status.LIVE else None
    when = WHEN + timedelta(days=after_days)
    with store.writing() as connection:
        record_verdicts(connection, [Verdict(key, status, "AWS said so", when, "aws", "123456789012", arn)], when)


def decide(store: Store, key: str, status: str, until: str | None = None) -> None:
    """Somebody says something of a leak."""
    with store.writing() as connection:
        connection.execute(update(leaks).where(leaks.c.key_id == key).values(status=status, status_until=until))


class Receiver:
    """What came, and what is answered to each: the next of `answers`, and then that all is well."""

    def __init__(self, answers: Sequence[Given | Callable[[Request], Given]] = ()) -> None:
        self.requests: list[Request] = []
        self.answers = list(answers)
        self.address = ""

    def __call__(self, request: Request) -> Given:
        self.requests.append(request)
        given = self.answers.pop(0) if self.answers else OK
        return given(request) if callable(given) else given

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.requests]


@contextmanager
def receiver(*answers: Given | Callable[[Request], Given]) -> Iterator[Receiver]:
    """One on this machine."""
    it = Receiver(answers)
    with serve(it) as address:
        it.address = address
        yield it


def receivers(tmp_path: Path, text: str) -> Receivers:
    """Those that a notify.toml with this text describes."""
    path = tmp_path / "notify.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, tmp_path)
