"""A pair of which the path of a file holds both parts: history tells it as such, and hides the secret."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.findings import Severity
from keysweep.sources.history.full import scan_history
from tests.repositories import Repository

RNG = random.Random(1212)
KEY, SECRET = key_id(RNG), secret(RNG).replace("/", "a")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.mark.parametrize("path", [f"backup/{KEY}/{SECRET}/a", f"backup/{KEY}/{SECRET}"])
def test_a_pair_over_several_names_of_a_path_is_one_leak(repository: Repository, path: str) -> None:
    repository.stage(path, "x")
    repository.commit("add")
    repository.stage("other", "y")
    repository.commit("go on")
    (finding,) = scan_history(str(repository.path)).findings
    assert (finding.severity, finding.key_id, len(finding.parts)) == (Severity.HIGH, KEY, 2)
    assert SECRET not in finding.origin.path
    assert finding.exposures
    assert all(SECRET not in each.path for each in finding.exposures)
