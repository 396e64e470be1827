"""`keysweep serve` as users start it: on loopback with a token, for others with a password, and near AWS only if told."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from keysweep.store.opening import opened
from keysweep.store.schema import decisions, leaks
from tests.certificates import certificate
from tests.cli.containing import HERE, Operator, administrator, leak
from tests.emulators.accounts import Account
from tests.emulators.ministack import Ministack
from tests.repositories import environment
from tests.web.serving import Served

PASSWORD = "correct horse battery"
OPEN = ("--host", "0.0.0.0", "--public-url", "https://keys.example.net")


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The address of a store that is there, with nothing in it."""
    with opened(os.fspath(tmp_path / "store.db")) as made:
        return made.where


@contextmanager
def started(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves, and the address that it printed; ended as by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keysweep", "serve", "--port", "0", *arguments],
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()


def refused(*arguments: str, **more: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "serve", *arguments],
        env=environment() | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_it_prints_an_address_that_signs_in_and_ends_by_ctrl_c(store: str) -> None:
    with started("--db", store, "--user", "grace") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
        answer = requests.get(address, timeout=20)
        assert (answer.status_code, "grace" in answer.text) == (200, True)
        assert requests.get(address, timeout=20).status_code == 401
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    token = address.partition("token=")[2]
    assert token not in errors
    assert errors.splitlines() == [
        f"keysweep: a dashboard of {store}; this address signs in once. End it with Ctrl-C.",
        "keysweep: the dashboard has ended.",
    ]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_system_that_ends_it_is_heard_as_ctrl_c_is(store: str, ending: signal.Signals) -> None:
    with started("--db", store) as (process, address):
        assert requests.get(address, timeout=20).status_code == 200
        process.send_signal(ending)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors.splitlines()[-1] == "keysweep: the dashboard has ended."


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.2", "127.0.0.2"), ("::1", "[::1]"), ("localhost", "localhost")]
)
def test_the_address_that_it_prints_is_where_it_listens(store: str, host: str, shown: str) -> None:
    with started("--db", store, "--host", host) as (_, address):
        assert address.startswith(f"http://{shown}:")
        assert requests.get(address, timeout=20).status_code == 200


def test_it_listens_on_loopback_only(store: str) -> None:
    with started("--db", store) as (process, _):
        listening = subprocess.run(
            ["cat", f"/proc/{process.pid}/net/tcp"], capture_output=True, encoding="ascii", check=False
        )
        inode = {os.readlink(each) for each in Path(f"/proc/{process.pid}/fd").iterdir() if each.is_symlink()}
        mine = [line.split() for line in listening.stdout.splitlines() if f"socket:[{line.split()[9]}]" in inode]
    assert {line[1].partition(":")[0] for line in mine if line[3] == "0A"} == {"0100007F"}


