"""How a finding stands, by whatever was known last, and which step follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keysweep.findings import Kind
from keysweep.frozen import replace
from keysweep.report.decisions import MEANINGS, next_step, standing_of
from keysweep.standing import Standing
from keysweep.verdicts import Contained, Containment, Status, Verdict
from tests.report.samples import KEY_ID, WHEN, pair

OFF = Containment(KEY_ID, Contained.OFF, "20261127t045125z-3f9a1c", WHEN, "arn:of:oncall", "AWS refuses it")
LIVE = Verdict(KEY_ID, Status.LIVE, "STS answered", WHEN - timedelta(hours=1), account_id="111122223333")


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_standing_and_every_standing_a_step(status: Status) -> None:
    finding = pair(verdict=replace(LIVE, status=status))
    standing = standing_of(finding, None)
    assert MEANINGS[standing].label
    assert next_step(finding, standing, None).text


def test_what_was_switched_off_after_aws_accepted_it_is_off() -> None:
    assert standing_of(pair(verdict=LIVE), OFF) is Standing.OFF
    assert "keysweep undo 20261127t045125z-3f9a1c" in next_step(pair(verdict=LIVE), Standing.OFF, OFF).command


def test_what_aws_accepts_after_it_was_switched_off_is_live_again() -> None:
    later = replace(LIVE, checked=WHEN + timedelta(hours=1))
    assert standing_of(pair(verdict=later), OFF) is Standing.LIVE


@pytest.mark.parametrize("state", [Contained.UNDONE, Contained.UNKNOWN, Contained.LIMITED])
def test_what_is_not_known_to_be_off_stays_as_aws_said(state: Contained) -> None:
    assert standing_of(pair(verdict=LIVE), replace(OFF, state=state)) is Standing.LIVE
    assert standing_of(pair(), replace(OFF, state=state)) is Standing.UNVERIFIED


def test_bait_and_examples_are_never_called_live() -> None:
    assert standing_of(pair(canary="somebody", verdict=LIVE), OFF) is Standing.CANARY
    assert standing_of(pair(placeholder="is documented"), None) is Standing.EXAMPLE


def test_a_live_key_of_root_is_not_sent_to_contain() -> None:
    root = replace(LIVE, arn="arn:aws:iam::111122223333:root")
    step = next_step(pair(verdict=root), Standing.LIVE, None)
    assert "sign in as root to account 111122223333" in step.text
    assert not step.command


def test_the_command_for_a_live_key_names_its_account() -> None:
    step = next_step(pair(verdict=LIVE), Standing.LIVE, None)
    assert step.command == "keysweep contain FINDINGS.json --allow-account 111122223333"


@pytest.mark.parametrize("account", ["", "$(reboot)", "1; x"])
def test_no_text_of_others_becomes_part_of_a_command(account: str) -> None:
    verdict = replace(LIVE, account_id=account)
    live = next_step(pair(verdict=verdict, account_id=None), Standing.LIVE, None)
    assert live.command == "keysweep contain FINDINGS.json"
    for off in (replace(OFF, run="$(reboot)"), None):
        step = next_step(pair(), Standing.OFF, off)
        assert step.text.endswith("take it out of the content.")
        assert step.command == ""


@pytest.mark.parametrize(
    ("kind", "key_id", "told"),
    [
        (Kind.CUSTOM, None, "rule of your own"),
        (Kind.SIGNED_REQUEST, KEY_ID, "until it expires"),
        (Kind.SECRET_ACCESS_KEY, None, "No key ID"),
        (Kind.PAIR, KEY_ID, "Ask AWS"),
    ],
)
def test_what_nobody_verified_is_asked_about_where_that_can_be_done(
    kind: Kind, key_id: str | None, told: str
) -> None:
    step = next_step(pair(kind=kind, key_id=key_id), Standing.UNVERIFIED, None)
    assert told in step.text
    assert (step.command == "keysweep verify FINDINGS.json") is (kind is Kind.PAIR)
