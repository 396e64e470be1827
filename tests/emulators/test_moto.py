"""What moto is used for holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keysweep.detect.keyid import account_of
from tests.emulators.accounts import Account
from tests.emulators.clients import refusal
from tests.emulators.moto import Moto

INVALID = (403, "InvalidClientTokenId")


def test_it_asks_who_signs(moto: Moto) -> None:
    key = moto.administrator("210987654321")
    assert moto.client("sts", key).get_caller_identity()["Account"] == account_of(key.key_id) == "210987654321"
    wrong = moto.client("sts", replace(key, secret="x" * 40))
    assert refusal(wrong.get_caller_identity) == (403, "SignatureDoesNotMatch")
    unknown = moto.client("sts", replace(key, key_id="AKIAQNZGKIQYZZZZZZZZ"))
    assert refusal(unknown.get_caller_identity) == INVALID


def test_it_keeps_when_a_key_was_last_used(moto: Moto) -> None:
    account = Account(moto, moto.administrator())
    key = account.user("ci")
    moto.client("sts", key, "eu-west-1").get_caller_identity()
    used = account.iam.get_access_key_last_used(AccessKeyId=key.key_id)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")


def test_quarantine_keeps_a_key_from_deactivating_itself(moto: Moto) -> None:
    account = Account(moto, moto.administrator())
    key = account.user("ci")
    account.allow("ci", "iam:*")
    account.attach("ci", "AWSCompromisedKeyQuarantineV3")
    update = moto.client("iam", key).update_access_key
    assert refusal(update, UserName="ci", AccessKeyId=key.key_id, Status="Inactive") == (403, "AccessDenied")


@pytest.mark.parametrize("region", ["cn-north-1", "eusc-de-east-1", "us-gov-west-1"])
def test_a_key_is_unknown_in_every_other_partition(moto: Moto, region: str) -> None:
    key = moto.administrator(region=region)
    assert refusal(moto.client("sts", key, region).get_caller_identity) == (200, "")
    assert refusal(moto.client("sts", key).get_caller_identity) == INVALID
