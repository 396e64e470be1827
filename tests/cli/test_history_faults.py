"""`keysweep scan --history` interrupted, starved, or in somebody else's repository: one clear end, and no key lost."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_interrupt import Scan, _children, codes, document, key_ids, slow_rule, stuck
from tests.cli.test_scan import keysweep
from tests.repositories import Repository, environment

RNG = random.Random(71)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "r")
    repository.stage("conf/key.ini", PAIR)
    repository.commit()
    return repository


def many_objects(repository: Repository) -> None:
    """Enough for workers."""
    rng = random.Random(72)
    stream = []
    for _ in range(6000):
        text = f"{rng.random()}".encode()
        stream.append(b"blob\ndata %d\n%s\n" % (len(text), text))
    repository.git("-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", stdin=b"".join(stream))


def large(repository: Repository, content: str) -> None:
    """A blob that is swept after all others, because it is loose."""
    repository.git("hash-object", "-w", "--stdin", stdin=content.encode())


def is_busy(pid: int) -> bool:
    """Whether a process has worked for two seconds, as only what is stuck has."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(fields[11]) > 2 * os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_in_a_sweep_keeps_what_was_found(repository: Repository, jobs: str) -> None:
    many_objects(repository)
    repository.git("repack", "-adq", "--keep-unreachable")
    large(repository, stuck())
    scan = Scan(
        repository.path, "scan", "--history", "--jobs", jobs, "--format", "json", slow_rule(repository.path)
    )
    scan.wait_until(is_busy)
    scan.press_ctrl_c()
    done = scan.end()
    assert (done.returncode, done.stderr) == (1, "")
    loaded = document(done)
    assert codes(loaded) == ["interrupted"]
    assert key_ids(loaded) == [ID]
    assert loaded["findings"][0]["origin"]["path"] == "conf/key.ini"


def test_ctrl_c_in_the_middle_of_a_piece_keeps_what_was_found_in_it(tmp_path: Path) -> None:
    """The key and what the scan gets stuck on are among the same few loose objects."""
    repository = Repository(tmp_path / "r")
    repository.git("hash-object", "-w", "--stdin", stdin=PAIR.encode())
    held = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").decode().strip()
    number = 0
    while True:  # git is asked in the order of the IDs
        content = f"{number}\n{stuck()}".encode()
        if repository.git("hash-object", "--stdin", stdin=content).decode().strip() > held:
            break
        number += 1
    repository.git("hash-object", "-w", "--stdin", stdin=content)
    scan = Scan(repository.path, "scan", "--history", "--format", "json", slow_rule(repository.path))
    scan.wait_until(is_busy)
    scan.press_ctrl_c()
    done = scan.end()
    loaded = document(done)
    assert (done.returncode, codes(loaded), key_ids(loaded)) == (1, ["interrupted"], [ID])


