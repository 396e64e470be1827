"""`keysweep report` shows findings files again, several as one, and what is new."""

from __future__ import annotations

import json
import random
from pathlib import Path

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.report.json import schema
from tests.cli.verifying import keysweep

RNG = random.Random(91)


def pair() -> tuple[str, str]:
    one = key_id(RNG)
    return one, f"aws_access_key_id = {one}\naws_secret_access_key = {secret(RNG)}\n"


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path, str, str]:
    """Two directories with a leak each, and the key IDs."""
    (one, first), (two, second) = pair(), pair()
    for name, content in (("a", first), ("b", second)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deploy.ini").write_text(content)
    return tmp_path / "a", tmp_path / "b", one, two


def scanned(tree: Path, name: str) -> str:
    done = keysweep(tree, "scan", "--format", "json", "--output", f"../{name}")
    assert done.returncode in {0, 1}, done.stderr
    return name


def test_a_file_is_shown_as_the_scan_showed_it(trees: tuple[Path, Path, str, str]) -> None:
    tree, _, one, _ = trees
    shown = keysweep(tree, "scan")
    name = scanned(tree, "found.json")
    again = keysweep(tree.parent, "report", name)
    assert (again.returncode, again.stdout) == (shown.returncode, shown.stdout)
    assert one in again.stdout


def test_several_files_are_one_report_that_tells_them_apart(trees: tuple[Path, Path, str, str]) -> None:
    first, second, one, two = trees
    names = scanned(first, "a.json"), scanned(second, "b.json")
    done = keysweep(first.parent, "report", *names, "--format", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    places = {each["key_id"]: each["origin"]["path"] for each in document["findings"]}
    assert places == {one: f"{first}/deploy.ini", two: f"{second}/deploy.ini"}


def test_only_what_is_new_since_an_older_scan_fails(trees: tuple[Path, Path, str, str]) -> None:
    tree, _, one, _ = trees
    old = scanned(tree, "old.json")
    same = keysweep(tree.parent, "report", scanned(tree, "same.json"), "--against", old)
    assert same.returncode == 0
    assert "0 new, 1 still there and 0 gone" in same.stdout
    new, content = pair()
    (tree / "deploy.ini").write_text("# moved down\n" + content)
    done = keysweep(tree.parent, "report", scanned(tree, "new.json"), "--against", old)
    assert done.returncode == 1
    assert "1 new, 0 still there and 1 gone" in done.stdout
    assert new in done.stdout
    assert f"gone: key-pair {one} in deploy.ini" in done.stdout


def test_what_is_no_findings_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    done = keysweep(tmp_path, "report", "x.json", "--output", "out.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "out.txt").exists()


def test_what_was_suppressed_stays_counted_and_can_be_listed(trees: tuple[Path, Path, str, str]) -> None:
    tree, other, _, _ = trees
    content = (tree / "deploy.ini").read_text()
    (tree / "deploy.ini").write_text(f"# keysweep:allow reason: a fixture\n{content}")
    names = (scanned(tree, "a.json"), scanned(other, "b.json"))
    done = keysweep(tree.parent, "report", *names, "--show-suppressed")
    assert "1 suppressed by pragmas." in done.stdout
    assert "a/deploy.ini:2:21  key-pair" in done.stdout
    assert "by pragma: a fixture" in done.stdout
    both = json.loads(keysweep(tree.parent, "report", *names, "--format", "json").stdout)
    jsonschema.validate(both, schema())
    assert both["counts"]["suppressed_by"]["pragma"] == 1
