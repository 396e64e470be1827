"""`keysweep scan --report`: several reports of one scan, each there whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TextIO

import pytest

from fixtures.keys import key_id, secret
from keysweep.cli.output import put_report
from keysweep.report import FORMATS
from tests.cli.test_scan import keysweep
from tests.report.schemas import gitlab_validator, sarif_validator
from tests.repositories import Repository, environment

RNG = random.Random(2026)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    (tmp_path / "a.ini").write_text(PAIR)
    return tmp_path


def test_every_format_can_be_had_from_one_scan(leak: Path) -> None:
    wanted = [f"--report={form}=out-{form}" for form in FORMATS]
    done = keysweep(leak, "scan", "a.ini", *wanted)
    assert done.returncode == 1
    assert ID in done.stdout
    for form in FORMATS:
        text = (leak / f"out-{form}").read_text()
        assert ID in text
        assert SECRET not in text
        assert (leak / f"out-{form}").stat().st_mode & 0o077 == 0
    sarif_validator().validate(json.loads((leak / "out-sarif").read_text()))
    gitlab_validator().validate(json.loads((leak / "out-gitlab").read_text()))
    assert ET.parse(leak / "out-junit").getroot().get("failures") == "1"
    with (leak / "out-csv").open(newline="") as stream:
        assert [row["record"] for row in csv.DictReader(stream)] == ["finding", "scan"]
    assert len(list(leak.iterdir())) == 1 + len(FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_printed(leak: Path, form: str) -> None:
    done = keysweep(leak, "scan", "--format", form)
    assert done.returncode == 1
    assert ID in done.stdout
    assert SECRET not in done.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_printed_where_only_ascii_is_known(leak: Path, form: str) -> None:
    (leak / "grüße.ini").write_text(PAIR)
    done = keysweep(leak, "scan", "--format", form, PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 1
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--report", "xml=a"), "there is no report format 'xml'"),
        (("--report", "sarif"), "names no file"),
        (("--report", "sarif="), "names no file"),
        (("--report", "sarif=no/such/a"), "no/such/a cannot be written"),
        (("--report", "sarif=."), "is a directory"),
        (("--report", "sarif=x", "--report", "junit=./x"), "two reports go to ./x"),
        (("--report", "sarif=x", "--format", "json", "--output", "x"), "two reports go to x"),
        (("--report", "sarif=-"), "text and sarif cannot share standard output"),
        (("--report", "sarif=-", "--report", "csv=-", "--output", "x"), "sarif and csv cannot share"),
        (("--format", "json", "--report", "github-annotations=-"), "json and github-annotations cannot share"),
        (("--format", "sarif", "--show-secrets"), "sarif never shows secrets"),
    ],
)
def test_what_cannot_be_written_fails_before_the_scan(leak: Path, arguments: tuple[str, ...], said: str) -> None:
    done = keysweep(leak, "scan", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in leak.iterdir()] == ["a.ini"]


def test_two_links_to_one_file_are_one_file(leak: Path) -> None:
    (leak / "link").symlink_to("out")
    done = keysweep(leak, "scan", "a.ini", "--report", "sarif=out", "--report", "junit=link")
    assert done.returncode == 2
    assert "two reports go to link" in done.stderr


def test_annotations_stand_beside_the_text_for_people(leak: Path) -> None:
    done = keysweep(leak, "scan", "--report", "github-annotations=-")
    assert done.stdout.startswith("::error title=keysweep::1 finding")
    assert "file=a.ini,line=1" in done.stdout
    assert "Rotate it" in done.stdout


def test_a_report_can_be_printed_where_the_other_goes_to_a_file(leak: Path) -> None:
    done = keysweep(leak, "scan", "--output", "out.txt", "--report", "sarif=-")
    sarif_validator().validate(json.loads(done.stdout))
    assert ID in (leak / "out.txt").read_text()


@pytest.mark.shows_secrets("stdout", "--show-secrets asks for them")
def test_further_reports_are_redacted_whatever_the_first_shows(leak: Path) -> None:
    done = keysweep(leak, "scan", "--show-secrets", "--report", "jsonl=out.jsonl")
    assert SECRET in done.stdout
    assert SECRET not in (leak / "out.jsonl").read_text()


@pytest.mark.shows_secrets("stdout", "--show-secrets asks for them")
def test_json_lines_show_secrets_where_that_was_asked(leak: Path) -> None:
    assert SECRET in keysweep(leak, "scan", "--show-secrets", "--format", "jsonl").stdout


def test_a_report_that_cannot_be_written_in_the_end_loses_nothing(leak: Path) -> None:
    (leak / "gone").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "keysweep", "scan", "-", "--report", "sarif=gone/a", "--report", "junit=b.xml"],
        cwd=leak,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(b"x" * (8 << 20))  # more than a pipe holds, so it has checked its options and reads by now
    (leak / "gone").rmdir()
    out, err = process.communicate(b"\nclean\n")
    assert process.returncode == 3
    assert b"no leaked AWS keys found" in out
    assert b"the sarif report could not be written to gone/a (No such file or directory)" in err
    assert b"Traceback" not in err
    assert ET.parse(leak / "b.xml").getroot().get("failures") == "0"


def test_a_full_disk_leaves_no_half_of_a_report_and_the_findings_on_the_screen(leak: Path) -> None:
    limited = (
        "ulimit -f 0; trap '' XFSZ; "
        'exec "$0" -m keysweep scan a.ini --report sarif=a.sarif --report csv=b.csv --report text=/dev/null'
    )
    done = subprocess.run(
        ["bash", "-c", limited, sys.executable], cwd=leak, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert ID.encode() in done.stdout
    assert done.stderr.count(b"could not be written") == 2
    assert [path.name for path in leak.iterdir()] == ["a.ini"]


def test_somebody_who_stops_reading_does_not_cost_the_files(leak: Path) -> None:
    script = '"$0" -m keysweep scan a.ini --report sarif=a.sarif --report github-annotations=- | true; exit ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], cwd=leak, env=environment(), capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode in (1, 3)
    sarif_validator().validate(json.loads((leak / "a.sarif").read_text()))


def test_the_summary_of_a_step_is_added_to(leak: Path) -> None:
    summary = leak / "summary.md"
    summary.write_text("from another command\n")
    summary.chmod(0o644)
    file = summary.stat().st_ino
    done = keysweep(
        leak, "scan", "a.ini", "--report", f"github-summary={summary}", GITHUB_STEP_SUMMARY=os.fspath(summary)
    )
    assert done.returncode == 1
    assert summary.read_text().startswith("from another command\n## keysweep")
    assert (summary.stat().st_ino, summary.stat().st_mode & 0o777) == (file, 0o644)


def test_an_incomplete_scan_is_so_in_every_report(tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage")
    wanted = [f"--report={form}=out-{form}" for form in FORMATS]
    assert keysweep(tmp_path, "scan", "broken.gz", *wanted).returncode == 3
    for form in FORMATS:
        assert "broken.gz" in (tmp_path / f"out-{form}").read_text()


def test_hostile_names_and_authors_in_history_break_no_report(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    name = "a,b::c%0A::error::x]]>|`\x1b[2J\u202e.ini"
    repository.stage(name, PAIR)
    author = "=cmd|'/c calc'!A1 ]] %0A::error:: <x@y>"
    repository.commit("::error::x\n\n| ` ]]>", f"--author={author}")
    wanted = [f"--report={form}={tmp_path}/out-{form}" for form in FORMATS]
    assert keysweep(repository.path, "scan", "--history", *wanted).returncode == 1
    sarif_validator().validate(json.loads((tmp_path / "out-sarif").read_text()))
    gitlab_validator().validate(json.loads((tmp_path / "out-gitlab").read_text()))
    ET.parse(tmp_path / "out-junit")
    with (tmp_path / "out-csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert row["author"].startswith("'=cmd")
    run = json.loads((tmp_path / "out-sarif").read_text())["runs"][0]
    assert run["versionControlProvenance"][0]["repositoryUri"].startswith("file:///")
    for form in set(FORMATS) - {"json", "jsonl"}:
        assert "\x1b" not in (tmp_path / f"out-{form}").read_text()


def test_a_secret_in_the_name_of_an_author_is_in_no_report(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a.ini", PAIR)
    repository.commit("a commit", f"--author=aws_secret_access_key={SECRET} <x@example.net>")
    wanted = [f"--report={form}={tmp_path}/out-{form}" for form in FORMATS]
    done = keysweep(repository.path, "scan", "--history", *wanted)
    assert done.returncode == 1
    assert SECRET not in done.stdout
    for form in FORMATS:
        assert SECRET not in (tmp_path / f"out-{form}").read_text()


def test_an_interrupted_report_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted(stream: TextIO) -> None:
        stream.write("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_report(os.fspath(tmp_path / "out"), interrupted)
    assert list(tmp_path.iterdir()) == []
