"""What travels to webhooks and chats, and what an attacker can make of it."""

from __future__ import annotations

import hmac
import json
import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fixtures.keys import SECRET_ALPHABET, key_id, secret
from keysweep.detect.scanner import scan
from keysweep.findings import Exposure, Kind, Origin, Source
from keysweep.frozen import replace
from keysweep.notify.receivers import Receivers
from keysweep.notify.run import tell
from keysweep.notify.slack import payload
from keysweep.report.decisions import Case, step_for
from keysweep.standing import Standing
from keysweep.store.opening import Store
from keysweep.verdicts import Status
from tests.certificates import certificate, server_context
from tests.notify.filling import HASTY, Receiver, leak, receiver, receivers, swept, verdict
from tests.notify.samples import DUE, FACTS, NOTICE, many
from tests.report.samples import HOSTILE


def webhook(tmp_path: Path, it: Receiver, more: str = "") -> Receivers:
    return receivers(
        tmp_path,
        'dashboard = "https://keysweep.example.net/"\n'
        f'[[channel]]\nname = "soar"\nkind = "webhook"\naddress = "{it.address}"\n{more}',
    )


def test_a_receiver_can_tell_that_a_message_is_from_keysweep_and_new(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    shared = secret(chance)
    leak(store, chance)
    with receiver() as it:
        tell(store, webhook(tmp_path, it, 'secret-from = "SOAR_SECRET"'), {"SOAR_SECRET": shared}, patience=HASTY)
    (request,) = it.requests
    # As docs/notifications.md tells a receiver to do it:
    given = dict(part.split("=", 1) for part in request.headers["x-keysweep-signature"].split(","))
    expected = hmac.new(shared.encode(), given["t"].encode() + b"." + request.body, sha256).hexdigest()
    assert hmac.compare_digest(expected, given["v1"])
    assert abs(int(given["t"]) - request.at.timestamp()) < 60


def test_messages_are_as_their_schema_says(store: Store, chance: random.Random, tmp_path: Path) -> None:
    schema = json.loads(files("keysweep.notify").joinpath("notice.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    keys = [leak(store, chance, page="https://git.example.net/shop/web") for _ in range(3)]
    verdict(store, keys[0], Status.LIVE)
    with receiver() as it:
        tell(store, webhook(tmp_path, it), {}, patience=HASTY)
        verdict(store, keys[0], Status.DEAD, after_days=2)
        for _ in range(25):
            leak(store, chance)
        tell(store, webhook(tmp_path, it), {}, patience=HASTY)
    assert [each["event"] for each in it.documents] == ["leak"] * 3 + ["digest"]
    for document in it.documents:
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    found = it.documents[0]["leak"]
    assert found["owner"]["arn"].startswith("arn:aws:iam::123456789012:user/")
    assert found["link"] == f"https://keysweep.example.net/leaks/{found['fingerprint']}"
    assert found["first_places"][0]["author"] == "Ada <ada@example.net>"
    settled = next(each for each in it.documents[3]["leaks"] if each["key_id"] == keys[0])
    assert settled["before"] == {"standing": "live", "status": "open"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_shown_and_do_nothing(
    store: Store, chance: random.Random, tmp_path: Path, text: str
) -> None:
    leak(store, chance, text, repository=text, author=text, page=text)
    address = "KEYSWEEP_TEST_SLACK"
    with receiver() as it:
        text_ = f'[[channel]]\nname = "chat"\nkind = "slack"\naddress-from = "{address}"\n'
        assert not tell(store, receivers(tmp_path, text_), {address: it.address}, patience=HASTY).failed
        assert not tell(store, webhook(tmp_path, it), {}, patience=HASTY).failed
    chat, document = it.documents
    assert it.requests[0].body.isascii()
    shown = chat["text"]
    assert not set(shown) & set("<>\x00\x1b\x9b\r\u2028\u202e\u2066")
    code = re.sub(r"`[^`\n]*`", "", shown)
    assert "@" not in code
    assert "evil.example" not in code
    assert "://" not in shown
    assert all(block["text"]["type"] == "plain_text" for block in chat["blocks"])
    assert all(len(block["text"]["text"]) <= 3000 for block in chat["blocks"])
    (spot,) = document["leak"]["first_places"]
    assert all(len(value) <= 300 and value.isprintable() for value in spot.values() if isinstance(value, str))


def test_a_file_that_is_named_after_its_secret_is_told_without_it(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    # Made here, so that the net does not know it: the store keeps paths as they are.
    value = "".join(chance.choices(SECRET_ALPHABET, k=40))
    leak(store, chance, f"keys/{value}.txt", author=f"mine {value}", value=value)
    with receiver() as it:
        tell(store, webhook(tmp_path, it), {}, patience=HASTY)
    (document,) = it.documents
    spot = document["leak"]["first_places"][0]
    assert value not in json.dumps(document)
    assert spot["path"] == f"keys/{value[:4]}…(40 characters).txt"


def test_a_file_that_is_named_after_the_secret_of_another_leak_in_it_is_told_without_it(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    value = "".join(chance.choices(SECRET_ALPHABET, k=40))
    path = f"keys/{value}.txt"
    content = "".join(
        f"[{name}]\naws_access_key_id = {key_id(chance)}\naws_secret_access_key = {each}\n\n"
        for name, each in (("a", value), ("b", secret(chance)))
    )
    findings = scan(content.encode(), Origin(path, Source.HISTORY, "c" * 40, "b" * 40)).findings
    swept(store, [replace(each, exposures=(Exposure(path, (), (), ("main",)),)) for each in findings])
    with receiver() as it:
        tell(store, webhook(tmp_path, it), {}, patience=HASTY)
    assert len(it.documents) == 2
    assert value not in json.dumps(it.documents)


def test_slack_gets_what_it_shows_and_others_a_text(store: Store, chance: random.Random, tmp_path: Path) -> None:
    for _ in range(30):
        leak(store, chance, "a & b <c>.ini")
    token = f"T0/B0/{secret(chance)}"
    with receiver() as it:
        text = 'dashboard = "https://keysweep.example.net"\n[[channel]]\nname = "chat"\nkind = "slack"\n'
        who = receivers(tmp_path, text + 'address-from = "CHAT"\nmost = 30\n')
        tell(store, who, {"CHAT": f"{it.address}/services/{token}"}, patience=HASTY)
        who = receivers(tmp_path, text.replace("chat", "digest") + 'address-from = "CHAT"\n')
        tell(store, who, {"CHAT": f"{it.address}/services/{token}"}, patience=HASTY)
    assert {each.target for each in it.requests} == {f"/services/{token}"}
    *each, digest = it.documents
    assert len(each) == 30
    first = each[0]
    assert "a &amp; b &lt;c&gt;.ini" in first["text"]
    assert [block["type"] for block in first["blocks"]] == ["header", "section", "context"]
    assert "a & b <c>.ini" in first["blocks"][1]["text"]["text"]
    assert re.fullmatch(
        r"<https://keysweep\.example\.net/leaks/[0-9a-f]{32}\|Open it in keysweep>",
        first["blocks"][2]["elements"][0]["text"],
    )
    assert "20 more" in digest["text"]


def test_the_address_of_a_chat_stays_secret_where_it_fails(
    store: Store, chance: random.Random, tmp_path: Path
) -> None:
    leak(store, chance)
    token = "T00000000-B00000000-nobody-has-this-one"  # not of `fixtures`: the exception of botocore names it
    who = receivers(tmp_path, '[[channel]]\nname = "chat"\nkind = "slack"\naddress-from = "CHAT"\n')
    for address in (f"http://127.0.0.1:1/{token}", f"https://127.0.0.1:1/?{token}"):
        (channel,) = tell(store, who, {"CHAT": address}, patience=HASTY).channels
        assert "127.0.0.1:1 could not be reached" in channel.complaints[0]
        assert token not in channel.complaints[0]


@contextmanager
def over_tls(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = server_context(path).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}", came
        server.shutdown()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    store: Store, chance: random.Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak(store, chance)
    path = certificate(tmp_path)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with over_tls(path) as (address, came):
        it = Receiver()
        it.address = address
        (channel,) = tell(store, webhook(tmp_path, it), {}, patience=HASTY).channels
        assert "certificate that is not trusted" in channel.complaints[0]
        assert came == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert not tell(store, webhook(tmp_path, it), {}, patience=HASTY).failed
        assert len(came) == 1


def test_a_digest_of_very_many_is_short_enough_for_slack() -> None:
    made: dict[str, Any] = payload(many(5000))
    assert len(made["blocks"]) <= 50
    assert len(made["text"]) < 40_000


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("kind", Kind)
def test_what_to_do_next_is_what_reports_and_the_dashboard_say(standing: Standing, kind: Kind) -> None:
    notice = replace(NOTICE, due=replace(DUE, standing=standing), facts=replace(FACTS, kind=kind.value))
    case = Case(kind, FACTS.key_id, FACTS.account_id, is_root=False)
    assert notice.step.startswith(step_for(case, standing, None).text.rstrip(".:"))
    assert len(notice.step) < 300


def test_what_to_do_next_says_how() -> None:
    steps = {
        each: replace(NOTICE, due=replace(DUE, standing=each)).step
        for each in (Standing.LIVE, Standing.UNVERIFIED)
    }
    command = f"`keysweep contain {FACTS.key_id} --allow-account {FACTS.account_id}`"
    assert steps[Standing.LIVE].endswith(f"does it with --apply: {command}")
    assert steps[Standing.UNVERIFIED] == "Ask AWS whether it is live: `keysweep sweep TARGET --verify`"
    request = replace(NOTICE, due=replace(DUE, standing=Standing.UNVERIFIED))
    request = replace(request, facts=replace(FACTS, kind=Kind.SIGNED_REQUEST.value))
    assert "until it expires" in request.step
