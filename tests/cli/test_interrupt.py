"""Ctrl-C and dying workers: a scan that ends early says so, keeps what it found, and never counts as clean.

A rule whose pattern backtracks without end, on a line made for it, holds a scan where these tests want it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id, secret
from keysweep.report.json import schema
from keysweep.sources.pool import BATCH_BYTES, POOL_FROM_BYTES
from tests.repositories import Repository, environment

RNG = random.Random(77)
IDS = [key_id(RNG) for _ in range(4)]
SECRET = secret(RNG)
HANG_SECONDS = 120
"""Far more than any of these takes; only a process that hangs gets there."""


class Scan:
    """A running `keysweep`, a process group of its own as in a terminal."""

    def __init__(self, cwd: Path, *arguments: str, cpu_seconds: int | None = None) -> None:
        def limit() -> None:
            if cpu_seconds:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))

        self._process = subprocess.Popen(
            [sys.executable, "-m", "keysweep", *arguments],
            cwd=cwd,
            env=environment() | {"PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=limit,
        )

    def feed(self, content: bytes) -> None:
        """Write to its standard input and leave that open; returns when all but a pipe's worth was read."""
        assert self._process.stdin
        self._process.stdin.write(content)
        self._process.stdin.flush()

    def wait_until(self, is_so: Callable[[int], bool]) -> int:
        """The ID of the process, of this scan and its workers, for which `is_so` holds first."""
        give_up = time.monotonic() + HANG_SECONDS
        while self._process.poll() is None and time.monotonic() < give_up:
            for pid in (self._process.pid, *_children(self._process.pid)):
                if is_so(pid):
                    return pid
            time.sleep(0.01)
        raise AssertionError(f"ended or never came so far: {self.end()}")

    def press_ctrl_c(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)

    def shut_down(self) -> None:
        """End the parent alone, as a system does that wants to go down."""
        self._process.terminate()

    def kill(self) -> None:
        """End the parent alone, without a chance to clean up."""
        self._process.kill()
        self._process.wait()

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for the end; the whole group is killed if there is none."""
        try:
            out, err = self._process.communicate(timeout=HANG_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise
        code = self._process.returncode
        assert b"Traceback" not in err
        return subprocess.CompletedProcess(self._process.args, code, out.decode(), err.decode())


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie, which nobody may be left to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def has_open(name: str) -> Callable[[int], bool]:
    """Whether a process has a file of this name open, as it has while it scans it."""

    def check(pid: int) -> bool:
        try:
            links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
        except OSError:
            return False
        return any(os.path.basename(link) == name for link in links)

    return check


def has_loaded(library: str) -> Callable[[int], bool]:
    """Whether a process has loaded a library; one that has ended has not."""

    def check(pid: int) -> bool:
        try:
            return library in Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return False

    return check


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory without a configuration that could be scanned along."""
    directory = tmp_path / "tree"
    directory.mkdir()
    return directory


