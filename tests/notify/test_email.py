"""Mail as a real server takes it: over TLS, to several recipients, and with nothing in it that acts."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from fixtures.keys import secret
from keysweep.frozen import replace
from keysweep.notify.email import composed
from keysweep.notify.messages import Digest
from keysweep.notify.run import Told, tell
from keysweep.store.opening import Store
from keysweep.verdicts import Status
from tests.certificates import certificate, server_context
from tests.emulators.wire import Hang
from tests.notify.filling import HASTY, WHEN, leak, receiver, receivers, verdict
from tests.notify.samples import hostile, many
from tests.report.samples import HOSTILE

DESCRIBED = (
    '[[channel]]\nname = "weekly"\nkind = "email"\nserver = "127.0.0.1"\nport = {port}\n'
    'from = "keysweep@example.net"\nto = ["a@example.net", "b@example.net"]\n{more}'
)


class Mailbox:
    """Takes mail, but for what `refuses` says something about: a recipient, or the content."""

    def __init__(self, refuses: Callable[[str], str | None] = lambda _: None) -> None:
        self.came: list[Envelope] = []
        self.tried = 0
        self._refuses = refuses

    async def handle_RCPT(  # noqa: N802
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        answer = self._refuses(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        self.tried += 1
        answer = self._refuses("DATA")
        if answer is None:
            self.came.append(envelope)
        return answer or "250 OK"

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(each.original_content or b"", policy=default) for each in self.came]


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """The port of a server of mail on this machine."""

    class Sized(Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
            super()._trigger_server()  # type: ignore[no-untyped-call]

    controller = Sized(mailbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def told(store: Store, tmp_path: Path, port: int, more: str, environment: dict[str, str] | None = None) -> Told:
    text = DESCRIBED.format(port=port, more=more)
    return tell(store, receivers(tmp_path, text), environment or {}, patience=HASTY)


def parts(mail: EmailMessage) -> tuple[str, str]:
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert page
    return text.get_content(), page.get_content()


def test_all_that_is_new_comes_in_one_mail_and_once(store: Store, chance: random.Random, tmp_path: Path) -> None:
    keys = [leak(store, chance) for _ in range(3)]
    verdict(store, keys[1], Status.LIVE)
    mailbox = Mailbox()
    with serving(mailbox) as port:
        for _ in range(2):
            assert not told(store, tmp_path, port, 'security = "none"').failed
    (mail,) = mailbox.mails
    assert mailbox.came[0].rcpt_tos == ["a@example.net", "b@example.net"]
    assert mail["Subject"] == "keysweep: 3 leaks to be told of, 1 of them critical"
    assert (mail["From"], mail["To"]) == ("keysweep@example.net", "a@example.net, b@example.net")
    for body in parts(mail):
        assert all(key in body for key in keys)
        assert body.index(keys[1]) < body.index(keys[0])


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_and_password_travel_over_tls_alone(
    store: Store, chance: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    leak(store, chance)
    password = secret(chance)
    path = certificate(tmp_path)
    given = []

    def authenticated(_server: object, _session: object, _envelope: object, _way: object, data: Any) -> AuthResult:
        given.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == password, handled=False)

    options: dict[str, Any] = {"authenticator": authenticated, "auth_required": True}
    if security == "starttls":
        options |= {"tls_context": server_context(path), "require_starttls": True}
    else:
        options |= {"ssl_context": server_context(path), "auth_require_tls": False}
    more = f'security = "{security}"\nuser = "me"\npassword-from = "MAIL_PASSWORD"\n'
    mailbox = Mailbox()
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving(mailbox, **options) as port:
        (channel,) = told(store, tmp_path, port, more, {"MAIL_PASSWORD": password}).channels
        assert "certificate that is not trusted" in channel.complaints[0]
        assert given == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        (channel,) = told(store, tmp_path, port, more, {"MAIL_PASSWORD": secret(chance)}).channels
        assert channel.complaints == ("127.0.0.1 answered 535 to the user and the password",)
        assert mailbox.came == []
        assert not told(store, tmp_path, port, more, {"MAIL_PASSWORD": password}).failed
    assert len(mailbox.came) == 1


def test_a_server_without_starttls_gets_nothing(store: Store, chance: random.Random, tmp_path: Path) -> None:
    leak(store, chance)
    mailbox = Mailbox()
    with serving(mailbox) as port:
        (channel,) = told(store, tmp_path, port, "").channels
    assert "offers no STARTTLS" in channel.complaints[0]
    assert mailbox.came == []


def test_a_recipient_who_is_refused_keeps_it_from_nobody_and_is_told(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    mailbox = Mailbox(lambda what: "550 nobody here" if what.startswith("b@") else None)
    with serving(mailbox) as port:
        (channel,) = told(store, tmp_path, port, 'security = "none"').channels
        assert (channel.told, channel.failed) == (1, True)
        assert channel.complaints == ("127.0.0.1 refused recipient 2 of `to`; the others have it",)
        assert not told(store, tmp_path, port, 'security = "none"').failed
    assert [each.rcpt_tos for each in mailbox.came] == [["a@example.net"]]


def test_where_all_are_refused_it_is_due_again(store: Store, chance: random.Random, tmp_path: Path) -> None:
    leak(store, chance)
    with serving(Mailbox(lambda what: "550 no" if "@" in what else None)) as port:
        (channel,) = told(store, tmp_path, port, 'security = "none"').channels
    assert (channel.told, channel.complaints) == (0, ("127.0.0.1 refuses all 2 recipients",))


def test_a_mail_that_was_taken_is_told_however_the_server_says_goodbye(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    class Rude(Mailbox):
        async def handle_QUIT(self, *_: object) -> str:  # noqa: N802
            return "500 what?"

    leak(store, chance)
    mailbox = Rude()
    with serving(mailbox) as port:
        for _ in range(2):
            assert not told(store, tmp_path, port, 'security = "none"').failed
    assert len(mailbox.came) == 1


def test_a_mail_that_is_refused_for_a_name_in_it_is_told_as_counts(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance, "EICAR.env")

    class Guarded(Mailbox):
        async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
            if b"EICAR" in (envelope.original_content or b""):
                return "554 that looks like an attack"
            return await super().handle_DATA(server, session, envelope)

    mailbox = Guarded()
    with serving(mailbox) as port:
        (channel,) = told(store, tmp_path, port, 'security = "none"').channels
        assert (channel.told, channel.complaints) == (
            1,
            ("127.0.0.1 answered 554, so it was told the counts alone",),
        )
        assert not told(store, tmp_path, port, 'security = "none"').failed
    (mail,) = mailbox.mails
    assert "And 1 more, which are not listed here." in parts(mail)[0]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ((b"SSH-2.0-OpenSSH_9.7\r\n",), "127.0.0.1 does not speak SMTP"),
        ((b"554 go away\r\n",), "127.0.0.1 answered 554"),
        (
            (b"220 here\r\n", b"250-here\r\n250 AUTH XOAUTH2\r\n"),
            "127.0.0.1 offers no STARTTLS or no sign-in, so nothing was sent",
        ),
    ],
)
def test_a_server_that_cannot_be_spoken_to_is_asked_once_and_that_is_said(
    store: Store, chance: random.Random, tmp_path: Path, script: Sequence[bytes], why: str
) -> None:
    leak(store, chance)
    more = 'security = "none"\nuser = "me"\npassword-from = "MAIL_PASSWORD"\n'
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=_recite, args=(server, script, came), daemon=True).start()
        port = server.getsockname()[1]
        (channel,) = told(store, tmp_path, port, more, {"MAIL_PASSWORD": secret(chance)}).channels
    assert channel.complaints == (why,)
    assert not any(each.startswith((b"AUTH", b"MAIL")) for each in came)


def _recite(server: socket.socket, script: Sequence[bytes], came: list[bytes]) -> None:
    """Says these things to whoever comes, one after the other, whatever is said in between."""
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for each in script:
                    connection.sendall(each)
                    came.append(connection.recv(1000))


def test_a_server_that_is_busy_is_asked_again(store: Store, chance: random.Random, tmp_path: Path) -> None:
    leak(store, chance)
    answers = ["451 later", "421 later"]
    mailbox = Mailbox(lambda what: answers.pop() if what == "DATA" and answers else None)
    with serving(mailbox) as port:
        assert not told(store, tmp_path, port, 'security = "none"').failed
    assert (mailbox.tried, len(mailbox.came)) == (3, 1)


class Page(HTMLParser):
    """What a mail program would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {value or "" for name, value in attributes if name in ("href", "src")}
        assert not any(name.startswith("on") for name, _ in attributes)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_do_nothing_in_a_mail(text: str) -> None:
    notice = hostile(text)
    mail = composed(Digest([notice.due], (notice,), None), "keysweep@example.net", ["a@example.net"], WHEN)
    read = message_from_bytes(mail.as_bytes(), policy=default)
    assert set(read.keys()) <= {
        "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert max(map(len, mail.as_bytes().splitlines())) <= 998
    plain, html = parts(read)
    page = Page()
    page.feed(html)
    assert page.tags <= {
        "html", "head", "meta", "title", "body", "h1", "h2", "p", "br", "table", "tr", "th", "td", "code", "a"
    }  # fmt: skip
    assert page.links == {notice.link}
    for body in (plain, html):
        assert "://" not in body.replace(notice.link or "", "")
        assert not set(body) & set("\x00\x1b\x9b\u202e\u2066")


def test_a_mail_about_very_many_lists_some_and_counts_the_rest() -> None:
    digest = many(5000)
    for body in parts(composed(digest, "keysweep@example.net", ["a@example.net"], WHEN)):
        assert "And 4990 more" in body
        assert "5000 critical" in body


def test_a_server_that_says_nothing_is_given_up(store: Store, chance: random.Random, tmp_path: Path) -> None:
    leak(store, chance)
    text = DESCRIBED.format(port="{}", more='security = "none"')
    patience = replace(HASTY, attempts=2, answer_seconds=0.3)
    with receiver(Hang(), Hang()) as silent:
        who = receivers(tmp_path, text.format(urlsplit(silent.address).port))
        (channel,) = tell(store, who, {}, patience=patience).channels
    assert channel.complaints == ("127.0.0.1 hung up or did not answer in time, 2 times",)
    with socket.create_server(("127.0.0.1", 0)) as babbling:
        Thread(target=_babble, args=(babbling,), daemon=True).start()
        who = receivers(tmp_path, text.format(babbling.getsockname()[1]))
        (channel,) = tell(store, who, {}, patience=patience).channels
    assert channel.complaints == ("127.0.0.1 hung up or did not answer in time, 2 times",)


def _babble(server: socket.socket) -> None:
    """Begins to greet everybody, a byte at a time, and never comes to an end."""

    def greet(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            for _ in range(30):
                connection.sendall(b"2")
                time.sleep(0.1)

    with suppress(OSError):
        while True:
            Thread(target=greet, args=(server.accept()[0],), daemon=True).start()
