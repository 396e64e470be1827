"""Environments of real processes: each credential once, with all that have it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil
import pytest

from fixtures.keys import key_id, secret, session_token
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import INTERRUPTED, Kind, ProblemCode, Source
from keysweep.sources.machine import processes
from keysweep.sources.machine.processes import Environments, Inherited, scan_environments
from keysweep.sources.progress import Progress

RNG = random.Random(os.getpid())
"""Other workers run tests of this file at the same time, and see these processes too."""
SLEEP = ("sleep", "60")


@contextmanager
def running(environments: Sequence[Mapping[str, str]], command: Sequence[str] = SLEEP) -> Iterator[list[int]]:
    """A process for each environment; they have begun what they do, so that it is theirs."""
    started = [subprocess.Popen(command, env=dict(each)) for each in environments]
    try:
        yield [each.pid for each in started]
    finally:
        for each in started:
            each.kill()
            each.wait()


def looked() -> Environments:
    return scan_environments(Limits(), Options())


def inherited(key: str) -> Inherited:
    (found,) = [each for each in looked().inherited if each.finding.key_id == key]
    return found


def test_one_key_in_many_environments_is_one_finding_with_all_processes() -> None:
    key, its_secret = key_id(RNG), secret(RNG)
    have = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": its_secret}
    with running([have | {"NUMBER": str(number)} for number in range(6)]) as pids:
        found = inherited(key)
    assert found.finding.kind is Kind.PAIR
    assert found.variables == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert sorted(found.processes) == sorted(f"pid {pid} sleep" for pid in pids)
    assert list(found.processes) == sorted(found.processes, key=lambda each: (len(each), each))
    named = ", ".join(found.processes[:4])
    assert found.finding.origin.path == f"(environment of 6 processes: {named} and 2 more)"
    assert found.finding.origin.source is Source.PROCESS


def test_what_expires_is_found_with_its_token() -> None:
    key = key_id(RNG, "ASIA")
    have = {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret(RNG),
        "AWS_SESSION_TOKEN": session_token(RNG),
    }
    with running([have]) as (pid,):
        found = inherited(key)
    assert found.finding.kind is Kind.TEMPORARY
    assert found.finding.origin.path == f"(environment of pid {pid} sleep)"


def test_the_own_process_and_whoever_started_it_count_once_each() -> None:
    key = key_id(RNG)
    program = (
        "import subprocess, sys\n"
        "from keysweep.detect.limits import Limits\n"
        "from keysweep.detect.options import Options\n"
        "from keysweep.sources.machine.processes import scan_environments\n"
        "if sys.argv[1:]: sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]]).returncode)\n"
        "import os\n"
        "(found,) = [each for each in scan_environments(Limits(), Options()).inherited "
        "if each.finding.key_id == os.environ['KEY']]\n"
        "print([each.split()[1] for each in found.processes], os.getpid(), os.getppid())\n"
    )
    environment = os.environ | {"KEY": key, "SECRET_ACCESS_KEY": secret(RNG)}
    done = subprocess.run(
        [sys.executable, "-c", program, program], env=environment, capture_output=True, text=True, check=True
    )
    listed, own, parent = done.stdout.strip().rsplit(" ", 2)
    assert sorted([own, parent]) == sorted(listed.strip("[]").replace("'", "").split(", "))


def test_processes_of_others_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_id(RNG)
    with running([{"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret(RNG)}]):
        assert inherited(key)
        owner = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: owner + 1)
        found = looked()
    assert (found.inherited, found.problems, found.notes) == ((), (), ())


def test_a_process_that_has_ended_and_was_not_waited_for_is_passed_over() -> None:
    with running([{}], ("true",)) as (pid,):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            pass
        found = looked()
    assert not any(f"pid {pid} " in (each.origin.path if each.origin else "") for each in found.problems)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (psutil.AccessDenied(1), ""),
        (PermissionError(13, "Permission denied"), ""),
        (psutil.Error(), "cannot be read (Error)"),
        (OSError(5, "Input/output error"), "cannot be read (OSError)"),
    ],
)
def test_an_own_process_that_cannot_be_read_is_told(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, told: str
) -> None:
    """No process of a test's own is refused to it by every system, so what the system says is put in its place."""

    def refuse(_: psutil.Process) -> tuple[bytes, bool]:
        raise raised

    monkeypatch.setattr(processes, "_environment_of", refuse)
    found = looked()
    assert {each.message for each in found.problems} == ({told} if told else set())
    assert bool(found.notes) is not bool(told)
    assert all("from you too: not read" in note for note in found.notes)


def test_a_name_that_a_process_gave_itself_may_hold_anything() -> None:
    key, its_secret = key_id(RNG), secret(RNG)
    program = (
        "import ctypes, time\n"
        f"ctypes.CDLL(None).prctl(15, b'\\x1b[31m\\xff{its_secret[:8]}', 0, 0, 0)\n"
        "print('named', flush=True)\n"
        "time.sleep(60)\n"
    )
    have = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": its_secret}
    process = subprocess.Popen([sys.executable, "-S", "-c", program], env=have, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"named\n"
        found = inherited(key)
    finally:
        process.kill()
        process.communicate()
    assert found.processes[0].startswith(f"pid {process.pid} \x1b[31m")


TITLED = """
import ctypes
after = open("/proc/self/stat").read().rpartition(")")[2].split()
arguments, environment = int(after[45]), int(after[47])
ctypes.memset(environment, 0, 4)
ctypes.memmove(arguments, b"worker\\0", 7)
print("titled", flush=True)
__import__("time").sleep(60)
"""
"""As programs that show what they do in lists of processes, which do so over their arguments and what follows."""


def test_a_title_over_the_beginning_of_an_environment_hides_nothing_after_it() -> None:
    key = key_id(RNG)
    have = {"TERM": "dumb", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret(RNG)}
    process = subprocess.Popen([sys.executable, "-S", "-c", TITLED], env=have, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"titled\n"
        assert inherited(key).finding.kind is Kind.PAIR
    finally:
        process.kill()
        process.communicate()


def test_a_name_says_no_more_than_a_system_keeps_of_it() -> None:
    """psutil takes the rest from the arguments, where there may be anything."""
    key = key_id(RNG)
    program = (
        "import ctypes, time\n"
        "ctypes.CDLL(None).prctl(15, b'celeryd: worker', 0, 0, 0)\n"
        "print('named', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen(
        ["celeryd: worker --broker=sqs:", "-S", "-c", program],
        executable=sys.executable,
        env={"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret(RNG)},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"named\n"
        assert inherited(key).processes == (f"pid {process.pid} celeryd: worker",)
    finally:
        process.kill()
        process.communicate()


def test_an_environment_beyond_the_bound_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_OF_ENVIRONMENT", 64)
    with running([{"AAAA": "x" * 100}]) as (pid,):
        found = looked()
    told = {each.origin.path: each.code for each in found.problems if each.origin}
    assert told[f"(environment of pid {pid} sleep)"] is ProblemCode.LIMIT


def test_more_processes_than_the_bound_are_a_problem() -> None:
    found = scan_environments(Limits(), Options(), most=1)
    assert [each.code for each in found.problems] == [ProblemCode.LIMIT]


def test_an_interrupt_keeps_what_was_found_and_shows_on_the_way() -> None:
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) > 1:
            raise KeyboardInterrupt

    found = scan_environments(Limits(), Options(), stop)
    assert INTERRUPTED in found.problems
    assert seen[0].phase == "reading environments"
