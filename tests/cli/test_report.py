"""`keysweep report` shows findings files again, several as one, and what is new."""

from __future__ import annotations

import json
import random
import re
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


def page_of(text: str) -> list[dict[str, object]]:
    found = re.search(r'id="data">(.*?)</script>', text)
    assert found
    rows: list[dict[str, object]] = json.loads(found[1])
    return rows


def test_html_tells_repositories_apart(trees: tuple[Path, Path, str, str]) -> None:
    first, second, one, two = trees
    names = scanned(first, "a.json"), scanned(second, "b.json")
    done = keysweep(first.parent, "report", *names, "--report", "html=out.html")
    assert done.returncode == 1
    rows = page_of((first.parent / "out.html").read_text())
    told = {str(each["key"]): (each["repositories"], each["where"]) for each in rows}
    assert told == {one: ([str(first)], "deploy.ini:1"), two: ([str(second)], "deploy.ini:1")}


def test_a_scan_writes_html_at_once(trees: tuple[Path, Path, str, str]) -> None:
    tree, _, one, _ = trees
    done = keysweep(tree, "scan", "--report", "html=../out.html")
    assert done.returncode == 1
    (row,) = page_of((tree.parent / "out.html").read_text())
    assert (row["key"], row["status"], row["repositories"]) == (one, "unverified", [str(tree)])


def verdicts(path: Path, key: str, status: str, checked: str) -> str:
    said = {
        "key_id": key,
        "status": status,
        "reason": "STS answered",
        "checked": checked,
        "partition": "aws",
        "account_id": "111122223333",
        "arn": None,
        "name": None,
        "user_id": None,
        "request_id": None,
    }
    path.write_text(json.dumps({"format": "keysweep-verification", "version": 1, "keys": [said]}))
    return path.name


def test_the_newest_verdict_on_a_key_counts(trees: tuple[Path, Path, str, str]) -> None:
    tree, _, one, _ = trees
    name = scanned(tree, "found.json")
    live = verdicts(tree.parent / "live.json", one, "live", "2026-11-27T09:00:00Z")
    dead = verdicts(tree.parent / "dead.json", one, "dead", "2026-11-27T08:00:00Z")
    done = keysweep(tree.parent, "report", name, "--verified", live, "--verified", dead, "--format", "json")
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["verdict"]["status"], found["severity"]) == ("live", "critical")
    done = keysweep(tree.parent, "report", name, "--verified", dead, "--format", "json", "--output", "both.json")
    again = keysweep(tree.parent, "report", "both.json", "--verified", live, "--format", "html")
    assert page_of(again.stdout)[0]["status"] == "live"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "has no verdicts"),
        ('{"format": "keysweep-verification", "version": 2}', "has no verdicts"),
        ('{"format": "keysweep-verification", "version": 1, "keys": [{}]}', "damaged file of verdicts"),
    ],
)
def test_what_is_no_file_of_verdicts_is_refused_by_name(
    trees: tuple[Path, Path, str, str], content: str, told: str
) -> None:
    tree = trees[0]
    name = scanned(tree, "found.json")
    (tree.parent / "v.json").write_text(content)
    done = keysweep(tree.parent, "report", name, "--verified", "v.json")
    assert done.returncode == 2
    assert "v.json" in done.stderr
    assert told in done.stderr
