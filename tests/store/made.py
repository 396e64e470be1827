"""Sweeps that never took place, recorded as real ones are."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from fixtures.keys import key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import (
    Commit,
    Exposure,
    Finding,
    Origin,
    Part,
    Problem,
    ProblemCode,
    ScanResult,
    Secret,
    Source,
)
from keysweep.frozen import replace
from keysweep.repositories import Listed
from keysweep.store import inventories, recording, runs
from keysweep.store.opening import Store
from keysweep.store.rows import named
from keysweep.verdicts import Contained, Containment, Status, Verdict

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
_CHANCE = random.Random(4711)


def leak() -> Finding:
    """A pair as a findings file has it: found by the scanner, its secrets then forgotten."""
    content = f"AWS_ACCESS_KEY_ID={key_id(_CHANCE)}\nAWS_SECRET_ACCESS_KEY={secret(_CHANCE)}\n"
    (found,) = scan(content.encode(), Origin("prod.env", Source.HISTORY, blob=object_id())).findings
    return replace(found, parts=tuple(map(_forgotten, found.parts)))


def _forgotten(part: Part) -> Part:
    place = replace(part.place, snippet="", mark=(0, 0))
    return Part(part.role, Secret("", part.value.redacted), place, part.origin)


def object_id() -> str:
    """A name of an object."""
    return f"{_CHANCE.getrandbits(160):040x}"


def commit(when: datetime = NOON, author: str = "Ada", email: str = "ada@example.net") -> Commit:
    """A commit."""
    return Commit(object_id(), author, email, when, "a commit")


def at(finding: Finding, *paths: str, **told: Any) -> Finding:
    """The finding as it stands under these paths, each in the newest commit of main unless told otherwise."""
    told = {"introduced": (commit(),), "refs": ("refs/heads/main",), **told}
    return replace(finding, exposures=tuple(Exposure(path, **told) for path in paths))


def key_of(finding: Finding) -> str:
    """The ID of the key that leaked."""
    assert finding.key_id
    return finding.key_id


def verdict(finding: Finding, status: Status, when: datetime = NOON, **told: Any) -> Verdict:
    """What AWS says of the key."""
    reason = told.pop("reason", f"AWS says {status.value}")
    return Verdict(key_of(finding), status, reason, when, asked=True, **told)


def containment(finding: Finding, state: Contained, when: datetime = NOON, run: str = "run-1") -> Containment:
    """What keysweep did about the key."""
    return Containment(key_of(finding), state, run, when, "arn:aws:iam::123456789012:user/ada", "IAM says so")


class Sweeps:
    """Sweeps of one target into a store, each a minute after the one before."""

    def __init__(self, store: Store, target: str = "gitea:https://git.example.net/team") -> None:
        self.store = store
        self.target = target
        self.now = NOON

    def begin(self, names: Sequence[str]) -> str:
        """A run that has these repositories to sweep."""
        self.now += timedelta(minutes=1)
        with self.store.writing() as connection:
            run = runs.new_run(connection, self.target, {}, "local", self.now)
            inventories.add_to_run(connection, run, map(listed, names), self.now, "gitea")
            inventories.all_listed(connection, run, self.now)
        return run

    def record(
        self, run: str, name: str, findings: Sequence[Finding] = (), problems: Sequence[Problem] = (), **told: Any
    ) -> int:
        """The result of one repository; returns how many leaks are new."""
        what = swept(findings, problems, **told)
        with self.store.writing() as connection:
            return recording.record(connection, run, self.number(name), what, self.now)

    def sweep(self, found: Mapping[str, Sequence[Finding]], incomplete: Sequence[str] = ()) -> str:
        """A whole run: what was found in each repository; returns its name."""
        run = self.begin(list(found))
        for name, findings in found.items():
            self.record(run, name, findings, [PROBLEM] if name in incomplete else [])
        with self.store.writing() as connection:
            runs.end(connection, run, "incomplete" if incomplete else "done", self.now)
        return run

    def number(self, name: str) -> int:
        """The row of a repository."""
        with self.store.reading() as connection:
            query = text("SELECT id FROM repositories WHERE name = :name")
            return int(connection.execute(query, {"name": named(name)}).scalar_one())

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the store says, as a data person asks it."""
        with self.store.reading() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def counts(self) -> list[tuple[Any, ...]]:
        """What leaks say of how often they stand, which has to be what the places say."""
        told = self.ask("SELECT fingerprint, places, repositories FROM leaks ORDER BY fingerprint")
        counted = self.ask(
            "SELECT l.fingerprint, COUNT(p.id), COUNT(DISTINCT p.repository_id) FROM leaks l "
            "LEFT JOIN places p ON p.leak_id = l.id AND p.gone IS NULL GROUP BY l.fingerprint ORDER BY l.fingerprint"
        )
        assert told == counted
        return [(places, repositories) for _, places, repositories in told]


PROBLEM = Problem(ProblemCode.TIMEOUT, "took too long", Origin("big.bin", Source.HISTORY, blob="a" * 40))


def swept(
    findings: Sequence[Finding] = (),
    problems: Sequence[Problem] = (),
    *,
    refs: Mapping[str, str] | None = None,
    scanned_bytes: int = 1000,
) -> recording.Swept:
    """What came of sweeping a repository."""
    result = ScanResult(tuple(findings), tuple(problems), scanned_bytes, 10)
    there = {"refs/heads/main": "b" * 40} if refs is None else refs
    return recording.Swept(result, there, "digest of refs", "digest of rules", 1.5)


def listed(name: str) -> Listed:
    """A repository as its host lists it."""
    return Listed(f"git.example.net/repository/{name}", name, f"https://git.example.net/{name}.git")
