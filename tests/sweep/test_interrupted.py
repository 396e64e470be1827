"""A sweep that is ended: by a signal, by the system, by what it reads; and taken up again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.servers import http_server
from tests.sweep.organisation import Organisation, env_file, key

_SLOWLY = 'case " $* " in *" clone "*) sleep 0.15;; esac'
_PATIENCE_SECONDS = 60


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def ended(organisation: Organisation) -> dict[str, str]:
    """When each finished task of the newest run ended."""
    if not organisation.db.exists():
        return {}
    try:
        rows = organisation.ask(
            "SELECT r.name, t.ended FROM tasks t JOIN repositories r ON r.id = t.repository_id "
            "WHERE t.ended IS NOT NULL AND t.run_id = (SELECT MAX(id) FROM runs)"
        )
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return {}
    return {str(name): str(when) for name, when in rows}


def filled(organisation: Organisation, repositories: int = 8) -> None:
    """Some repositories, each with a leak of its own and one that all have."""
    shared = key()
    for number in range(repositories):
        files = {"own.env": env_file(key()), "shared.env": env_file(shared)}
        organisation.add(f"team/repository{number}", {"README.md": "read me\n", **files})


@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_that_is_killed_at_any_moment_loses_nothing_and_repeats_nothing(
    organisation: Organisation, tmp_path: Path, seed: int
) -> None:
    filled(organisation)
    organisation.git_that(_SLOWLY)
    rng = random.Random(seed)
    finished: dict[str, str] = {}
    for _ in range(3):
        sweep = organisation.start("--resume")
        until(organisation.db.exists)
        time.sleep(rng.uniform(0.1, 1.5))
        sweep.kill()
        sweep.communicate()
        now = ended(organisation)
        assert finished.items() <= now.items()
        finished = now
        if finished and organisation.ask("SELECT 1 FROM runs WHERE ended IS NOT NULL"):
            break  # only its report was killed
    else:
        report = organisation.sweep("--resume")
        assert (report["complete"], report["repositories"]["swept"]) == (True, 8)
    until(lambda: not organisation.running())
    assert finished.items() <= ended(organisation).items()
    assert organisation.ask("SELECT COUNT(*) FROM runs") == [(1,)]
    whole = Organisation(tmp_path / "whole", organisation.address)
    whole.place.mkdir()
    whole.sweep(target=organisation.listed())
    assert organisation.told() == whole.told()


def test_ctrl_c_ends_it_at_once_with_what_was_found_and_says_how_to_go_on(organisation: Organisation) -> None:
    filled(organisation)
    organisation.git_that(_SLOWLY)
    sweep = organisation.start("--jobs", "1")
    until(lambda: len(ended(organisation)) >= 2)
    sweep.send_signal(signal.SIGINT)
    printed, said = sweep.communicate(timeout=_PATIENCE_SECONDS)
    assert (sweep.returncode, said) == (1, "")
    assert "Interrupted: go on with `keysweep sweep " in printed
    assert organisation.ask("SELECT state, ended FROM runs") == [("interrupted", None)]
    until(lambda: not organisation.running())
    assert organisation.sweep("--resume")["repositories"]["swept"] == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_system_that_shuts_down_ends_it_as_ctrl_c_does(organisation: Organisation, number: int) -> None:
    filled(organisation)
    organisation.git_that(_SLOWLY)
    sweep = organisation.start("--jobs", "1")
    until(lambda: len(ended(organisation)) >= 1)
    sweep.send_signal(number)
    printed, _ = sweep.communicate(timeout=_PATIENCE_SECONDS)
    assert "Interrupted: go on with" in printed
    assert organisation.ask("SELECT state FROM runs") == [("interrupted",)]
    until(lambda: not organisation.running())


def test_without_resume_another_run_begins(organisation: Organisation) -> None:
    filled(organisation, 2)
    organisation.git_that(_SLOWLY)
    sweep = organisation.start()
    until(lambda: len(ended(organisation)) >= 1)
    sweep.kill()
    sweep.communicate()
    organisation.sweep()
    assert organisation.ask("SELECT state FROM runs ORDER BY started") == [("incomplete",), ("done",)]


def test_two_sweeps_of_one_target_at_once_are_refused(organisation: Organisation) -> None:
    filled(organisation, 4)
    organisation.git_that('case " $* " in *" clone "*) sleep 2;; esac')
    first = organisation.start("--jobs", "1")
    until(lambda: len(ended(organisation)) >= 1)
    second = subprocess.run(
        organisation.command(), env=organisation.environment(), capture_output=True, text=True, check=False
    )
    assert second.returncode == 3
    assert "another sweep of" in second.stderr
    first.communicate(timeout=_PATIENCE_SECONDS)
    assert first.returncode == 1


def test_a_repository_that_kills_its_worker_is_quarantined_and_stops_nobody(organisation: Organisation) -> None:
    filled(organisation, 3)
    organisation.add("poison")
    organisation.git_that('case " $* " in *" clone "*poison*) kill -9 $PPID; sleep 5;; esac')
    report = organisation.sweep("--attempts", "2")
    assert (report["repositories"]["swept"], report["repositories"]["quarantined"]) == (3, 1)
    (unread,) = report["unread"]
    assert unread["state"] == "quarantined"
    assert "ended by signal 9" in unread["reason"]
    assert organisation.ask("SELECT attempts FROM tasks WHERE state = 'quarantined'") == [(2,)]


def test_a_repository_that_takes_too_long_is_ended_with_all_that_it_started(organisation: Organisation) -> None:
    filled(organisation, 1)
    organisation.add("endless")
    organisation.git_that('case " $* " in *" clone "*endless*) sleep 600;; esac')
    report = organisation.sweep("--attempts", "1", "--most-minutes", "0.05")
    (unread,) = report["unread"]
    assert (unread["state"], unread["reason"]) == ("quarantined", "it took longer than 3 seconds")
    until(lambda: not organisation.running())


def test_a_network_that_is_gone_ends_the_run_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    filled(made, 20)
    with http_server(made.served) as made.address:
        target = made.listed()
    report = made.sweep("--attempts", "2", target=target, expect=3)
    assert report["interrupted"]
    assert "nothing answers any more" in report["said"]
    assert "--resume" in report["said"]
    port = int(made.address.rpartition(":")[2])
    with http_server(made.served, port=port):
        assert made.sweep("--resume", target=target)["repositories"]["swept"] == 20


@pytest.mark.parametrize("what", ["Ctrl-C", "a worker that dies"])
def test_what_happens_while_it_is_asked_whether_anything_answers_ends_it_as_at_any_time(
    tmp_path: Path, what: str
) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    made.add("good", {"x.env": env_file(key())})
    asked: list[float] = []
    over = Event()

    def fails() -> bool:
        asked.append(time.monotonic())
        return len(asked) > 1 and over.wait(_PATIENCE_SECONDS)

    with http_server(made.served) as made.address:
        port = int(made.address.rpartition(":")[2])
        made.sweep()
    filled(made, 14)
    made.git_that('case " $* " in *" clone "*) echo "fatal: no luck today" >&2; exit 128;; esac')
    with http_server(made.served, port=port, fails=fails):
        sweep = made.start("--jobs", "1")
        until(lambda: len(asked) > 1)
        if what == "Ctrl-C":
            sweep.send_signal(signal.SIGINT)
        else:
            for each in set(made.running()) - {sweep.pid}:
                os.kill(each, signal.SIGKILL)
        printed, said = sweep.communicate(timeout=_PATIENCE_SECONDS)
        over.set()
    assert sweep.returncode == 1, "what was found before is told"
    assert "Interrupted: go on with" in printed
    assert ("nothing answers any more" in said) == (what != "Ctrl-C")
    until(lambda: not made.running())


def test_a_token_that_expires_ends_the_run_which_goes_on_with_another(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    filled(made, 16)
    good = ["first"]
    served = []

    def refuses(given: str) -> bool:
        served.append(given)
        if len([each for each in served if each]) > 8:
            good[0] = "second"
        return given != "Basic " + b64encode(f"oauth2:{good[0]}".encode()).decode()

    with http_server(made.served, refuses=refuses) as made.address:
        variable = f"KEYSWEEP_TOKEN_127_0_0_1_{made.address.rpartition(':')[2]}"
        made.extra[variable] = "first"
        report = made.sweep("--jobs", "1", "--attempts", "2")
        assert report["interrupted"]
        assert "Authentication failed" in report["said"]
        assert 0 < report["repositories"]["swept"] < 16
        made.extra[variable] = "second"
        assert made.sweep("--resume")["repositories"]["swept"] == 16
    assert made.ask("SELECT COUNT(*) FROM runs") == [(1,)]


def test_a_full_disk_under_the_store_is_one_sentence_and_the_run_goes_on_later(organisation: Organisation) -> None:
    filled(organisation, 2)
    organisation.sweep()
    organisation.add("another", {f"{number}.env": env_file(key()) for number in range(200)})
    limited = ["bash", "-c", 'ulimit -f 300; exec "$0" "$@"', *organisation.command()]
    done = subprocess.run(limited, env=organisation.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1, "what was found before is there, and told"
    assert "Traceback" not in done.stderr
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"keysweep: the store {organisation.db} can")
    assert "Interrupted: go on with" in done.stdout
    assert organisation.sweep("--resume")["repositories"]["total"] == 3
    assert os.path.exists(organisation.db)
