"""notify.toml: what is right is read, and every mistake is named without quoting what may be a secret."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from fixtures.keys import secret
from keysweep.errors import ConfigError, UsageError
from keysweep.findings import Severity
from keysweep.notify.email import Mail
from keysweep.notify.receivers import Receivers, load
from keysweep.standing import Standing
from tests.notify.filling import receivers

CHAT = '[[channel]]\nname = "chat"\nkind = "slack"\naddress-from = "CHAT"\n'
HOOK = '[[channel]]\nname = "soar"\nkind = "webhook"\n'
MAIL = '[[channel]]\nname = "m"\nkind = "email"\nserver = "mail.example.net"\n'
WHOLE_MAIL = MAIL + 'from = "a@example.net"\nto = ["b@example.net"]\n'
HUB = '[[channel]]\nname = "hub"\nkind = "security-hub"\naccount = "111122223333"\nregion = "eu-central-1"\n'


def test_nobody_is_told_where_there_is_no_file(tmp_path: Path) -> None:
    assert load(None, tmp_path) == Receivers()


def test_channels_are_read_with_what_they_want(tmp_path: Path) -> None:
    who = receivers(
        tmp_path, CHAT + 'least-severity = "high"\nstandings = ["live", "unverified"]\nmost = 3\n' + HUB
    )
    chat, hub = who.channels
    assert (chat.wanted.least_severity, chat.most) == (Severity.HIGH, 3)
    assert chat.wanted.standings == {Standing.LIVE, Standing.UNVERIFIED}
    assert hub.hub
    assert who.chosen(()) == (chat,)
    with pytest.raises(UsageError, match="sends nothing"):
        who.chosen(("hub",))


def test_mail_goes_over_tls_unless_something_else_is_said(tmp_path: Path) -> None:
    ports = {}
    for more, server in (
        ("", "mail.example.net"),
        ('security = "tls"\n', ""),
        ('security = "none"\n', "localhost"),
    ):
        text = WHOLE_MAIL.replace("mail.example.net", server or "mail.example.net") + more
        mail = receivers(tmp_path, text).channels[0].sender({})
        assert isinstance(mail, Mail)
        ports[mail.security] = mail.port
    assert ports == {"starttls": 587, "tls": 465, "none": 25}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channel = 1", "`channel` has to be a list of tables"),
        ("chanel = []", "did you mean `channel`?"),
        ('[[channel]]\nname = "a b"', "channel 1 of the file: `name` has to be"),
        ('[[channel]]\nname = "a"\nkind = "pager"', "one of webhook, slack, email, security-hub"),
        (CHAT + CHAT, "two channels are called chat"),
        (CHAT + 'address = "https://x.example/y"', "channel chat: address`: did you mean `address-from`?"),
        (CHAT + "most = 0", "channel chat: `most` has to be"),
        (CHAT + 'standings = ["alive"]', "a list of live, active"),
        (CHAT + 'least-severity = "worst"', "`least-severity` has to be one of"),
        (CHAT.replace('"CHAT"', '"https://hooks.example.net/x"'), "has to be the name of a variable"),
        (CHAT.replace('address-from = "CHAT"\n', ""), "needs `address-from`"),
        (HOOK, "needs an `address`"),
        (HOOK + 'address = "https://a.example"\naddress-from = "A"', "needs an `address`, or"),
        (HOOK + 'address = "http://a.example/"', "has to begin with https://"),
        (HOOK + 'address = "http://localhost.a.example/"', "has to begin with https://"),
        (HOOK + 'address = "https://me:pass@a.example/"', "holds a user or a password"),
        (HOOK + 'address = "https://a.example/?token=1"', "use `address-from`"),
        (HOOK + 'address = "https://a.example/\\r\\nX: y"', "has to be an address such as"),
        (HOOK + 'address = "file:///etc/passwd"', "has to be an address such as"),
        (HOOK + 'address = "https://[::1"', "has to be an address such as"),
        (HOOK + 'address = "https://a..example/x"', "has to be an address such as"),
        (WHOLE_MAIL.replace('server = "', 'server = "a..'), "needs a `server`"),
        (HOOK + 'address = "https://a.example"\nsecret = "abc"', "did you mean `secret-from`?"),
        (MAIL, "`from` has to be"),
        (WHOLE_MAIL.replace("b@", "b@x\\r\\nBcc: c@"), "`to` has to be a list of addresses"),
        (WHOLE_MAIL.replace("a@", "a, c@"), "`from` has to be an address"),
        (WHOLE_MAIL.replace('["b@example.net"]', "[]"), "`to` has to be a list of addresses"),
        (WHOLE_MAIL + 'security = "none"', "travels over TLS"),
        (WHOLE_MAIL + 'security = "ssl"', "starttls, tls or none"),
        (WHOLE_MAIL + 'user = "me"', "belong together"),
        (WHOLE_MAIL + 'password = "x"', "did you mean `password-from`?"),
        (WHOLE_MAIL + "port = 70000", "channel m: `port` has to be"),
        (WHOLE_MAIL.replace("mail.example.net", "mail.example.net:25"), "the name of its host alone"),
        (HUB.replace("111122223333", "1"), "twelve digits"),
        (HUB.replace("eu-central-1", "eu-central-1.evil.example"), "has to be one such as eu-central-1"),
        (HUB.replace("account", "#"), "needs the `account` and the `region`"),
        ('dashboard = "http://keysweep.example.net"', "`dashboard` has to begin with https://"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        receivers(tmp_path, text)
    assert "notify.toml" in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")


def test_a_secret_in_the_place_of_a_variable_is_not_quoted(tmp_path: Path) -> None:
    token = secret(random.Random(3))
    for text in (
        CHAT.replace("CHAT", token),
        HOOK + f'address = "http://a.example/{token}"',
        WHOLE_MAIL + f'user = "me"\npassword-from = "{token}"',
    ):
        with pytest.raises(ConfigError) as caught:
            receivers(tmp_path, text)
        assert token not in str(caught.value)


@pytest.mark.parametrize("value", ["", "  ", "hooks.example.net/x", "http://hooks.example.net/x", "https://u@h/x"])
def test_a_variable_that_holds_no_address_is_named_and_not_quoted(tmp_path: Path, value: str) -> None:
    (chat,) = receivers(tmp_path, CHAT).channels
    with pytest.raises(ConfigError, match="CHAT") as caught:
        chat.sender({"CHAT": value})
    assert "hooks.example.net/x" not in str(caught.value)


def test_a_mark_of_byte_order_is_no_mistake(tmp_path: Path) -> None:
    assert [each.name for each in receivers(tmp_path, f"\ufeff{CHAT}").channels] == ["chat"]


def test_a_mistake_in_one_of_several_channels_names_it(tmp_path: Path) -> None:
    second = CHAT.replace("chat", "other")
    for text, where in (
        (second + "most = -1", "channel other: `most` has to be"),
        (second + 'standings = "live"', "channel other: `standings` has to be"),
        (second.replace('"other"', "3"), "channel 2 of the file: `name` has to be"),
    ):
        with pytest.raises(ConfigError, match=where):
            receivers(tmp_path, f"{CHAT}\n{text}")
