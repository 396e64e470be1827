"""Ctrl-C while AWS is asked, or before."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.cli.test_interrupt import Scan, filled, has_open, slow_rule, stuck
from tests.cli.verifying import ID, PAIR, SESSION_KEY, TEMPORARY, scanned, statuses
from tests.emulators.faults import Faults
from tests.emulators.script import time_out


@pytest.mark.parametrize("command", ["scan", "verify"])
@pytest.mark.parametrize("presses", [0, 1, 2, 3])
def test_ctrl_c_and_a_shutdown_keep_what_was_found_and_answered(
    tree: Path, sts: Faults, command: str, presses: int
) -> None:
    """One key is answered at once, and the server never answers about the other: nobody waits for that."""
    found = scanned(tree)
    found.rename(tree.parent / "found.json")
    sts.add(SESSION_KEY, time_out())
    options = ("--verify",) if command == "scan" else ("../found.json",)
    asking = Scan(tree, command, *options, "--aws-endpoint", sts.endpoint, "--format", "json")
    while len(sts.log.requests()) < 2:
        time.sleep(0.02)
    time.sleep(0.5)
    begin = time.monotonic()
    if not presses:
        asking.shut_down()
    for _ in range(presses):
        asking.press_ctrl_c()
        time.sleep(0.02)
    done = asking.end()
    assert time.monotonic() - begin < 2
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["complete"] is False
    if command == "verify":
        assert statuses(done) == {ID: "live"}
    else:
        assert {each["key_id"] for each in document["findings"]} == {ID, TEMPORARY}


def test_a_scan_that_was_interrupted_asks_nobody(tmp_path: Path, sts: Faults) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "1.ini").write_text(filled(PAIR))
    (tree / "2.txt").write_text(stuck())
    options = ("--verify", "--aws-endpoint", sts.endpoint, "--format", "json")
    scanning = Scan(tree, "scan", "--jobs", "1", slow_rule(tree), *options)
    scanning.wait_until(has_open("2.txt"))
    scanning.press_ctrl_c()
    done = scanning.end()
    assert [each["key_id"] for each in json.loads(done.stdout)["findings"]] == [ID]
    assert "interrupted before AWS was asked" in done.stdout
    assert sts.log.requests() == []


def test_ctrl_c_while_files_are_read_again_asks_nobody(tree: Path, sts: Faults) -> None:
    (tree / "deploy.ini").write_text(filled(PAIR))
    found = scanned(tree)
    os.truncate(tree / "session.sh", 1 << 34)
    reading = Scan(tree, "verify", found.name, "--aws-endpoint", sts.endpoint)
    reading.wait_until(has_open("session.sh"))
    time.sleep(1)
    reading.press_ctrl_c()
    assert reading.end().returncode == 3
    assert sts.log.requests() == []
