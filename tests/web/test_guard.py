"""Nobody gets at the store without having signed in, and no other page can use somebody who has."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator

import pytest
import requests
from sqlalchemy import select

from keysweep.store.opening import Store
from keysweep.store.schema import decisions, leaks
from keysweep.web.sessions import OneTimeToken, Password, Sessions
from tests.web.serving import Served, serving

PAGES = ("/", "/leaks", "/repositories", "/repositories/1", "/runs", "/trends", "/leaks/abc", "/runs/x/progress")


@pytest.fixture
def stranger(filled: Store) -> Iterator[Served]:
    with serving(filled) as served:
        yield served


def fingerprint(store: Store) -> str:
    with store.reading() as connection:
        return str(connection.scalar(select(leaks.c.fingerprint).order_by(leaks.c.id).limit(1)))


def decided(store: Store) -> int:
    with store.reading() as connection:
        return len(connection.execute(select(decisions)).all())


def raw(served: Served, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(served.base.rpartition(":")[2]))
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body.encode() or None)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_sees_no_page(stranger: Served, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 401
    assert "AKIA" not in answer.text
    assert "team-" not in answer.text
    assert "Sign in" in answer.text


def test_a_token_signs_in_once_and_is_gone_from_the_address(stranger: Served) -> None:
    assert isinstance(stranger.entrance, OneTimeToken)
    address = f"{stranger.base}/?token={stranger.entrance.text}"
    first = stranger.client.get(address)
    assert (first.status_code, first.url) == (200, f"{stranger.base}/")
    again = requests.get(address, timeout=20)
    assert again.status_code == 401
    assert "it signs in once" in again.text


def test_the_address_leads_whoever_is_signed_in_by_it_to_the_overview_again(stranger: Served) -> None:
    assert isinstance(stranger.entrance, OneTimeToken)
    stranger.sign_in()
    again = stranger.get(f"/?token={stranger.entrance.text}")
    assert (again.status_code, again.url) == (200, f"{stranger.base}/")
    link = requests.get(
        f"{stranger.base}/?token={stranger.entrance.text}", headers={"Sec-Fetch-Site": "cross-site"}, timeout=20
    )
    assert 'content="0; url=/"' in link.text


def test_another_token_signs_nobody_in_and_uses_nothing_up(stranger: Served) -> None:
    for wrong in ("", "x", "é", "a" * 5000):
        assert requests.get(f"{stranger.base}/", params={"token": wrong}, timeout=20).status_code == 401
    stranger.sign_in()


def test_a_cookie_is_hidden_from_scripts_and_other_sites(stranger: Served) -> None:
    assert isinstance(stranger.entrance, OneTimeToken)
    answer = requests.get(f"{stranger.base}/?token={stranger.entrance.text}", allow_redirects=False, timeout=20)
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"keysweep-\d+=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", None])
def test_another_name_that_leads_here_is_refused(stranger: Served, host: str | None) -> None:
    stranger.sign_in()
    cookie = "; ".join(f"{name}={value}" for name, value in stranger.client.cookies.items())
    port = stranger.base.rpartition(":")[2]
    headers = {} if host is None else {"Host": host.format(port=port)}
    assert raw(stranger, "GET", "/leaks", {**headers, "Cookie": cookie}) in {400, 421}
    assert raw(stranger, "GET", "/leaks", {"Host": f"127.0.0.1:{port}", "Cookie": cookie}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_a_form_of_another_site_changes_nothing(dashboard: Served, filled: Store, headers: dict[str, str]) -> None:
    path = f"/leaks/{fingerprint(filled)}"
    assert dashboard.post(path, headers, status="real").status_code == 403
    assert decided(filled) == 0


@pytest.mark.parametrize("token", ["", "wrong", "é" * 43])
def test_a_form_without_the_token_of_its_session_changes_nothing(
    dashboard: Served, filled: Store, token: str
) -> None:
    answer = dashboard.post(f"/leaks/{fingerprint(filled)}", status="real", form_token=token)
    assert answer.status_code == 403
    assert decided(filled) == 0


def test_a_form_of_another_session_changes_nothing(filled: Store) -> None:
    with serving(filled, entrance=Password("a long password")) as served:
        tokens = []
        for name in ("ada", "bob"):
            other = Served(served.base, served.entrance)
            other.client.post(f"{served.base}/sign-in", data={"name": name, "password": "a long password"})
            tokens.append((other, other.form_token))
        assert tokens[0][1] != tokens[1][1]
        answer = tokens[0][0].post(f"/leaks/{fingerprint(filled)}", status="real", form_token=tokens[1][1])
        assert answer.status_code == 403
    assert decided(filled) == 0


def test_only_small_forms_are_read(dashboard: Served, filled: Store) -> None:
    path = f"/leaks/{fingerprint(filled)}"
    token = dashboard.form_token
    url = dashboard.base + path
    assert dashboard.post(path, note="x" * 70_000).status_code == 413
    assert dashboard.client.post(url, json={"form_token": token}).status_code == 415
    assert dashboard.client.post(url, files={"form_token": ("", token)}).status_code == 415
    assert dashboard.client.put(url).status_code == 405
    many = "&".join(f"a{number}=1" for number in range(5000)) + f"&form_token={token}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert dashboard.client.post(url, data=many, headers=kind).status_code == 403
    assert decided(filled) == 0


def test_a_form_whose_length_nobody_knows_is_not_read(stranger: Served) -> None:
    headers = {
        "Host": stranger.base.partition("//")[2],
        "Content-Type": "application/x-www-form-urlencoded",
        "Transfer-Encoding": "chunked",
    }
    body = "5\r\naaaaa\r\n0\r\n\r\n"
    assert raw(stranger, "POST", "/sign-in", headers, body) == 411
    assert raw(stranger, "POST", "/sign-in", {**headers, "Content-Length": "5"}, body) == 411


@pytest.mark.parametrize(
    "path", ["/", "/leaks", "/static/dashboard.css", "/static/live.js", "/nothing", "/sign-in"]
)
def test_every_answer_forbids_what_a_page_does_not_need(dashboard: Served, path: str) -> None:
    headers = dashboard.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/x", "/static/"])
def test_no_file_but_those_of_the_pages_is_sent(dashboard: Served, path: str) -> None:
    port = dashboard.base.rpartition(":")[2]
    assert raw(dashboard, "GET", path, {"Host": f"127.0.0.1:{port}"}) in {401, 404}


def test_a_link_of_another_site_shows_its_page_to_whoever_is_signed_in(stranger: Served) -> None:
    link = stranger.get("/leaks?search=a%22b&status=any", headers={"Sec-Fetch-Site": "cross-site"})
    again = '<meta http-equiv="refresh" content="0; url=/leaks?search=a%22b&amp;status=any">'
    assert (link.status_code, again in link.text) == (401, True)
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        assert "refresh" not in stranger.get("/leaks", headers=headers).text


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("//evil.example/", "/"),
        ("/%5cevil.example", "/%5Cevil.example"),
        ("/%0d%0a", "/%0D%0A"),
        ("/x?//evil.example", "/"),
    ],
)
def test_a_link_of_another_site_leads_to_no_third_one(stranger: Served, path: str, leads_to: str) -> None:
    answer = stranger.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert re.findall(r'content="0; url=([^"]*)"', answer.text) == [leads_to]


def test_no_address_is_mended_by_a_redirect(dashboard: Served) -> None:
    for path in ("/leaks/", "/runs/", "/sign-in/"):
        assert dashboard.get(path, allow_redirects=False).status_code == 404


@pytest.mark.parametrize("said", ["", "GET / HTTP/1.1\r\nHost: ", "POST /sign-in HTTP/1.1\r\n{form}\r\na=b"])
def test_whoever_sends_no_whole_request_is_not_waited_for(
    filled: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], said: str
) -> None:
    monkeypatch.setattr("keysweep.web.serving._REQUEST_SECONDS", 0.5)
    with serving(filled) as served:
        host = served.base.partition("//")[2]
        kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n"
        with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=30) as idle:
            idle.sendall(said.replace("{form}", f"Host: {host}\r\n{kind}").encode())
            assert idle.recv(1000) == b""
        assert served.sign_in().get("/leaks").status_code == 200
    assert capfd.readouterr().err == ""


def test_signing_out_ends_the_session_on_the_server(dashboard: Served) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in dashboard.client.cookies.items())
    dashboard.post("/sign-out")
    assert requests.get(f"{dashboard.base}/leaks", headers={"Cookie": cookies}, timeout=20).status_code == 401


def test_a_cookie_that_is_sent_twice_is_nobodys(dashboard: Served) -> None:
    (name, value), *_ = dashboard.client.cookies.items()
    answer = requests.get(f"{dashboard.base}/leaks", headers={"Cookie": f"{name}=x; {name}={value}"}, timeout=20)
    assert answer.status_code == 401


def test_a_session_ends_when_it_is_not_used_or_grows_old() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    idle, busy = sessions.begin("ada"), sessions.begin("bob")
    for hour in range(1, 12):
        now[0] = hour * 3600.0
        assert sessions.of(busy)
    assert sessions.of(idle) is None
    now[0] = 13 * 3600.0
    assert sessions.of(busy) is None


def test_a_password_signs_in_under_a_name(filled: Store) -> None:
    with serving(filled, entrance=Password("a long password")) as served:
        wrong = served.client.post(f"{served.base}/sign-in", data={"name": "ada", "password": "another"})
        assert (wrong.status_code, "That is not the password" in wrong.text) == (401, True)
        nameless = served.client.post(f"{served.base}/sign-in", data={"name": " ", "password": "a long password"})
        assert nameless.status_code == 422
        fields = {"name": "Ada <b>", "password": "a long passwort", "wanted": "/trends"}
        mistyped = served.client.post(f"{served.base}/sign-in", data=fields).text
        assert 'name="wanted" value="/trends"' in mistyped
        assert 'value="Ada &lt;b&gt;"' in mistyped
        assert "passwort" not in mistyped
        fields["password"] = "a long password"
        right = served.client.post(f"{served.base}/sign-in", data=fields)
        assert right.url == f"{served.base}/trends"
        assert "<span>Ada &lt;b&gt;</span>" in right.text


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/%0d\r\nx: y", "x"]
)
def test_signing_in_leads_to_no_other_site(filled: Store, wanted: str) -> None:
    with serving(filled, entrance=Password("a long password")) as served:
        fields = {"name": "ada", "password": "a long password", "wanted": wanted}
        answer = served.client.post(f"{served.base}/sign-in", data=fields, allow_redirects=False)
        assert answer.headers["location"] == "/"


def test_passwords_cannot_be_tried_one_after_the_other(filled: Store) -> None:
    with serving(filled, entrance=Password("a long password")) as served:
        tried = [
            served.client.post(f"{served.base}/sign-in", data={"name": "ada", "password": f"guess {number}"})
            for number in range(7)
        ]
        assert [each.status_code for each in tried] == [401] * 5 + [429] * 2
        assert tried[-1].headers["retry-after"] == "60"
        fields = {"name": "ada", "password": "a long password"}
        assert served.client.post(f"{served.base}/sign-in", data=fields).status_code == 429


def test_after_a_minute_passwords_can_be_tried_again() -> None:
    now = [0.0]
    password = Password("a long password", lambda: now[0])
    assert [password.may_try("a") for _ in range(6)] == [True] * 5 + [False]
    assert password.may_try("b")
    now[0] = 61.0
    assert password.may_try("a")
    password.forgive("a")
    assert all(password.may_try("a") for _ in range(5))


def test_whoever_comes_from_many_addresses_is_held_back_too() -> None:
    password = Password("a long password", lambda: 0.0)
    assert sum(password.may_try(f"10.0.0.{number}") for number in range(200)) == 50
