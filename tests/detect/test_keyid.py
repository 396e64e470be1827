"""What a key ID tells offline."""

from __future__ import annotations

import pytest

from keysweep.detect.keyid import account_of, describe


@pytest.mark.practice(19)
@pytest.mark.parametrize(
    ("key_id", "account"),
    [
        ("ASIAY34FZKBOKMUTVV7A", "609629065308"),
        ("ASIAQNZGKIQY56JQ7WML", "029608264753"),
        ("AKIASP2TPHJSQH3FJRUX", "171436882533"),
        ("AKIAXYZDQCEN4B6JSJQI", "534261010715"),
        ("AKIAIOSFODNN7EXAMPLE", None),
    ],
)
def test_published_vectors_decode_to_their_account(key_id: str, account: str | None) -> None:
    assert account_of(key_id) == account


def test_a_canary_is_named() -> None:
    known = describe("AKIASP2TPHJSQH3FJRUX")
    assert known is not None
    assert known.canary == "Thinkst Canary"


def test_a_role_id_is_an_identifier_and_no_credential() -> None:
    role = describe("AROA" + "Q" * 17)
    assert role is not None
    assert not role.is_credential
    assert role.meaning == "IAM role"


@pytest.mark.parametrize("text", ["", "AKIA", "hello world, this is", "AKIA" + "!" * 16, "XYZA" + "Q" * 16])
def test_other_text_is_no_key_id(text: str) -> None:
    assert describe(text) is None