def test_a_port_that_is_taken_is_a_sentence(store: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = refused("--db", store, "--port", port)
    assert code == 2
    assert f"port {port} of 127.0.0.1 cannot be listened on" in said


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    code, said = refused("--db", os.fspath(path))
    assert (code, "there is no store at" in said, path.exists()) == (3, True, False)


@pytest.mark.parametrize(
    ("arguments", "more", "why"),
    [
        (("--host", "0.0.0.0"), {}, "give a password"),
        (("--behind-proxy",), {}, "give a password"),
        (OPEN, {"KEYSWEEP_PASSWORD": "short"}, "too short"),
        (OPEN, {"KEYSWEEP_PASSWORD": PASSWORD}, "not sent in the clear"),
        ((*OPEN, "--behind-proxy", "--tls-cert", "c", "--tls-key", "k"), {"KEYSWEEP_PASSWORD": PASSWORD}, "either"),
        (("--behind-proxy",), {"KEYSWEEP_PASSWORD": PASSWORD}, "--public-url"),
        (("--behind-proxy", "--public-url", "http://a.example"), {"KEYSWEEP_PASSWORD": PASSWORD}, "https://"),
        (("--behind-proxy", "--public-url", "https://a.example/x"), {"KEYSWEEP_PASSWORD": PASSWORD}, "without a path"),
        *((("--behind-proxy", "--public-url", f"https://{name}"), {"KEYSWEEP_PASSWORD": PASSWORD}, "xn--")
          for name in ("schlüssel.example", "a b", "*", "a.example#x")),
        (("--public-url", "https://a.example"), {}, "goes with"),
        (("--tls-cert", "c"), {}, "give both"),
        (("--allow-account", "111122223333"), {}, "--allow-plan"),
        (("--password-file", "/nowhere/at/all"), {}, "cannot be read"),
        ((*OPEN, "--tls-cert", "/x", "--tls-key", "/y"), {"KEYSWEEP_PASSWORD": PASSWORD}, "cannot be used"),
        (("--host", "256.1.1.1", "--behind-proxy", "--public-url", "https://a.example"),
         {"KEYSWEEP_PASSWORD": PASSWORD}, "no address"),
    ],
)  # fmt: skip
def test_what_would_let_somebody_in_is_refused(
    store: str, arguments: tuple[str, ...], more: dict[str, str], why: str
) -> None:
    code, said = refused("--db", store, "--port", "0", *arguments, **more)
    assert code == 2
    assert why in said
    assert PASSWORD not in said


def test_a_password_that_others_can_read_is_no_password(store: str, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    code, said = refused("--db", store, *OPEN, "--behind-proxy", "--password-file", os.fspath(path))
    assert (code, "others can read" in said) == (2, True)


def test_behind_a_proxy_only_its_name_is_answered_and_the_cookie_is_for_tls(store: str, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    port = free_port()
    options = ("--behind-proxy", "--public-url", "https://keys.example.net", "--password-file", os.fspath(path))
    with started("--db", store, *options, "--port", str(port)) as (_, address):
        assert address == "https://keys.example.net/"
        base = f"http://127.0.0.1:{port}"
        assert requests.get(base, timeout=20).status_code == 421
        headers = {"Host": "keys.example.net", "Origin": "https://keys.example.net"}
        answer = requests.post(
            f"{base}/sign-in",
            data={"name": "ada", "password": PASSWORD},
            headers=headers,
            allow_redirects=False,
            timeout=20,
        )
        assert re.fullmatch(
            r"__Host-keysweep=[\w-]{43}; HttpOnly; Path=/; SameSite=strict; Secure", answer.headers["set-cookie"]
        )
        assert answer.headers["strict-transport-security"]
        assert requests.get(base, headers={**headers, "X-Forwarded-Host": "x"}, timeout=20).status_code == 401


def test_it_speaks_tls_itself(store: str, tmp_path: Path) -> None:
    both = os.fspath(certificate(tmp_path))
    port = free_port()
    env = environment() | {"KEYSWEEP_PASSWORD": PASSWORD}
    options = ("--host", "127.0.0.1", "--tls-cert", both, "--tls-key", both, "--port", str(port))
    with started("--db", store, *options, env=env) as (_, address):
        assert address == f"https://127.0.0.1:{port}/"
        answer = requests.get(address, verify=both, timeout=20)
        assert answer.status_code == 401
        assert "Password of this dashboard" in answer.text
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def operator(ministack: Ministack, account: Account, tmp_path: Path) -> Operator:
    """An administrator of the account, who needs no role."""
    return administrator(account, tmp_path / "operator", ministack)


@contextmanager
def serving(operator: Operator, ministack: Ministack, db: str, *arguments: str) -> Iterator[Served]:
    options = ("--db", db, "--user", "ada", *arguments)
    with started(*options, env=operator.environment) as (_, address):
        served = Served(address.partition("/?")[0], None)  # type: ignore[arg-type]
        assert served.client.get(address).status_code == 200
        yield served


def test_a_key_is_contained_from_its_page_only_where_that_is_enabled_and_typed(
    ministack: Ministack, operator: Operator, account: Account, tmp_path: Path
) -> None:
    key = account.user("ci")
    leak(tmp_path / "mirrors" / "app", key)
    db = os.fspath(tmp_path / "store.db")
    done = operator.runs_offline("sweep", os.fspath(tmp_path / "mirrors"), "--db", db)
    assert done.returncode == 1, done.stderr
    with opened(db) as store, store.reading() as connection:
        fingerprint = connection.scalar(select(leaks.c.fingerprint).where(leaks.c.key_id == key.key_id))
    path = f"/leaks/{fingerprint}"
    allowed = ("--allow-account", HERE, "--aws-endpoint", ministack.endpoint)

    with serving(operator, ministack, db) as served:
        page = served.get(f"{path}/contain").text
        assert f"keysweep contain {key.key_id} --allow-account {HERE}" in page
        assert "Make the plan" not in page
        assert served.post(f"{path}/plan").status_code == 422
        assert served.post(f"{path}/contain", typed=key.key_id).status_code == 422
    with serving(operator, ministack, db, "--allow-plan", *allowed) as served:
        page = served.post(f"{path}/plan").text
        assert "WOULD" in page.upper()
        assert "Type the key ID" not in page
        assert served.post(f"{path}/contain", typed=key.key_id).status_code == 422
    assert (account.status("ci", key), operator.journal()) == ("Active", [])

    with serving(operator, ministack, db, "--allow-contain", *allowed) as served:
        assert "Type the key ID" in served.post(f"{path}/plan").text
        for typed in ("", key.key_id[:-1], key.key_id.lower()):
            assert served.post(f"{path}/contain", typed=typed).status_code == 422
        assert account.status("ci", key) == "Active"
        page = served.post(f"{path}/contain", typed=f" {key.key_id} ").text
        assert "What was done" in page
        assert key.secret not in page
        assert account.status("ci", key) == "Inactive"
        shown = served.get(path).text
        assert "Switched off" in shown
        assert "keysweep undo" in shown
    run = operator.journal()[0]["run"]
    with opened(db) as store, store.reading() as connection:
        row = connection.execute(select(leaks).where(leaks.c.fingerprint == fingerprint)).one()
        (note,) = connection.execute(select(decisions)).all()
    assert row.standing == "switched-off"
    assert row.contained is not None
    assert (note.by, note.note) == ("ada", f"Contained from the dashboard, run {run}.")


class Held:
    """Leads to AWS, but only once somebody lets it: a containment stays where a test wants it."""

    def __init__(self, endpoint: str) -> None:
        self._there = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.is_asked, self.may_go = threading.Event(), threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end of the test
            while True:
                here, _ = self._listener.accept()
                threading.Thread(target=self._lead, args=(here,), daemon=True).start()

    def _lead(self, here: socket.socket) -> None:
        self.is_asked.set()
        self.may_go.wait(60)
        there = socket.create_connection(self._there)
        threading.Thread(target=_pumped, args=(here, there), daemon=True).start()
        _pumped(there, here)

    def close(self) -> None:
        self._listener.close()


def _pumped(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while content := one.recv(65536):
            other.sendall(content)
        other.shutdown(socket.SHUT_WR)


def test_a_containment_that_was_begun_is_ended_and_noted_when_the_system_ends_the_dashboard(
    ministack: Ministack, operator: Operator, account: Account, tmp_path: Path
) -> None:
    key = account.user("ci")
    leak(tmp_path / "mirrors" / "app", key)
    db = os.fspath(tmp_path / "store.db")
    operator.runs_offline("sweep", os.fspath(tmp_path / "mirrors"), "--db", db)
    held = Held(ministack.endpoint)
    options = ("--db", db, "--user", "ada", "--allow-contain", "--allow-account", HERE)
    with started(*options, "--aws-endpoint", held.endpoint, env=operator.environment) as (process, address):
        served = Served(address.partition("/?")[0], None)  # type: ignore[arg-type]
        path = re.findall(r"/leaks/[0-9a-f]{32}", served.client.get(address).text)[0]
        form = {"form_token": served.form_token, "typed": key.key_id}
        asking = threading.Thread(target=_asked, args=(served, f"{path}/contain", form))
        asking.start()
        assert held.is_asked.wait(60)
        process.send_signal(signal.SIGTERM)
        asking.join(60)  # the dashboard answers nobody any more
        held.may_go.set()
        process.communicate(timeout=60)
    held.close()
    assert (process.returncode, account.status("ci", key)) == (0, "Inactive")
    with opened(db) as store, store.reading() as connection:
        (standing,) = connection.scalars(select(leaks.c.standing))
        (note,) = connection.execute(select(decisions)).all()
    assert (standing, note.by, "Contained from the dashboard" in note.note) == ("switched-off", "ada", True)


def _asked(served: Served, path: str, form: dict[str, str]) -> None:
    with suppress(requests.ConnectionError):
        served.client.post(served.base + path, data=form)
