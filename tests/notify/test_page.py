"""What docs/notifications.md shows works as it stands there."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from pathlib import Path

from keysweep.findings import Secret
from keysweep.notify.receivers import KINDS
from keysweep.notify.webhook import signature
from tests.notify.filling import receivers

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_example_of_the_file_describes_one_channel_of_each_kind(tmp_path: Path) -> None:
    who = receivers(tmp_path, block("toml"))
    assert sorted(each.kind for each in who.channels) == sorted(KINDS)
    variables = dict.fromkeys(re.findall(r'-from = "(\w+)"', PAGE), "https://hooks.example.net/services/1")
    for each in who.channels:
        assert each.sender(variables)


def test_the_check_of_a_signature_accepts_what_is_sent_and_nothing_else() -> None:
    names: dict[str, object] = {"hmac": hmac, "hashlib": hashlib}
    exec(block("python"), names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    body, at = b'{"format":"keysweep-notice"}', datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    header = signature(body, Secret("shared"), at)
    now = at.timestamp()
    assert is_genuine(header, body, b"shared", now + 299)
    assert not is_genuine(header, body, b"shared", now + 301)
    assert not is_genuine(header, body, b"other", now)
    assert not is_genuine(header, body + b" ", b"shared", now)
    assert not is_genuine(header.replace("t=1", "t=2"), body, b"shared", now)
