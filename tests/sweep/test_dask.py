"""Sweeps on a real cluster of Dask: a scheduler and workers, each a process of its own on this machine."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path
from threading import Thread

import pytest

from tests.certificates import certificate
from tests.clusters import Cluster, cluster, free_port
from tests.emulators.faults import Faults
from tests.sweep.organisation import Organisation, env_file
from tests.sweep.test_interrupted import ended, filled, until


def on(made: Cluster) -> tuple[str, ...]:
    """The options of a sweep on a cluster."""
    return ("--engine", "dask", "--scheduler", made.address)


def test_what_a_cluster_finds_is_what_one_machine_finds(organisation: Organisation, tmp_path: Path) -> None:
    filled(organisation, 6)
    with cluster(2, environment=organisation.environment()) as made:
        report = organisation.sweep(*on(made))
    assert (report["complete"], report["repositories"]["swept"]) == (True, 6)
    alone = Organisation(tmp_path / "alone", organisation.address)
    alone.place.mkdir()
    alone.sweep(target=organisation.listed())
    assert organisation.told() == alone.told()


def test_a_worker_that_is_killed_while_it_works_loses_nothing(organisation: Organisation) -> None:
    filled(organisation, 6)
    organisation.git_that('case " $* " in *" clone "*) sleep 1;; esac')
    with cluster(2, environment=organisation.environment()) as made:
        sweep = organisation.start(*on(made), "--format", "json")
        until(lambda: len(ended(organisation)) >= 1)
        made.workers[0].kill()
        printed, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 1, said
    assert '"swept": 6' in printed
    assert '"complete": true' in printed


def test_a_repository_that_kills_what_reads_it_is_quarantined_and_the_workers_live_on(
    organisation: Organisation,
) -> None:
    filled(organisation, 2)
    organisation.add("poison")
    organisation.git_that('case " $* " in *" clone "*poison*) kill -9 $PPID; sleep 5;; esac')
    with cluster(2, environment=organisation.environment()) as made:
        report = organisation.sweep(*on(made), "--attempts", "2")
        assert [worker.poll() for worker in made.workers] == [None, None]
    assert (report["repositories"]["swept"], report["repositories"]["quarantined"]) == (2, 1)
    assert "ended by signal 9" in report["unread"][0]["reason"]


def test_when_the_scheduler_is_gone_it_is_said_and_the_run_goes_on_with_another(
    organisation: Organisation,
) -> None:
    filled(organisation, 6)
    organisation.git_that('case " $* " in *" clone "*) sleep 1;; esac')
    with cluster(1, environment=organisation.environment()) as made:
        sweep = organisation.start(*on(made))
        until(lambda: len(ended(organisation)) >= 1)
        made.stop()
        _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 1, "what was found until then"
    (said,) = said.splitlines()
    assert said.startswith("keysweep: the scheduler")
    assert "--resume" in said
    before = ended(organisation)
    with cluster(2, environment=organisation.environment()) as made:
        report = organisation.sweep(*on(made), "--resume")
    assert report["repositories"]["swept"] == 6
    assert before.items() <= ended(organisation).items()


def test_a_scheduler_that_is_not_there_is_one_sentence(organisation: Organisation) -> None:
    organisation.add("a")
    address = f"tcp://127.0.0.1:{free_port()}"
    command = organisation.command("--engine", "dask", "--scheduler", address)
    done = subprocess.run(command, env=organisation.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(f"keysweep: the scheduler {address} does not answer")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["nonsense", "tcp://a..b:8786", "tcp://:8786", "tcp://h:port"])
def test_what_is_no_address_of_a_scheduler_is_said_at_once(local: Organisation, address: str) -> None:
    command = local.command("--engine", "dask", "--scheduler", address)
    done = subprocess.run(command, env=local.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == f"keysweep: --scheduler {address} is no address: write tcp://HOST:8786, or tls://HOST:8786.\n"
    )


def test_keys_are_verified_where_they_are_read_and_no_secret_crosses_the_wire(
    organisation: Organisation, faults: Faults, tmp_path: Path
) -> None:
    leaked = faults.key(user="deploy")
    organisation.add("app", {"prod.env": env_file(leaked)})
    log = tmp_path / "cluster.log"
    environment = organisation.environment() | {"DASK_LOGGING__DISTRIBUTED": "debug"}
    with cluster(1, environment=environment, log=log) as made, Recorded(made) as recorded:
        report = organisation.sweep(
            "--engine", "dask", "--scheduler", recorded.address, "--verify", "--aws-endpoint", faults.endpoint
        )
    assert report["leaks"]["live"] == 1
    assert leaked.key_id.encode() in recorded.bytes, "what a worker answers passes here"
    assert leaked.secret.encode() not in recorded.bytes
    assert leaked.secret not in log.read_text()


def test_a_scheduler_may_ask_for_certificates(organisation: Organisation, tmp_path: Path) -> None:
    filled(organisation, 2)
    given = str(certificate(tmp_path))
    options = ("--tls-ca-file", given, "--tls-cert", given, "--tls-key", given)
    ours = ("--tls-ca", given, "--tls-cert", given, "--tls-key", given)
    with cluster(1, protocol="tls", options=options, environment=organisation.environment()) as made:
        assert organisation.sweep(*on(made), *ours)["repositories"]["swept"] == 2
        organisation.db.unlink()
        done = subprocess.run(
            organisation.command(*on(made)),
            env=organisation.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode in (2, 3)
    assert re.search(r"--tls", done.stderr)


class Recorded:
    """All that goes between a sweep and the scheduler, kept."""

    def __init__(self, made: Cluster) -> None:
        self._to = made.port
        self.bytes = b""
        self.address = ""

    def __enter__(self) -> Recorded:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

        def copy(source: socket.socket, target: socket.socket) -> None:
            try:
                while piece := source.recv(1 << 16):
                    self.bytes += piece
                    target.sendall(piece)
            except OSError:
                pass
            target.close()

        def serve() -> None:
            while True:
                try:
                    ours, _ = self._server.accept()
                except OSError:
                    return
                theirs = socket.create_connection(("127.0.0.1", self._to))
                for pair in ((ours, theirs), (theirs, ours)):
                    Thread(target=copy, args=pair, daemon=True).start()

        Thread(target=serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.2)
        self._server.close()
