"""`keysweep scan --history ADDRESS`: cloned whole and hardened, and nothing is left of it afterwards."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_scan import document, keysweep
from tests.emulators.wire import Answer, serve
from tests.repositories import Repository, environment
from tests.servers import http_server, socket_server

RNG = random.Random(61)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
WAIT_SECONDS = 60


@pytest.fixture
def served(tmp_path: Path) -> Repository:
    """A repository in a directory that servers serve, with a key in a ref that no clone fetches by itself."""
    repository = Repository(tmp_path / "served" / "r")
    repository.stage("a.txt", "clean\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "proposed")
    repository.stage("conf/key.ini", PAIR)
    repository.commit("propose it")
    repository.git("update-ref", "refs/pull/7/head", "proposed")
    repository.git("checkout", "-q", "main")
    repository.git("branch", "-q", "-D", "proposed")
    return repository


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where temporary files go."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    return directory


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where keysweep is started: no repository."""
    directory = tmp_path / "here"
    directory.mkdir()
    return directory


def user_config(tmp_path: Path, text: str) -> dict[str, str]:
    """The variables for a user with this configuration of git."""
    path = tmp_path / "gitconfig"
    path.write_text(text)
    return {"GIT_CONFIG_GLOBAL": os.fspath(path)}


def trap(tmp_path: Path) -> tuple[Path, Path]:
    """A program that must not run, and the file that is there if it did."""
    marker, program = tmp_path / "marker", tmp_path / "trap"
    program.write_text(f"#!/bin/sh\necho run >> {marker}\nexit 1\n")
    program.chmod(0o755)
    return program, marker


def test_all_that_a_server_offers_is_scanned_and_nothing_is_left(
    served: Repository, temporary: Path, here: Path
) -> None:
    with http_server(served.path.parent) as address:
        done = keysweep(here, "scan", "--history", f"{address}/r", TMPDIR=os.fspath(temporary))
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"{ID}" in done.stdout
    assert "conf/key.ini" in done.stdout
    assert "still in pull/7/head" in done.stdout.replace("\n      ", " ")
    assert "7 objects: all scanned." in done.stdout
    assert list(temporary.iterdir()) == []
    assert list(here.iterdir()) == []


def test_the_json_of_a_clone_says_what_became_of_its_objects(served: Repository, here: Path) -> None:
    with http_server(served.path.parent) as address:
        loaded = document(keysweep(here, "scan", "--history", "--format", "json", f"{address}/r"))
    assert loaded["objects"] == {"listed": 7, "scanned": 7, "skipped": 0, "earlier": 0}
    assert loaded["complete"] is True


def test_an_empty_repository_elsewhere_is_clean(tmp_path: Path, here: Path) -> None:
    Repository(tmp_path / "served" / "r")
    with http_server(tmp_path / "served") as address:
        done = keysweep(here, "scan", "--history", f"{address}/r")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 objects: all scanned." in done.stdout


def test_a_page_in_the_place_of_a_repository_is_not_an_empty_repository(here: Path) -> None:
    page = Answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
    with serve(lambda _: page) as address:
        done = keysweep(here, "scan", "--history", f"{address}/r")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"{address}/r answers with something that is no repository: check the address." in done.stderr


def test_the_users_credential_helper_answers_and_its_password_is_nowhere(
    served: Repository, tmp_path: Path, here: Path
) -> None:
    helper = '[credential]\n\thelper = "!f() { echo username=me; echo password=open-sesame; }; f"\n'
    with http_server(served.path.parent, login="me:open-sesame") as address:
        refused = keysweep(here, "scan", "--history", f"{address}/r")
        done = keysweep(here, "scan", "--history", f"{address}/r", stdin=b"", **user_config(tmp_path, helper))
    assert refused.returncode == 2
    assert "could not read Username" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert done.returncode == 1
    assert "sesame" not in done.stdout + done.stderr


def test_the_users_way_to_start_ssh_is_taken(served: Repository, tmp_path: Path, here: Path) -> None:
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    variables = user_config(tmp_path, f"[core]\n\tsshCommand = {program}\n[ssh]\n\tvariant = simple\n")
    for address in (f"git@example.net:{served.path}", f"ssh://git@example.net{served.path}"):
        assert keysweep(here, "scan", "--history", address, stdin=b"", **variables).returncode == 1


