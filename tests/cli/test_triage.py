"""`keysweep triage` at a terminal: the installed program, real repositories, and somebody who presses keys."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.suppress.baseline import Entry, load, save
from keysweep.suppress.lapse import today
from tests.cli.terminal import CTRL_C, CTRL_D, Terminal
from tests.cli.test_interrupt import _children, has_open, slow_rule, stuck
from tests.cli.test_scan import keysweep
from tests.repositories import Repository

RNG = random.Random(4711)
IDS = [key_id(RNG) for _ in range(3)]
SECRETS = [secret(RNG) for _ in range(3)]
PAIRS = [f"aws_access_key_id = {i}\naws_secret_access_key = {s}\n" for i, s in zip(IDS, SECRETS, strict=True)]
NAME = ".keysweep-baseline"
OWNER = ("--owner", "me@example.net")
DAY = "Until which day? [2"
WHY = "Why? ["


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Three leaks: in a.ini (and a copy), b.ini and c.ini."""
    made = Repository(tmp_path / "repository")
    for name, pair in zip(("a.ini", "b.ini", "c.ini"), PAIRS, strict=True):
        made.write(name, pair)
    made.write("copy/of/a.ini", PAIRS[0])
    return made


def at(
    repository: Repository, *arguments: str, columns: int = 80, variables: dict[str, str] | None = None
) -> Terminal:
    return Terminal(repository.path, "triage", *OWNER, *arguments, columns=columns, variables=variables)


def accepted(repository: Repository) -> dict[str | None, Entry]:
    """The entries of the baseline by path; none without one."""
    path = repository.path / NAME
    return {each.path: each for each in load(path).values()} if path.exists() else {}


def test_each_answer_is_one_key_and_is_in_the_baseline_at_once(repository: Repository) -> None:
    with at(repository) as person:
        card = person.answer("r")
        assert "3 leaks to decide on; answers go to .keysweep-baseline" in card
        assert "1 of 3  HIGH  AWS access key with its secret" in card
        assert f"{IDS[0]}, account 123456789012" in card
        assert "a.ini:1:21" in card
        assert "also" in card
        assert "copy/of/a.ini:1:21" in card
        assert "has the shape of an access key ID" in card
        person.answer("f")
        assert accepted(repository) == {}
        person.answer_line(WHY, "a fixture")
        person.answer("A")
        assert accepted(repository)["b.ini"].reason == "a fixture"
        person.answer_line(DAY, "2099-01-31")
        person.answer_line(WHY, "")
        person.answer("q", "[q]uit\n> ")
        code, end = person.end()
    assert code == 1
    entries = accepted(repository)
    assert set(entries) == {"b.ini", "c.ini"}
    assert (entries["b.ini"].until, entries["b.ini"].owner) == (None, "me@example.net")
    assert (entries["c.ini"].until, entries["c.ini"].reason) == ("2099-01-31", "known, and to be rotated")
    assert f"REAL  {IDS[0]}" in end
    assert f"`keysweep contain {IDS[0]}`" in " ".join(end.split())
    assert "3 of 3 decided: 1 real, 1 false, 1 accepted until a day; 0 left." in " ".join(end.split())
    done = keysweep(repository.path, "scan")
    assert (done.returncode, "2 suppressed by the baseline" in done.stdout) == (1, True)


def test_whatever_is_decided_is_not_asked_again_and_again_asks_it(repository: Repository) -> None:
    with at(repository) as person:
        for _ in IDS:
            person.answer("f")
            person.answer_line(WHY, "a fixture")
        person.answer("\n")  # no key of the walk: it explains them
        person.answer("q")
        assert person.end()[0] == 0
    with at(repository) as person:
        code, said = person.end()
        assert (code, "nothing to decide" in said) == (0, True)
    with at(repository, "--again") as person:
        assert "accepted by me@example.net: a fixture" in person.answer("r")
        person.answer("q")
        assert person.end()[0] == 1
    assert set(accepted(repository)) == {"b.ini", "c.ini"}


