"""A findings file that is none, damaged or hostile is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.verifying import PAIR, keysweep, scanned
from tests.repositories import Repository


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not JSON"),
        ("[]", "no findings file of keysweep"),
        ('{"format": "keysweep-findings", "version": 99}', "version 99"),
        ('{"format": "keysweep-findings", "version": 1}', "damaged"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_findings_file_is_refused_in_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "found.json").write_text(content)
    done = keysweep(tmp_path, "verify", "found.json")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("scanned", "repository"), 1.5),
        (("scanned", "directory"), ["."]),
        (("findings", 0, "fingerprint"), None),
        (("findings", 0, "key_id"), 5),
        (("findings", 0, "canary"), True),
        (("findings", 0, "placeholder"), {}),
        (("findings", 0, "parts"), "x"),
        (("findings", 0, "origin", "path"), 0),
        (("findings", 0, "origin", "members"), "x"),
        (("findings", 0, "origin", "members"), [5]),
        (("findings", 0, "origin", "blob"), 5),
        (("findings", 0, "origin", "source"), []),
    ],
)
def test_a_findings_file_with_a_value_of_another_type_is_damaged(
    tree: Path, where: tuple[str | int, ...], value: object
) -> None:
    found = scanned(tree)
    document = json.loads(found.read_text())
    inner: Any = document
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    found.write_text(json.dumps(document))
    done = keysweep(tree, "verify", "found.json")
    assert done.returncode == 2
    assert "damaged" in done.stderr


def test_names_of_objects_in_a_findings_file_cannot_be_options_of_git(repository: Repository) -> None:
    repository.stage("deploy.ini", PAIR)
    repository.commit("add")
    found = scanned(repository.path, "--history")
    document = json.loads(found.read_text())
    document["findings"][0]["origin"]["blob"] = "--batch-check"
    found.write_text(json.dumps(document))
    done = keysweep(repository.path, "verify", "found.json")
    assert done.returncode == 2
    assert "damaged" in done.stderr