def test_ctrl_c_while_commits_are_looked_for_keeps_every_finding(repository: Repository, tmp_path: Path) -> None:
    """A git that never answers which commits hold a key: one that sleeps instead of telling of refs."""
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *show-ref*|*for-each-ref*) sleep 600;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    slow.chmod(0o755)
    command = [sys.executable, "-m", "keysweep", "scan", "--history", "--format", "json"]
    variables = environment() | {"PATH": f"{slow.parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command, cwd=repository.path, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        while process.poll() is None and "sleep" not in map(program, descendants(process.pid)):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    done = subprocess.CompletedProcess(command, process.returncode, output.decode(), errors.decode())
    assert (done.returncode, done.stderr) == (1, "")
    loaded = document(done)
    assert (codes(loaded), key_ids(loaded)) == (["interrupted"], [ID])
    assert loaded["findings"][0]["origin"]["path"].startswith("(object ")


def program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    return [each for child in _children(pid) for each in (child, *descendants(child))]


def test_a_worker_that_is_killed_in_a_sweep_loses_nothing(repository: Repository) -> None:
    many_objects(repository)
    large(repository, stuck())
    repository.git("repack", "-adq", "--keep-unreachable")
    rule = slow_rule(repository.path, timeout_seconds=4)
    scan = Scan(repository.path, "scan", "--history", "--jobs", "2", "--format", "json", rule)
    os.kill(scan.wait_until(is_busy), signal.SIGKILL)
    done = scan.end()
    assert done.returncode == 1
    loaded = document(done)
    assert (codes(loaded), key_ids(loaded)) == (["timeout"], [ID])
    assert loaded["objects"]["skipped"] == 0


def test_an_object_that_kills_every_worker_is_named_and_the_others_are_scanned(repository: Repository) -> None:
    many_objects(repository)
    repository.git("repack", "-adq", "--keep-unreachable")
    large(repository, stuck())
    name = repository.git("hash-object", "--stdin", stdin=stuck().encode()).decode().strip()
    rule = slow_rule(repository.path)
    done = Scan(repository.path, "scan", "--history", "--jobs", "2", "--format", "json", rule, cpu_seconds=5).end()
    assert done.returncode == 1
    loaded = document(done)
    assert key_ids(loaded) == [ID]
    (problem,) = loaded["problems"]
    assert problem["message"].startswith(f"object {name} ended the worker that scanned it")
    assert loaded["objects"]["skipped"] == 1


def test_a_cache_that_cannot_be_written_breaks_no_scan(repository: Repository, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    for place in (tmp_path / "full", tmp_path / "file/below"):
        (tmp_path / "file").write_text("no directory")
        done = subprocess.run(
            [sys.executable, "-m", "keysweep", "scan", "--history"],
            cwd=repository.path,
            env=environment() | {"KEYSWEEP_CACHE": os.fspath(place)},
            capture_output=True,
            preexec_fn=limit,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, b"")
        assert ID.encode() in done.stdout


def test_the_repository_that_is_named_is_scanned_whatever_the_environment_says(
    repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    other.stage("a", "nothing\n")
    other.commit()
    variables = {
        "GIT_DIR": os.fspath(other.path / ".git"),
        "GIT_OBJECT_DIRECTORY": os.fspath(other.path / ".git/objects"),
        "GIT_INDEX_FILE": "/nowhere",
    }
    done = keysweep(tmp_path, "scan", "--history", "r", stdin=b"", **variables)
    assert done.returncode == 1
    assert "conf/key.ini" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_refused_with_the_command_that_trusts_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "their repository")
    repository.stage("conf/key.ini", PAIR)
    repository.commit()
    for path in (repository.path, *repository.path.rglob("*")):
        os.chown(path, 4242, 4242)
    done = keysweep(tmp_path, "scan", "--history", os.fspath(repository.path))
    assert done.returncode == 3
    assert f"`git config --global --add safe.directory '{repository.path}'`" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_is_written_into_the_repository(repository: Repository) -> None:
    before = {path: path.lstat().st_mtime_ns for path in (repository.path, *repository.path.rglob("*"))}
    assert keysweep(repository.path, "scan", "--history").returncode == 1
    after = {path: path.lstat().st_mtime_ns for path in (repository.path, *repository.path.rglob("*"))}
    assert before == after


def test_a_damaged_object_is_told_with_the_place_where_it_stood(repository: Repository) -> None:
    repository.stage("lost.txt", "to be lost\n")
    commit = repository.commit()
    name = repository.git("rev-parse", "HEAD:lost.txt").decode().strip()
    path = repository.path / ".git/objects" / name[:2] / name[2:]
    path.chmod(0o600)
    path.write_bytes(b"damage")
    done = keysweep(repository.path, "scan", "--history")
    assert done.returncode == 1
    assert f"incomplete  lost.txt (commit {commit[:12]}) cannot be read; `git fsck` says more" in done.stdout


def test_a_file_that_is_named_as_a_repository_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no repository")
    done = keysweep(tmp_path, "scan", "--history", "file")
    assert done.returncode in (2, 3)
    assert done.stderr.count("\n") == 1