def test_undo_goes_back_as_often_as_wanted_and_leaves_no_trace(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("u")
        assert "there is no answer to take back" in person.wait_for("1 of 3")
        person.answer("f")
        person.answer_line(WHY, "one")
        person.answer("s")
        person.answer("f")
        person.answer_line(WHY, "three")
        person.answer("u")
        assert "3 of 3" in person.answer("u")
        assert "2 of 3" in person.answer("u")
        assert "1 of 3" in person.wait_for("\n> ")
        assert not (repository.path / NAME).exists()
        person.press("q")
        code, end = person.end()
    assert code == 1
    assert "0 of 3 decided" in end
    assert not (repository.path / NAME).exists()


def test_back_shows_what_was_said_and_a_new_answer_replaces_it(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("f")
        person.answer_line(WHY, "one")
        person.answer("b")
        assert re.search("decided +false", person.answer("s"))
        assert set(accepted(repository)) == {"a.ini"}, "skipping what was decided leaves it decided"
        person.answer("b")
        person.answer("r")
        person.answer("u")
        assert re.search("baseline +accepted by me@example.net: one", person.answer("r"))
        person.answer("q")
        person.end()
    assert accepted(repository) == {}


@pytest.mark.parametrize("how", [CTRL_C, CTRL_D, "q"])
def test_whoever_stops_keeps_what_was_decided_and_is_told(repository: Repository, how: str) -> None:
    with at(repository) as person:
        person.answer("f")
        person.answer_line(WHY, "one")
        person.answer(how)
        code, end = person.end()
    assert (code, "1 of 3 decided" in end, set(accepted(repository))) == (1, True, {"a.ini"})
    assert "Traceback" not in end


@pytest.mark.parametrize("prompt", ["day", "reason"])
def test_ctrl_c_in_the_middle_of_an_answer_decides_nothing(repository: Repository, prompt: str) -> None:
    with at(repository) as person:
        person.answer("a")
        if prompt == "reason":
            person.answer_line(DAY, "")
        person.answer("half of a" + CTRL_C, WHY if prompt == "reason" else DAY)
        code, end = person.end()
    assert (code, accepted(repository), "Traceback" in end) == (1, {}, False)


def test_ctrl_d_in_the_middle_of_an_answer_goes_back_to_the_question(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("a")
        person.answer(CTRL_D, DAY)
        person.answer("f")
        person.answer(CTRL_D, WHY)
        person.answer("q")
        assert person.end()[0] == 1
    assert accepted(repository) == {}


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_walk_loses_nothing_decided(repository: Repository, how: signal.Signals) -> None:
    with at(repository) as person:
        person.answer("f")
        person.answer_line(WHY, "one")
        person.wait_for("\n> ")
        person.process.send_signal(how)
        person.end()
    assert set(accepted(repository)) == {"a.ini"}
    assert [each.name for each in repository.path.iterdir() if each.name.startswith(NAME)] == [NAME]


def test_a_terminal_that_is_closed_ends_the_walk(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("f")
        person.answer_line(WHY, "one")
        person.wait_for("\n> ")
        person.hang_up()
        assert person.process.wait(60) == 1
    assert set(accepted(repository)) == {"a.ini"}


def test_a_wrong_date_is_asked_again_and_the_default_is_ninety_days_on(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("a")
        for wrong in ("2020-01-31", "2027-02-30", "tomorrow", "31.1.2099"):
            person.answer_line(DAY, wrong)
            assert f"{wrong} is no day to come" in " ".join(person.wait_for("leave it.").split())
        person.answer_line(DAY, "")
        person.answer_line(WHY, "soon rotated")
        person.answer("q")
        person.end()
    until = datetime.fromisoformat(accepted(repository)["a.ini"].until or "").date()
    assert 89 <= (until - today()).days <= 90


def test_a_reason_with_a_credential_in_it_is_refused_as_in_baseline(repository: Repository) -> None:
    with at(repository) as person:
        person.answer("f")
        person.answer_line(WHY, f"aws_secret_access_key = {SECRETS[0]}")
        person.wait_for("holds a credential")
        person.answer_line(WHY, "a fixture")
        person.answer("q")
        person.end()
    assert accepted(repository)["a.ini"].reason == "a fixture"


def test_a_paste_or_an_arrow_decides_nothing(repository: Repository) -> None:
    with at(repository) as person:
        for keys in ("rrr", "\x1b[A", "false positive\n", "x", "é"):
            person.answer(keys)
            person.wait_for("quit: what was decided")
        person.answer("q")
        assert "0 of 3 decided" in person.end()[1]
    assert accepted(repository) == {}


def test_without_a_terminal_it_names_what_does_not_ask(repository: Repository) -> None:
    done = keysweep(repository.path, "triage", *OWNER)
    assert done.returncode == 2
    assert "use `keysweep baseline create`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "baseline", "said"),
    [
        ((), "{}\n", f"{NAME}:1 has no `fingerprint`"),
        (("--output", "nowhere/baseline"), None, "cannot be written"),
        (("--output", "pipe"), None, "no regular file"),
        (("--output", "dangling"), None, "cannot be read"),
        (("--owner", " "), None, "Nobody answers for the entries"),
    ],
)
def test_what_could_not_be_kept_is_refused_before_the_first_question(
    repository: Repository, arguments: tuple[str, ...], baseline: str | None, said: str
) -> None:
    os.mkfifo(repository.path / "pipe")
    (repository.path / "dangling").symlink_to("gone")
    if baseline:
        repository.write(NAME, baseline)
    with at(repository, *arguments) as person:
        code, shown = person.end()
    assert code == 2
    assert said in " ".join(shown.split())
    assert "1 of" not in shown


def test_what_somebody_else_writes_meanwhile_is_kept_and_shown(repository: Repository) -> None:
    path = repository.path / NAME
    other = Entry("f" * 32, "2026-01-01", "other@example.net", "elsewhere")
    with at(repository, "b.ini", "a.ini") as person:
        person.answer("f")
        fingerprint = next(
            each["fingerprint"]
            for each in json.loads(keysweep(repository.path, "scan", "--format", "json").stdout)["findings"]
            if each["origin"]["path"] == "a.ini"
        )
        theirs = Entry(fingerprint, "2026-01-01", "other@example.net", "theirs")
        save(path, [other, theirs])
        person.answer_line(WHY, "mine")
        person.wait_for("somebody else changed its entry")
        assert "accepted by other@example.net: theirs" in person.answer("s")
        person.answer("f")
        person.answer_line(WHY, "mine")
        person.answer("q")
        person.end()
    assert set(load(path).values()) >= {other, theirs}
    assert accepted(repository)["b.ini"].reason == "mine"


def test_a_findings_file_of_history_tells_who_and_when_and_what_comes_first(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("add", "-A")
    commit = repository.commit("leak")
    found = tmp_path / "found.json"
    keysweep(repository.path, "scan", "--history", "--format", "json", "--output", os.fspath(found))
    document = json.loads(found.read_text())
    last = max(document["findings"], key=lambda each: each["origin"]["path"])
    last["verdict"] = {
        "key_id": last["key_id"], "status": "live", "reason": "AWS accepted it", "partition": "aws",
        "checked": datetime.now(UTC).isoformat(), "arn": "arn:aws:iam::123456789012:user/deploy", "name": "deploy",
        "account_id": "123456789012", "user_id": "AIDA", "request_id": None, "principal": "user",
    }  # fmt: skip
    found.write_text(json.dumps(document))
    with at(repository, os.fspath(found)) as person:
        card = " ".join(person.answer("r").split())
        assert last["key_id"] in card
        assert "live, arn:aws:iam::123456789012:user/deploy: AWS accepted it" in card
        assert f"since {commit[:12]} of 2024-01-01 by A Tester <tester@example.net>" in card
        person.answer("r")
        person.answer("q")
        end = " ".join(person.end()[1].split())
    assert f"rotate it, or plan to switch it off: `keysweep contain {last['key_id']}`" in end
    assert f"keysweep verify {found}" in end.replace(" ", "").replace("keysweepverify", "keysweep verify ")


def test_a_findings_file_with_a_fingerprint_that_is_none_is_damaged(
    repository: Repository, tmp_path: Path
) -> None:
    found = tmp_path / "found.json"
    keysweep(repository.path, "scan", "--format", "json", "--output", os.fspath(found))
    document = json.loads(found.read_text())
    document["findings"][0]["fingerprint"] = "../../x"
    found.write_text(json.dumps(document))
    with at(repository, os.fspath(found)) as person:
        code, shown = person.end()
    assert (code, "is a damaged findings file" in shown) == (2, True)


def test_a_scan_that_is_not_complete_is_never_all_decided(repository: Repository) -> None:
    repository.write("damaged.gz", b"\x1f\x8b\x08\x00" + bytes(6) + b"\x4b\x4c")
    with at(repository) as person:
        for _ in IDS:
            person.answer("f")
            person.answer_line(WHY, "a fixture")
        person.answer("q")
        code, end = person.end()
    assert code == 3
    assert "something could not be scanned" in end


@pytest.mark.parametrize("columns", [80, 40])
def test_nothing_is_wider_than_the_terminal_or_acts_on_it(repository: Repository, columns: int) -> None:
    hostile = "x\x1b]0;owned\x07\x1b[2J\r\u202e" + "long" * 30 + ".ini"
    repository.stage(hostile, "\x1b[31mred\x1b[0m " + PAIRS[0].replace("\n", " \x07\n"))
    repository.git("-c", "user.name=\x1b[1mname\x07", "commit", "-qm", "x", "--author=\x1b[5mme <a\x9b@b>")
    for name in ("a.ini", "b.ini", "c.ini", "copy/of/a.ini"):
        (repository.path / name).unlink()
    with at(repository, "--history", columns=columns) as person:
        card = person.answer("m")
        card += person.answer("r")
        person.answer("q")
        code, end = person.end()
    assert code == 1
    shown = card + end
    assert all(each.isprintable() or each in "\r\n" for each in shown)
    assert "\\x1b" in shown
    assert max(map(len, re.split("[\r\n]", shown))) <= columns


def test_a_window_that_is_made_narrower_is_written_to_accordingly(repository: Repository) -> None:
    with at(repository, columns=100) as person:
        assert max(map(len, person.answer("s").split("\n"))) > 80
        person.resize(44, 16)
        person.wait_for("─\n")
        person.wait_for("\n> ")
        person.press("s")
        narrow = person.answer("m")
        assert max(map(len, narrow.split("\n"))) <= 44
        assert narrow.count("\n") <= 16
        assert "more lines: press m" in narrow
        person.answer("q")
        person.end()


@pytest.mark.parametrize(
    ("variables", "colour", "is_ascii"),
    [
        ({"NO_COLOR": "", "LC_ALL": "C.UTF-8"}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "", "TERM": "dumb"}, False, False),
        ({"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}, False, True),
    ],
)
def test_colour_and_signs_are_those_that_the_terminal_has(
    repository: Repository, variables: dict[str, str], colour: bool, is_ascii: bool
) -> None:
    with at(repository, variables=variables) as person:
        shown = person.answer("q")
        shown += person.end()[1]
    assert ("\x1b[" in shown) == colour
    assert shown.isascii() == is_ascii


def test_the_summary_can_go_into_a_file_while_the_walk_is_on_the_terminal(
    repository: Repository, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as stream:
        person = Terminal(repository.path, "triage", *OWNER, stdout=stream.fileno())
    with person:
        person.answer("r")
        person.answer("f")
        person.answer_line(WHY, "a fixture")
        person.answer("q")
        person.end()
    told = (tmp_path / "out").read_text()
    assert told.startswith(f"REAL  {IDS[0]}")
    assert "2 of 3 decided" in told


def test_a_scan_that_somebody_stops_asks_nothing(repository: Repository) -> None:
    repository.write("stuck.txt", stuck())
    with at(repository, slow_rule(repository.path)) as person:
        while not any(map(has_open("stuck.txt"), (person.process.pid, *_children(person.process.pid)))):
            assert person.process.poll() is None
            time.sleep(0.01)
        person.press(CTRL_C)
        code, end = person.end()
    assert code == 3
    assert "interrupted before everything was scanned" in end
    assert "1 of" not in end
