"""`keysweep scan` as its users run it: as a process, with its exit code and what it prints."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.report.json import schema
from tests.repositories import Repository, environment

RNG = random.Random(12)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


def keysweep(cwd: Path, *arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", *arguments],
        cwd=cwd,
        env=environment() | {"PYTHONUTF8": "1"} | variables,
        input=stdin,
        capture_output=True,
        check=False,
    )
    out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
    assert "Traceback" not in err
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(loaded, schema(), format_checker=jsonschema.FormatChecker())
    return loaded


def test_a_clean_directory_exits_0_and_says_how_much_was_scanned(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("clean\n")
    done = keysweep(tmp_path, "scan")
    assert done.returncode == 0
    assert "no leaked AWS keys found in 1 item (6 B)" in done.stdout


def test_a_finding_exits_1_and_never_shows_the_secret(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    for form in ("text", "json"):
        done = keysweep(tmp_path, "scan", "--format", form)
        assert done.returncode == 1
        assert ID in done.stdout
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.shows_secrets("stdout", "--show-secrets asks for them")
def test_show_secrets_shows_them_because_it_was_asked(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    assert SECRET in keysweep(tmp_path, "scan", "--show-secrets").stdout
    (finding,) = document(keysweep(tmp_path, "scan", "--show-secrets", "--format", "json"))["findings"]
    assert finding["parts"][1]["secret"] == SECRET


def test_json_says_where_a_secret_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text("# x\n" + PAIR)
    (finding,) = document(keysweep(tmp_path, "scan", "--format", "json"))["findings"]
    place = finding["parts"][1]["place"]
    content = (tmp_path / "a.ini").read_bytes()
    assert content[place["offset"] : place["offset"] + place["length"]].decode() == SECRET
    assert finding["account_id"] == "123456789012"


@pytest.mark.parametrize(("level", "code"), [("low", 1), ("medium", 0), ("high", 0)])
def test_fail_on_decides_the_exit_code_and_not_what_is_shown(tmp_path: Path, level: str, code: int) -> None:
    (tmp_path / "a.txt").write_text(f"see {ID}\n")
    done = keysweep(tmp_path, "scan", "--fail-on", level)
    assert done.returncode == code
    assert ID in done.stdout


def test_standard_input_is_scanned(tmp_path: Path) -> None:
    done = keysweep(tmp_path, "scan", "-", stdin=b"log line\n" + PAIR.encode())
    assert done.returncode == 1
    assert "(stdin):2:21" in done.stdout


def test_ignored_files_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage(".gitignore", "ignored.ini\n")
    repository.write("ignored.ini", PAIR)
    assert keysweep(repository.path, "scan").returncode == 0
    assert keysweep(repository.path, "scan", "--all-files").returncode == 1
    assert keysweep(repository.path, "scan", "ignored.ini").returncode == 1
    repository.write("untracked.ini", PAIR)
    assert keysweep(repository.path, "scan").returncode == 1


def test_staged_scans_the_index(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a.ini", PAIR)
    repository.write("a.ini", "clean\n")
    assert keysweep(repository.path, "scan", "--staged").returncode == 1
    assert keysweep(repository.path, "scan").returncode == 0


def test_a_file_that_cannot_be_scanned_makes_the_scan_incomplete(tmp_path: Path) -> None:
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03garbage")
    done = keysweep(tmp_path, "scan")
    assert done.returncode == 3
    assert "broken.gz" in done.stdout
    assert "incomplete" in done.stdout
    (tmp_path / "a.ini").write_text(PAIR)
    both = keysweep(tmp_path, "scan", "--format", "json")
    assert both.returncode == 1
    assert document(both)["complete"] is False


def test_a_report_goes_to_a_file_only_the_user_can_read(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "a.ini", "--format", "json", "--output", "out.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert (tmp_path / "out.json").stat().st_mode & 0o077 == 0
    jsonschema.validate(json.loads((tmp_path / "out.json").read_text()), schema())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ini", "out.json"]


def test_a_report_that_cannot_be_written_fails_before_the_scan(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "--output", "no/such/place.json")
    assert done.returncode == 2
    assert "no/such/place.json cannot be written" in done.stderr
    assert ID not in done.stdout


def test_a_full_disk_loses_nothing_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    limited = "ulimit -f 0; trap '' XFSZ; exec \"$0\" -m keysweep scan a.ini --output out.txt"
    done = subprocess.run(
        ["bash", "-c", limited, sys.executable], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 3
    assert ID.encode() in done.stdout
    assert b"could not be written" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.ini"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("scan", "nowhere"), "nowhere cannot be scanned"),
        (("scan", "--whole-files"), "goes with --staged"),
        (("scan", "--staged", "x"), "leave out the paths"),
        (("scan", "-", "x"), "goes alone"),
        (("scan", "--format", "xml"), "xml"),
        (("scan", "--config", "missing.toml"), "missing.toml cannot be read"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = keysweep(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_hostile_file_name_cannot_reach_the_terminal(tmp_path: Path) -> None:
    name = b"evil\x1b[2J\xff\xe2\x80\xae.ini"
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as stream:
        stream.write(PAIR.encode())
    done = keysweep(tmp_path, "scan", "--all-files")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "evil\\x1b[2J\\xff\\u202e.ini" in done.stdout
    (finding,) = document(keysweep(tmp_path, "scan", "--all-files", "--format", "json"))["findings"]
    assert os.fsencode(finding["origin"]["path"]) == name


def test_hostile_content_cannot_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x1b]0;title\x07\x1b[31m " + ID.encode() + b"\x1b[0m \x9b2J\n")
    done = keysweep(tmp_path, "scan", FORCE_COLOR="1")
    assert "\x1b]0" not in done.stdout
    assert "\x1b[31m " + ID not in done.stdout


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colour_follows_the_environment(tmp_path: Path, variables: dict[str, str], coloured: bool) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    assert ("\x1b[" in keysweep(tmp_path, "scan", stdin=b"", **variables).stdout) is coloured


def test_a_terminal_that_knows_only_ascii_gets_ascii(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 1
    assert done.stdout.isascii()


def test_help_shows_examples_and_exit_codes(tmp_path: Path) -> None:
    done = keysweep(tmp_path, "--help")
    assert done.returncode == 0
    assert "Exit codes:" in done.stdout
    assert "keysweep scan --staged" in done.stdout
    assert "Examples:" in keysweep(tmp_path, "scan", "--help").stdout


def test_explain_tells_account_and_canary(tmp_path: Path) -> None:
    done = keysweep(tmp_path, "explain", "AKIA" + "SP2TPHJSQH3FJRUX", "AROA" + "Q" * 17)
    assert done.returncode == 0
    assert "171436882533" in done.stdout
    assert "never call AWS" in done.stdout
    assert "IAM role" in done.stdout
    (described,) = json.loads(keysweep(tmp_path, "explain", ID, "--format", "json").stdout)
    assert described["account_id"] == "123456789012"


@pytest.mark.shows_secrets("arguments", "a person gives it by mistake")
def test_explain_never_repeats_a_secret_it_was_given_by_mistake(tmp_path: Path) -> None:
    done = keysweep(tmp_path, "explain", SECRET)
    assert done.returncode == 2
    assert "rotate" in done.stderr
    assert SECRET not in done.stderr + done.stdout


def test_excluded_paths_are_those_below_the_configuration_wherever_one_stands(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.write("keysweep.toml", 'exclude = ["docs/*.md"]\n')
    repository.write("docs/how.md", PAIR)
    for cwd, path in (
        (repository.path, "."),
        (repository.path / "docs", "."),
        (repository.path / "docs", "how.md"),
        (tmp_path, "repository"),
        (tmp_path, str(repository.path)),
    ):
        done = keysweep(cwd, "scan", path)
        assert done.returncode == 0, (cwd, path)
        assert "1 suppressed by configuration" in done.stdout


def test_a_report_in_a_file_leaves_one_line_for_the_log(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(PAIR)
    done = keysweep(tmp_path, "scan", "--format", "json", "--output", "report.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "keysweep: 1 finding: see report.json\n"
    (tmp_path / "a.ini").write_text("clean\n")
    (tmp_path / "report.json").unlink()
    assert keysweep(tmp_path, "scan", "--output", "report.txt").stderr == ""
