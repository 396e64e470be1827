"""How a host is asked, whichever it is: limits, failures, second tries, and that a token stays where it belongs."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from keysweep.errors import ExitCode, InventoryError, UsageError
from keysweep.sweep.inventory import connection
from tests.certificates import certificate, server_context
from tests.servers import socket_server
from tests.sweep.inventory.host import IMPATIENT, Reply, listing, serving
from tests.sweep.inventory.shapes import github_account, github_repository

ROOT = Path(__file__).parents[3]
ORG, LIST = "/api/v3/users/acme", "/api/v3/orgs/acme/repos"
ACCOUNT = Reply(github_account())
FINE = Reply([github_repository(1, "acme/web")])


@pytest.fixture(autouse=True)
def _with_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)


@pytest.mark.parametrize(
    "limit",
    [
        Reply(
            {"message": "API rate limit exceeded for user ID 1."},
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"},
        ),
        Reply(
            {
                "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            },
            403,
        ),
        Reply({"message": "secondary"}, 403, {"Retry-After": "0"}),
        Reply({"message": "Too many requests"}, 429),
        Reply(b"Retry later\n", 429, {"Content-Type": "text/plain", "RateLimit-Reset": "0"}),
        Reply({}, 503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    ],
    ids=["primary", "secondary", "after", "many", "ietf", "date"],
)
def test_a_limit_of_requests_is_waited_for(limit: Reply) -> None:
    with serving({ORG: ACCOUNT, LIST: [limit, FINE]}) as host:
        assert listing(f"github:{host.base}/acme").names == ["acme/web"]
    assert host.paths == [ORG, LIST, LIST]


def test_a_wait_that_takes_a_while_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 1)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    limit = Reply({}, 429, {"Retry-After": "7"})
    with serving({ORG: ACCOUNT, LIST: [limit, FINE]}) as host:
        told = listing(f"github:{host.base}/acme")
    assert told.waits == [f"{host.base.removeprefix('http://')} limits requests: waiting 7 seconds"]
    assert not told.problems


def test_a_wait_ends_where_nobody_wants_the_list_any_more() -> None:
    answers = iter([True, False])
    limit = Reply({}, 429, {"Retry-After": "9"})
    with serving({ORG: ACCOUNT, LIST: limit}) as host:
        told = listing(f"github:{host.base}/acme", goes_on=lambda: next(answers))
    assert not told.listed
    assert not told.problems
    assert host.paths == [ORG, LIST]


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    limit = Reply({}, 429, {"Retry-After": "86400"})
    with (
        serving({ORG: ACCOUNT, LIST: limit}) as host,
        pytest.raises(InventoryError, match="it wants a wait of 1440 minutes"),
    ):
        listing(f"github:{host.base}/acme")
    assert host.paths == [ORG, LIST]


def test_a_limit_that_is_never_lifted_ends() -> None:
    with (
        serving({ORG: ACCOUNT, LIST: Reply({}, 429)}) as host,
        pytest.raises(InventoryError, match="limit of requests"),
    ):
        listing(f"github:{host.base}/acme")
    assert len(host.asked) == 2 + IMPATIENT.most_limits


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_fails_for_a_moment_is_asked_again(status: int) -> None:
    failing = Reply(b"<html>Unicorn!</html>", status, {"Content-Type": "text/html"})
    with serving({ORG: [failing, ACCOUNT], LIST: [failing, failing, FINE]}) as host:
        assert listing(f"github:{host.base}/acme").names == ["acme/web"]


def test_what_fails_for_ever_is_an_error_that_makes_a_run_incomplete() -> None:
    expected = pytest.raises(InventoryError, match="it failed with status 500, 3 times")
    with serving({ORG: Reply({}, 500)}) as host, expected as raised:
        listing(f"github:{host.base}/acme")
    assert raised.value.exit_code == ExitCode.INCOMPLETE
    assert len(host.asked) == IMPATIENT.tries


def test_an_expired_token_is_named_by_its_variable_and_never_shown(
    token: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    reflected = Reply(
        {"message": f"Bad credentials: {token}"}, 401, {"WWW-Authenticate": f'Bearer error="{token}"'}
    )
    with serving({ORG: reflected}) as host, pytest.raises(InventoryError) as raised:
        listing(f"github:{host.base}/acme")
    assert "the token of GH_ENTERPRISE_TOKEN is wrong or has expired" in str(raised.value)
    assert host.asked[0][1] == f"Bearer {token}"
    everything = f"{raised.value!r} {raised.value.__cause__!r} {caplog.text} {capfd.readouterr()}"
    assert token not in everything


def test_no_token_is_asked_for_by_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    with (
        serving({ORG: Reply({}, 401)}) as host,
        pytest.raises(
            InventoryError, match="it wants a token: set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN"
        ),
    ):
        listing(f"github:{host.base}/acme")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_another_host_gets_no_request_after_a_redirect(status: int) -> None:
    with serving({ORG: ACCOUNT}) as other, serving({}, other.base) as host:
        host.replies[ORG] = Reply({}, status, {"Location": "{other}" + ORG})
        with pytest.raises(InventoryError, match="leads to another host"):
            listing(f"github:{host.base}/acme")
    assert not other.asked


@pytest.mark.parametrize(
    "link",
    [
        "{other}/api/v3/orgs/acme/repos?page=2",
        "{base}@evil.example/api/v3/",
        "{base}.evil.example/api/v3/",
        "{base}/elsewhere?page=2",
        "ftp://x/",
        "file:///etc/passwd",
        "//evil.example/api/v3/",
    ],
)
def test_a_next_page_elsewhere_is_not_asked_for(link: str) -> None:
    with serving({}) as other, serving({ORG: ACCOUNT}, other.base) as host:
        host.replies[LIST] = Reply(FINE.content, headers={"Link": f'<{link}>; rel="next"'})
        with pytest.raises(InventoryError, match="its link to the next page leads to another host"):
            listing(f"github:{host.base}/acme")
    assert not other.asked
    assert host.paths == [ORG, LIST]


def test_a_page_that_leads_to_itself_ends() -> None:
    with serving({ORG: ACCOUNT}) as host:
        host.replies[LIST + "?page=2"] = Reply(
            FINE.content, headers={"Link": f'<{{base}}{LIST}?page=2>; rel="next"'}
        )
        host.replies[LIST] = host.replies[LIST + "?page=2"]
        told = listing(f"github:{host.base}/acme")
    assert told.names == ["acme/web"]
    assert told.problems == [
        "the repositories are listed only in part, because of the host: it leads to the same page again"
    ]


def test_pages_without_end_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_MOST_REQUESTS", 20)
    numbers = count(2)
    with serving({ORG: ACCOUNT}) as host:

        def reply(path: str, authorization: str) -> Reply:
            host.asked.append((path, authorization))
            link = {"Link": f'<{host.base}{LIST}?page={next(numbers)}>; rel="next"'}
            return ACCOUNT if path == ORG else Reply(FINE.content, headers=link)

        host.reply = reply  # type: ignore[method-assign]
        told = listing(f"github:{host.base}/acme")
    assert told.names == ["acme/web"]
    assert told.problems == [
        "the repositories are listed only in part, because of the host: its list is longer than 20 pages"
    ]


def test_empty_pages_that_lead_on_end() -> None:
    with (
        serving({ORG: ACCOUNT, LIST: Reply([], headers={"Link": f'<{{base}}{LIST}?page=2>; rel="next"'})}) as host,
        pytest.raises(InventoryError, match="empty pages"),
    ):
        listing(f"github:{host.base}/acme")


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"x" * 2000, {}, "its answer is larger than"),
        (gzip.compress(b"[" * 100_000), {"Content-Encoding": "gzip"}, "its answer is larger than"),
        (b"<html>", {"Content-Type": "text/html"}, "its answer is not JSON"),
        (b"[" * 900, {}, "its answer is not JSON"),
        (b"", {}, "its answer is not JSON"),
        (b"\xff\xfe", {}, "its answer is not JSON"),
        (b'{"message": "fine"}', {}, "the answer holds no list"),
        (b"null", {}, "the answer holds no list"),
        (b"\x1f\x8b broken", {"Content-Encoding": "gzip"}, "it cannot be reached, or breaks off"),
    ],
)
def test_an_answer_that_is_none_is_an_error(
    monkeypatch: pytest.MonkeyPatch, body: bytes, headers: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(connection, "_MOST_BYTES", 1999)
    with (
        serving({ORG: Reply({"type": "Organization"}), LIST: Reply(body, headers=headers)}) as host,
        pytest.raises(InventoryError, match=said),
    ):
        listing(f"github:{host.base}/acme")


def test_a_host_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InventoryError, match="it cannot be reached"):
        listing(f"github:http://127.0.0.1:{port}/acme")


def test_a_host_without_a_valid_certificate_is_sent_nothing(token: str) -> None:
    heard: list[bytes] = []

    def plain(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with socket_server(plain) as address, pytest.raises(InventoryError, match="certificate"):
        listing(f"github:https://{address.removeprefix('git://')}/acme")
    assert heard
    assert token.encode() not in b"".join(heard)


def test_a_certificate_of_ones_own_is_trusted_only_where_the_user_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = certificate(tmp_path)
    with serving({ORG: ACCOUNT, LIST: FINE}, tls=server_context(own)) as host:
        with pytest.raises(InventoryError, match="certificate"):
            listing(f"github:{host.base}/acme")
        assert not host.asked
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
        assert listing(f"github:{host.base}/acme").names == ["acme/web"]


def test_a_token_is_not_sent_unencrypted_over_the_network() -> None:
    with pytest.raises(UsageError, match=r"GH_ENTERPRISE_TOKEN would be sent to ghe\.example\.com unencrypted"):
        listing("github:http://ghe.example.com/acme")


def test_a_password_in_a_netrc_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("GH_ENTERPRISE_TOKEN")
    with serving({ORG: ACCOUNT, LIST: FINE}) as host:
        listing(f"github:{host.base}/acme")
    assert {authorization for _, authorization in host.asked} == {""}


HOSTILE: list[Callable[[dict[str, object]], object]] = [
    lambda row: row.update(clone_url="{other}/acme/web.git"),
    lambda row: row.update(clone_url="{base}@evil.example/acme/web.git"),
    lambda row: row.update(clone_url="https://evil.example/acme/web.git"),
    lambda row: row.update(clone_url="ext::sh -c 'touch /tmp/x'"),
    lambda row: row.update(clone_url="file:///etc"),
    lambda row: row.update(clone_url="--upload-pack=evil"),
    lambda row: row.update(clone_url="{base}/acme/web.git\n--config=x"),
    lambda row: row.update(clone_url="http://me:word@127.0.0.1/acme/web.git"),
    lambda row: row.update(clone_url=None),
    lambda row: row.update(clone_url=["x"]),
    lambda row: row.update(id="1; drop"),
    lambda row: row.update(id=True),
    lambda row: row.update(id=-1),
    lambda row: row.update(full_name="x" * 5000),
    lambda row: row.pop("full_name"),
]


@pytest.mark.parametrize("spoil", HOSTILE, ids=map(str, range(len(HOSTILE))))
def test_a_repository_that_cannot_be_meant_is_left_out_and_told(
    spoil: Callable[[dict[str, object]], object],
) -> None:
    row = github_repository(1, "acme/bad")
    spoil(row)
    with serving(
        {ORG: ACCOUNT, LIST: Reply([row, github_repository(2, "acme/good")])}, "http://127.0.0.2:1"
    ) as host:
        told = listing(f"github:{host.base}/acme")
    assert told.names == ["acme/good"]
    assert len(told.problems) == 1
    assert told.problems[0].startswith("the repositories: a repository was listed with")
    json.dumps(told.problems)


def test_a_repository_that_is_listed_twice_is_one() -> None:
    with serving({ORG: ACCOUNT, LIST: Reply([*FINE.content, github_repository(1, "acme/renamed")])}) as host:
        assert listing(f"github:{host.base}/acme").names == ["acme/web"]


@pytest.mark.parametrize(
    ("kind", "library", "package"),
    [
        ("github", "github", "PyGithub"),
        ("gitlab", "gitlab", "python-gitlab"),
        ("bitbucket", "requests", "requests"),
        ("azure", "requests", "requests"),
    ],
)
def test_a_library_that_is_missing_is_named_with_how_to_get_it(kind: str, library: str, package: str) -> None:
    script = (
        "import sys\n"
        "sys.modules[sys.argv[1]] = None\n"
        "from keysweep.errors import UsageError\n"
        "from tests.sweep.inventory.host import listing\n"
        "try:\n"
        "    listing(sys.argv[2])\n"
        "except UsageError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", script, library, f"{kind}:acme"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, cwd=ROOT)
    assert done.stdout == (
        f"listing {kind} needs {package}, which is not installed: run `pip install 'keysweep[sweep]'`.\n"
    )
