"""The table of rules: complete, unambiguous, and true for what it says about each credential."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep.detect.rules import BY_NAME, RULES, Rule
from keysweep.detect.secrets import shannon
from keysweep.findings import Confidence, Kind, Role

COMPOSED = {Kind.PAIR, Kind.TEMPORARY, Kind.SIGNED_REQUEST, Kind.CUSTOM}
"""What no single credential makes: two that stand together, a key ID in a request, the user's own rules."""
DERIVED = {Role.SIGNATURE, Role.CUSTOM}


def legacy_id(rng: random.Random) -> str:
    return "A3TX" + key_id(rng)[4:]


def in_base64(rng: random.Random) -> str:
    return base64.b64encode(secret(rng).encode()).decode()


def named_token(rng: random.Random) -> str:
    return "AAAA" + secret(rng) + "YXdz" + secret(rng) + secret(rng)


SAMPLES: dict[str, Callable[[random.Random], str]] = {
    "access-key-id": key_id,
    "legacy-access-key-id": legacy_id,
    "secret-access-key": secret,
    "base64-secret-access-key": in_base64,
    "hex-secret-access-key": lambda rng: secret(rng).encode().hex(),
    "session-token": session_token,
    "named-session-token": named_token,
    "bedrock-api-key": bedrock_long,
    "bedrock-short-term-api-key": bedrock_short,
    "ses-smtp-password": smtp_password,
}
DECODED: dict[str, Callable[[str], str]] = {
    "base64-secret-access-key": lambda text: base64.b64decode(text).decode(),
    "hex-secret-access-key": lambda text: bytes.fromhex(text).decode(),
}


def test_every_kind_that_one_credential_makes_has_a_rule() -> None:
    assert {rule.kind for rule in RULES} == set(Kind) - COMPOSED


def test_every_role_that_stands_in_content_has_a_rule() -> None:
    assert {rule.role for rule in RULES} == set(Role) - DERIVED


def test_names_are_unique_and_lead_to_their_rule() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(BY_NAME[rule.name] is rule for rule in RULES)


def test_every_rule_has_a_sample_here() -> None:
    assert set(SAMPLES) == set(BY_NAME)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_needs_and_who_documents_it(rule: Rule) -> None:
    assert rule.source
    assert rule.confidence in Confidence
    assert 0 <= rule.entropy < 6
    assert rule.regex.groups == 1
    assert rule.regex is rule.regex


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_pattern_finds_what_it_names_and_nothing_around_it(rule: Rule) -> None:
    rng = random.Random(rule.name)
    for _ in range(200):
        value = SAMPLES[rule.name](rng)
        match = rule.regex.search(f'x = "{value}";\n'.encode())
        assert match is not None
        assert match.group(1).decode() == value


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_least_entropy_of_a_rule_loses_hardly_anything_real(rule: Rule) -> None:
    rng = random.Random(rule.name)
    decoded = DECODED.get(rule.name, str)
    lost = sum(shannon(decoded(SAMPLES[rule.name](rng))) < rule.entropy for _ in range(2000))
    assert lost <= 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("access-key-id", "XAKIA" + "Q" * 16),
        ("access-key-id", "AKIA" + "Q" * 17),
        ("access-key-id", "AKIA" + "Q" * 15),
        ("access-key-id", "AKIA" + "Q" * 15 + "1"),
        ("access-key-id", "akia" + "q" * 16),
        ("secret-access-key", "a" * 41),
        ("secret-access-key", "a" * 39),
        ("secret-access-key", "a" * 40 + "=="),
        ("base64-secret-access-key", "a" * 57),
        ("hex-secret-access-key", "61" * 41),
        ("session-token", "IQoJb3JpZ2luX2Vj" + "a" * 20),
        ("bedrock-api-key", "ABSK" + "a" * 40),
        ("ses-smtp-password", "BZ" + "a" * 42),
        ("ses-smtp-password", "BA" + "a" * 43),
    ],
)
def test_a_pattern_leaves_what_only_resembles_it(name: str, text: str) -> None:
    assert BY_NAME[name].regex.search(f'"{text}"'.encode()) is None