def test_addresses_that_the_users_configuration_rewrites_are_followed(
    served: Repository, tmp_path: Path, here: Path
) -> None:
    with http_server(served.path.parent) as address:
        text = f'[url "{address}/"]\n\tinsteadOf = git://forge.example/\n'
        done = keysweep(
            here, "scan", "--history", "git://forge.example/r", stdin=b"", **user_config(tmp_path, text)
        )
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ext::sh -c date", "blanks or control characters"),
        ("ext::date", "ext addresses are not cloned"),
        ("ext://date", "ext addresses are not cloned"),
        ("fd::17", "fd addresses are not cloned"),
        ("ftp://example.net/r", "ftp addresses are not cloned"),
        ("--upload-pack=date", "is no directory"),
        ("--upload-pack=date:r", "names no host"),
        ("-oProxyCommand=date:r", "names no host"),
        ("ssh://-oProxyCommand=date/r", "names no host"),
        ("ssh://git@-oProxyCommand=date/r", "names no host"),
        ("https:///r", "names no host"),
        ("https://me:sesame/sesame@example.net/r", "names no host"),
        ("https://example.net/\x1b[31mr", "blanks or control characters"),
        ("file:///nowhere/at/all", "is no directory"),
        ("file://example.net/r", "file addresses are not cloned"),
    ],
)
def test_what_is_no_address_to_clone_is_refused_in_one_sentence(
    here: Path, temporary: Path, address: str, words: str
) -> None:
    done = keysweep(here, "scan", "--history", "--", address, TMPDIR=os.fspath(temporary))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    "address",
    [
        "https://me:open-sesame@example.net/r",
        "https://open-sesame@example.net/r",
        "HTTPS://open-sesame@example.net/r",
        "http://example.net/r?token=open-sesame",
        "ssh://git:open-sesame@example.net/r",
        "git://open-sesame@example.net/r",
        "git:open-sesame@example.net:r",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(here: Path, address: str) -> None:
    done = keysweep(here, "scan", "--history", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert "credential helper" in done.stderr
    assert "sesame" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_not_there_or_may_not_be_read_is_wrong_usage(tmp_path: Path, here: Path, temporary: Path) -> None:
    (tmp_path / "served").mkdir()
    for status in (0, 403, 404):
        with http_server(tmp_path / "served", status=status) as address:
            done = keysweep(here, "scan", "--history", f"{address}/none", TMPDIR=os.fspath(temporary))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{address}/none could not be cloned (" in done.stderr
        assert "check the address, and that you may read it" in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(temporary.iterdir()) == []


def test_a_server_that_fails_leaves_the_scan_incomplete(here: Path, tmp_path: Path) -> None:
    with http_server(tmp_path, status=500) as address:
        broken = keysweep(here, "scan", "--history", f"{address}/r")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        silent = keysweep(here, "scan", "--history", f"git://127.0.0.1:{deaf.getsockname()[1]}/r")
    for done in (broken, silent):
        assert (done.returncode, done.stdout) == (3, "")
        assert "could not be cloned" in done.stderr
        assert done.stderr.count("\n") == 1


def test_what_a_server_says_reaches_the_terminal_without_its_escapes(here: Path) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(4096)
        said = b"ERR \x1b]0;title\x07 no \xff\xfe https://me:open-sesame@example.net/r"
        connection.sendall(b"%04x%s" % (len(said) + 4, said))

    with socket_server(refuse) as address:
        done = keysweep(here, "scan", "--history", f"{address}/r")
    assert done.returncode == 3
    assert "remote error" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not {"\x1b", "\x07"} & set(done.stderr)
    assert "sesame" not in done.stderr


def test_a_redirect_is_followed_to_another_host_and_to_no_other_protocol(
    served: Repository, tmp_path: Path, here: Path
) -> None:
    program, marker = trap(tmp_path)
    with http_server(served.path.parent) as target:
        leads = {"/there": target, "/file": f"file://{served.path.parent}", "/ext": f"ext::{program} "}
        with http_server(tmp_path, redirects=leads) as address:
            assert keysweep(here, "scan", "--history", f"{address}/there/r").returncode == 1
            for other in ("file", "ext"):
                done = keysweep(here, "scan", "--history", f"{address}/{other}/r")
                assert (done.returncode, done.stdout) == (3, "")
                assert "could not be cloned" in done.stderr
    assert not marker.exists()


def test_neither_hooks_nor_the_repository_one_stands_in_have_a_say(served: Repository, tmp_path: Path) -> None:
    program, marker = trap(tmp_path)
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(program.read_text())
        (hooks / name).chmod(0o755)
    config = f"[init]\n\ttemplateDir = {hooks.parent}\n[core]\n\thooksPath = {hooks}\n"
    variables = user_config(tmp_path, config)
    around = Repository(tmp_path / "around")
    around.write("keysweep.toml", 'exclude = ["conf/"]\n')
    for key in ("core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.askPass", "credential.helper"):
        around.git("config", key, os.fspath(program))
    around.git("config", f"url.ext::{program} .insteadOf", "http://")
    around.git("config", "protocol.ext.allow", "always")
    with http_server(served.path.parent) as address:
        done = keysweep(around.path, "scan", "--history", f"{address}/r", stdin=b"", **variables)
        named = keysweep(around.path, "scan", "--history", "--config", "keysweep.toml", f"{address}/r")
    assert done.returncode == 1
    assert "suppressed" not in done.stdout
    assert "1 suppressed by configuration" in named.stdout
    assert not marker.exists()


def test_variables_that_point_git_elsewhere_do_not_change_what_is_scanned(
    served: Repository, tmp_path: Path, here: Path
) -> None:
    """As git sets them for its hooks."""
    other = Repository(tmp_path / "other")
    other.stage("a.txt", "clean\n")
    other.commit()
    variables = {
        "GIT_DIR": os.fspath(other.path / ".git"),
        "GIT_WORK_TREE": os.fspath(other.path),
        "GIT_OBJECT_DIRECTORY": os.fspath(other.path / ".git/objects"),
        "GIT_INDEX_FILE": os.fspath(other.path / ".git/index"),
        "GIT_TRACE": "1",
    }
    with http_server(served.path.parent) as address:
        done = keysweep(here, "scan", "--history", f"{address}/r", stdin=b"", **variables)
    assert (done.returncode, done.stderr) == (1, "")
    assert keysweep(here, "scan", "--history", os.fspath(served.path), stdin=b"", **variables).returncode == 1
    assert keysweep(here, "scan", "--history", "--no-config", stdin=b"", **variables).returncode == 0


def test_an_address_of_this_machine_is_read_where_it_is(served: Repository, here: Path, temporary: Path) -> None:
    """Serving it would run git under that repository's configuration, and leave out what no ref reaches."""
    served.git("update-ref", "-d", "refs/pull/7/head")
    done = keysweep(here, "scan", "--history", f"file://{served.path}", TMPDIR=os.fspath(temporary / "none"))
    assert done.returncode == 1


class Cloning:
    """A scan that waits for a server which never answers."""

    def __init__(self, address: str, here: Path, temporary: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "keysweep", "scan", "--history", f"{address}/r"],
            cwd=here,
            env=environment() | {"TMPDIR": os.fspath(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def end(self) -> tuple[int, bytes, bytes]:
        out, err = self.process.communicate(timeout=WAIT_SECONDS)
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("whole_group", [True, False])
def test_an_interrupt_while_cloning_is_incomplete_and_leaves_nothing(
    here: Path, temporary: Path, number: signal.Signals, whole_group: bool
) -> None:
    asked = Event()

    def wait(connection: socket.socket) -> None:
        connection.recv(4096)
        asked.set()
        connection.recv(4096)

    with socket_server(wait) as address:
        cloning = Cloning(address, here, temporary)
        assert asked.wait(WAIT_SECONDS)
        (private,) = temporary.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        (os.killpg if whole_group else os.kill)(cloning.process.pid, number)
        code, out, err = cloning.end()
    assert (code, out) == (3, b"")
    assert err.strip() == b"keysweep: interrupted before everything was scanned."
    assert list(temporary.iterdir()) == []


def _is_cloned(pid: int, temporary: Path) -> bool:
    """Whether its refs are there, which come last, and no git works on it any more."""
    is_there = any(temporary.glob("*/mirror.git/packed-refs"))
    return is_there and not Path(f"/proc/{pid}/task/{pid}/children").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_clone_is_scanned_reports_what_was_found_and_leaves_nothing(
    served: Repository, temporary: Path, here: Path, number: signal.Signals
) -> None:
    served.stage("stuck.txt", "q" * 4000)
    served.commit()
    (here / "slow.toml").write_text('[[rules]]\nname = "slow"\npattern = "(?:q|q|qq)+!"\ntimeout-ms = 600000\n')
    command = [sys.executable, "-m", "keysweep", "scan", "--config", "slow.toml", "--history"]
    with http_server(served.path.parent) as address:
        process = subprocess.Popen(
            [*command, f"{address}/r"],
            cwd=here,
            env=environment() | {"TMPDIR": os.fspath(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        give_up = time.monotonic() + WAIT_SECONDS
        while not _is_cloned(process.pid, temporary):
            assert time.monotonic() < give_up
            time.sleep(0.02)
        time.sleep(1)  # from there to the object in which it gets stuck
        (private,) = temporary.iterdir()
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode in (1, 3)
    assert b"interrupted before everything was scanned" in out
    assert err == b""
    assert not private.exists()


def test_a_disk_that_fills_up_is_said_and_leaves_nothing(served: Repository, here: Path, tmp_path: Path) -> None:
    served.stage("large.bin", RNG.randbytes(4 << 20))
    served.commit()
    small = tmp_path / "small"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {small}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    with http_server(served.path.parent) as address:
        command = f"{mount} && {sys.executable} -m keysweep scan --history {address}/r; code=$?; ls -A {small}; exit $code"
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", command],
            cwd=here,
            env=environment() | {"TMPDIR": os.fspath(small)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert "the disk that temporary files go to is full" in done.stderr
    assert done.stderr.count("\n") == 1


def test_gitpython_is_loaded_for_a_clone_only(served: Repository, here: Path) -> None:
    def loads_it(*arguments: str) -> bool:
        command = [sys.executable, "-X", "importtime", "-m", "keysweep", "scan", "--history", *arguments]
        done = subprocess.run(command, cwd=here, env=environment(), capture_output=True, check=False)
        return b" git.cmd\n" in done.stderr

    with http_server(served.path.parent) as address:
        assert loads_it(f"{address}/r")
    assert not loads_it(os.fspath(served.path))
