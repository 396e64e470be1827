"""Documentation examples, sequences, repeats and masks: known for what they are, hidden unless asked for."""

from __future__ import annotations

import random

import pytest

from fixtures.keys import BASE32, key_id, secret, session_token, varied_secret
from keysweep import Finding, Origin, scan
from keysweep.detect.options import Options
from keysweep.detect.placeholders import placeholder_key_id, placeholder_secret, placeholder_token
from keysweep.findings import Kind, Role, Severity

RNG = random.Random(41)
ID, SECRET = key_id(RNG), secret(RNG)
EXAMPLE_ID = "AKIA" + "IOSFODNN7EXAMPLE"
EXAMPLE_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
ASKED = Options(report_placeholders=True)


def pair(identifier: str, value: str) -> bytes:
    return f"[default]\naws_access_key_id = {identifier}\naws_secret_access_key = {value}\n".encode()


def findings(content: bytes, options: Options = Options()) -> tuple[Finding, ...]:
    result = scan(content, Origin("file.txt"), options=options)
    assert result.problems == ()
    return result.findings


EXAMPLE_IDS = [
    EXAMPLE_ID,
    "ASIA" + "IOSFODNN7EXAMPLE",
    "AKIA" + "I44QH8DHBEXAMPLE",
    "AKIA" + "XXXXXXXXXXXXXXXX",
    "AKIA" + "AAAAAAAAAAAAAAAA",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "AKIA" + "PONMLKJIHGFEDCBA",
    "AKIA" + "QWERTYUIOPASDFGH",
    "AKIA" + "2345234523452345",
    "AKIA" + "ABABABABABABABAB",
    "AKIA" + "YOURACCESSKEYIDX",
    "AKIA" + "FAKEFAKEFAKEFAKE",
    "AKIA" + "TESTTESTTESTTEST",
    "ASIA" + "REDACTEDREDACTED",
    "AKIA" + "PLACEHOLDERPLACE",
]
EXAMPLE_SECRETS = [
    EXAMPLE_SECRET,
    "je7MtGbClwBF/2Zp9Utk/" + "h3yCo8nvbEXAMPLEKEY",
    "zuf+tfteSlswRu7BJ86w" + "ekitnifILbZam1KYY3TG",
    "x" * 40,
    "X" * 40,
    "0" * 40,
    "abcdefghijklmnopqrstuvwxyz" + "ABCDEFGHIJKLMN",
    "1234567890" * 4,
    "AbCd1234" * 5,
    "your" + "SecretAccessKey" + "GoesHereAndNowhereElse"[:21],
    "YOURSECRETKEY" + "Qz8Lp2Rk7Vm4Tn9Ws3Xy6Zb1Dc5",
    "placeholder/" + "Qz8Lp2Rk7Vm4Tn9Ws3Xy6Zb1Dc5F",
]


@pytest.mark.parametrize("identifier", EXAMPLE_IDS)
def test_an_example_key_id_is_hidden_unless_asked_for(identifier: str) -> None:
    content = f"key = {identifier}\n".encode()
    assert findings(content) == ()
    if not set(identifier[4:]) <= set(BASE32):
        return  # AWS never issues it, so it has not even the shape
    (finding,) = findings(content, ASKED)
    assert finding.placeholder
    assert (finding.key_id, finding.severity) == (identifier, Severity.INFO)


@pytest.mark.parametrize("value", EXAMPLE_SECRETS)
def test_an_example_secret_is_hidden_unless_asked_for(value: str) -> None:
    assert len(value) == 40
    content = f"aws_secret_access_key = {value}\n".encode()
    assert findings(content) == ()
    assert placeholder_secret(value)


@pytest.mark.parametrize("identifier", [EXAMPLE_ID, "AKIA" + "ABCDEFGHIJKLMNOP"])
def test_the_documented_pair_is_hidden_and_shown_as_a_placeholder_when_asked(identifier: str) -> None:
    content = pair(identifier, EXAMPLE_SECRET)
    assert findings(content) == ()
    (finding,) = findings(content, ASKED)
    assert (finding.kind, finding.severity) == (Kind.PAIR, Severity.INFO)
    assert finding.placeholder


def test_the_reason_says_which_word_gave_it_away() -> None:
    (finding,) = findings(pair(EXAMPLE_ID, EXAMPLE_SECRET), ASKED)
    assert finding.placeholder == "a documentation example (contains EXAMPLE)"


def test_a_real_secret_beside_an_example_id_is_a_leak() -> None:
    (finding,) = findings(pair(EXAMPLE_ID, SECRET))
    assert finding.kind is Kind.SECRET_ACCESS_KEY
    assert finding.parts[0].value.reveal() == SECRET


def test_a_real_id_beside_an_example_secret_is_only_an_id() -> None:
    (finding,) = findings(pair(ID, EXAMPLE_SECRET))
    assert (finding.kind, finding.key_id) == (Kind.ACCESS_KEY_ID, ID)
    assert finding.part(Role.SECRET) is None


def test_asking_for_placeholders_changes_nothing_about_real_pairs() -> None:
    assert findings(pair(ID, SECRET), ASKED) == findings(pair(ID, SECRET))


def test_an_example_pair_before_a_real_one_takes_nothing_from_it() -> None:
    (finding,) = findings(pair(EXAMPLE_ID, EXAMPLE_SECRET) + b"\n" + pair(ID, SECRET))
    secret_part = finding.part(Role.SECRET)
    assert finding.key_id == ID
    assert secret_part is not None
    assert secret_part.value.reveal() == SECRET


@pytest.mark.parametrize(
    "masked",
    [
        "****************************************",
        f"{SECRET[:4]}************************************",
        f"{SECRET[:4]}...",
        "<REDACTED>",
        "[MASKED]",
        "${AWS_SECRET_ACCESS_KEY}",
        "{{ .Values.aws.secretAccessKey }}",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "••••••••••••••••••••••••••••••••••••••••",
        "",
    ],
)
def test_a_masked_secret_is_no_secret(masked: str) -> None:
    (finding,) = findings(pair(ID, masked))
    assert finding.kind is Kind.ACCESS_KEY_ID


@pytest.mark.parametrize(
    "masked", [f"{ID[:4]}************{ID[16:]}", "AKIA" + "*" * 16, "AKIA...", "AKIA" + "x" * 16]
)
def test_a_masked_key_id_is_no_key_id(masked: str) -> None:
    assert findings(f"key = {masked}\n".encode()) == ()


def test_a_session_token_that_says_example_is_hidden() -> None:
    token = session_token(RNG)
    example = token[:60] + "EXAMPLE" + token[67:]
    assert findings(f"AWS_SESSION_TOKEN={example}\n".encode()) == ()
    (finding,) = findings(f"AWS_SESSION_TOKEN={example}\n".encode(), ASKED)
    assert finding.placeholder
    assert placeholder_token(token) is None


def test_hardly_any_random_credential_is_taken_for_a_placeholder() -> None:
    rng = random.Random(42)
    assert sum(placeholder_key_id(key_id(rng)) is not None for _ in range(3000)) <= 2
    assert sum(placeholder_key_id(key_id(rng, account=None)) is not None for _ in range(3000)) <= 2
    assert sum(placeholder_secret(varied_secret(rng)) is not None for _ in range(3000)) <= 2
    assert sum(placeholder_token(session_token(rng)) is not None for _ in range(300)) <= 1