def filled(text: str) -> str:
    """`text`, with enough behind it that the file fills a batch of its own."""
    return text + "\n" + "plain words here\n" * (BATCH_BYTES // 16)


def slow_rule(tree: Path, timeout_seconds: int = 600) -> str:
    """A configuration whose rule gets stuck on the line of `stuck`; returns the option that names it."""
    path = tree.parent / "slow.toml"
    lines = ("[[rules]]", 'name = "slow"', 'pattern = "(?:q|q|qq)+!"', f"timeout-ms = {timeout_seconds * 1000}")
    path.write_text("\n".join(lines) + "\n")
    return f"--config={path}"


def stuck() -> str:
    return filled("q" * 4000)


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(loaded, schema())
    return loaded


def key_ids(loaded: dict[str, Any]) -> list[str]:
    return [finding["key_id"] for finding in loaded["findings"]]


def codes(loaded: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in loaded["problems"]]


def test_ctrl_c_ends_a_scan_with_what_it_found_and_says_that_it_is_incomplete(tree: Path) -> None:
    (tree / "1.txt").write_text(filled(f"see {IDS[0]}"))
    (tree / "2.txt").write_text(stuck())
    scan = Scan(tree, "scan", "--jobs", "1", slow_rule(tree))
    scan.wait_until(has_open("2.txt"))
    scan.press_ctrl_c()
    done = scan.end()
    assert done.returncode == 3
    assert f"1.txt:1:5\n    see >>{IDS[0]}<<" in done.stdout
    assert "incomplete  interrupted before everything was scanned\n" in done.stdout
    assert "the scan is incomplete" in done.stdout
    assert done.stderr == ""


def test_a_leak_found_before_ctrl_c_still_decides_the_exit_code(tree: Path) -> None:
    (tree / "1.txt").write_text(filled(f"aws_access_key_id = {IDS[0]}\naws_secret_access_key = {SECRET}"))
    (tree / "2.txt").write_text(stuck())
    scan = Scan(tree, "scan", "--jobs", "1", "--format", "json", slow_rule(tree))
    scan.wait_until(has_open("2.txt"))
    scan.press_ctrl_c()
    done = scan.end()
    assert done.returncode == 1
    loaded = document(done)
    assert loaded["complete"] is False
    assert codes(loaded) == ["interrupted"]
    assert key_ids(loaded) == [IDS[0]]
    assert loaded["scanned"]["items"] == 1


def test_ctrl_c_before_anything_was_found_is_not_clean(tree: Path) -> None:
    (tree / "1.txt").write_text(stuck())
    scan = Scan(tree, "scan", "--jobs", "1", slow_rule(tree))
    scan.wait_until(has_open("1.txt"))
    scan.press_ctrl_c()
    done = scan.end()
    assert done.returncode == 3
    assert "no leaked AWS keys found in 0 items (0 B); the scan is incomplete" in done.stdout


def test_a_report_to_a_file_is_whole_after_ctrl_c(tree: Path) -> None:
    (tree / "1.txt").write_text(filled(f"see {IDS[0]}"))
    (tree / "2.txt").write_text(stuck())
    output = tree.parent / "out.json"
    scan = Scan(tree, "scan", "--jobs", "1", "--format", "json", f"--output={output}", slow_rule(tree))
    scan.wait_until(has_open("2.txt"))
    scan.press_ctrl_c()
    done = scan.end()
    assert (done.returncode, done.stdout) == (3, "")
    assert json.loads(output.read_text())["complete"] is False
    assert sorted(path.name for path in tree.parent.iterdir()) == ["out.json", "slow.toml", "tree"]


def test_ctrl_c_while_standard_input_is_read_is_one_sentence(tree: Path) -> None:
    scan = Scan(tree, "scan", "-")
    scan.feed(b"a log line\n" * 100_000)
    scan.press_ctrl_c()
    done = scan.end()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.strip() == "keysweep: interrupted before everything was scanned."


def test_ctrl_c_while_the_hook_scans_lets_nothing_through(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "tree")
    config = slow_rule(repository.path).removeprefix("--config=")
    os.replace(config, repository.path / "keysweep.toml")
    repository.stage("a.txt", stuck())
    hook = Scan(repository.path, "hook", "pre-commit")
    hook.wait_until(has_loaded("_regex"))
    time.sleep(0.5)  # to the file in which it gets stuck: while it imports, Python itself may lose a Ctrl-C
    hook.press_ctrl_c()
    done = hook.end()
    assert (done.returncode, done.stdout) == (3, "")
    assert "interrupted before everything was scanned; nothing was let through." in done.stderr
    assert done.stderr.count("\n") == 1


def large_tree(tree: Path) -> None:
    """Enough for a pool of workers: one file that keeps a worker busy, and four with a key ID each."""
    filling = "plain words here\n" * (POOL_FROM_BYTES // 4 // 16)
    (tree / "0.txt").write_text(stuck())
    for number, each in enumerate(IDS, 1):
        (tree / f"{number}.txt").write_text(f"see {each}\n{filling}")
    assert sum(path.stat().st_size for path in tree.iterdir()) > POOL_FROM_BYTES


def test_ctrl_c_in_a_pool_of_workers_ends_with_what_came_back(tree: Path) -> None:
    large_tree(tree)
    scan = Scan(tree, "scan", "--jobs", "2", "--format", "json", slow_rule(tree, timeout_seconds=3))
    scan.wait_until(has_open("0.txt"))
    scan.press_ctrl_c()
    done = scan.end()
    assert (done.returncode, done.stderr) == (3, "")
    loaded = document(done)
    assert codes(loaded) == ["interrupted"]
    assert set(key_ids(loaded)) <= set(IDS)


def test_ctrl_c_ends_workers_that_would_never_end_by_themselves(tree: Path) -> None:
    large_tree(tree)
    scan = Scan(tree, "scan", "--jobs", "2", "--format", "json", slow_rule(tree))
    worker = scan.wait_until(has_open("0.txt"))
    scan.press_ctrl_c()
    assert scan.end().returncode == 3
    assert not Path(f"/proc/{worker}").exists()


def test_no_worker_outlives_its_parent(tree: Path) -> None:
    large_tree(tree)
    scan = Scan(tree, "scan", "--jobs", "2", slow_rule(tree))
    worker = scan.wait_until(has_open("0.txt"))
    scan.kill()
    give_up = time.monotonic() + HANG_SECONDS
    while is_running(worker) and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not is_running(worker)


def test_a_worker_that_is_killed_once_loses_nothing(tree: Path) -> None:
    large_tree(tree)
    scan = Scan(tree, "scan", "--jobs", "2", "--format", "json", slow_rule(tree, timeout_seconds=2))
    os.kill(scan.wait_until(has_open("0.txt")), signal.SIGKILL)
    done = scan.end()
    loaded = document(done)
    assert done.returncode == 3
    assert codes(loaded) == ["timeout"]
    assert sorted(key_ids(loaded)) == sorted(IDS)
    assert loaded["scanned"]["items"] == 5


def test_a_file_that_kills_every_worker_is_named_and_the_others_are_scanned(tree: Path) -> None:
    large_tree(tree)
    # The kernel kills whatever spends so much time of the processor: only the worker on the stuck line does.
    scan = Scan(tree, "scan", "--jobs", "2", slow_rule(tree), cpu_seconds=4)
    done = scan.end()
    assert done.returncode == 3
    assert "incomplete  0.txt ended the worker that scanned it (out of memory?)" in done.stdout
    assert "in 4 items (" in done.stdout
    assert "the scan is incomplete" in done.stdout
    for number, each in enumerate(IDS, 1):
        assert f"{number}.txt:1:5\n    see >>{each}<<" in done.stdout
    assert done.stderr == ""
