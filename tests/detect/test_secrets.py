"""Random secrets told from what only looks like one, by whoever scans real files."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from collections.abc import Callable

import pytest

from fixtures.keys import key_id, secret, varied_secret
from keysweep import Finding, Origin, scan
from keysweep.detect.rules import BY_NAME
from keysweep.detect.secrets import judge_around, judge_secret, randomness, shannon
from keysweep.findings import Kind, Role

LEAST_ENTROPY = BY_NAME["secret-access-key"].entropy
WORDS = [
    "get",
    "set",
    "user",
    "account",
    "manager",
    "factory",
    "request",
    "response",
    "handler",
    "provider",
    "service",
    "client",
    "session",
    "storage",
    "bucket",
    "default",
    "region",
    "access",
    "public",
    "static",
    "final",
    "string",
    "value",
    "config",
    "builder",
    "context",
    "exception",
    "message",
    "controller",
]


def findings(text: str, path: str = "file.txt") -> tuple[Finding, ...]:
    result = scan(text.encode(), Origin(path))
    assert result.problems == ()
    return result.findings


def camel_case(rng: random.Random) -> str:
    name = "".join(word.capitalize() for word in rng.choices(WORDS, k=9))[:40]
    return name if len(name) == 40 else camel_case(rng)


def path_of(rng: random.Random) -> str:
    path = "/".join(rng.choices(WORDS, k=9))[:40]
    return path if len(path) == 40 and path[-1] != "/" else path_of(rng)


def sri(rng: random.Random) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(rng.randbytes(9)).digest()).decode()


def uuid_of(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def image(rng: random.Random) -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + rng.randbytes(600)).decode()


def certificate(rng: random.Random) -> str:
    body = base64.b64encode(b"0\x82\x03\x5d0\x82\x02E\xa0" + rng.randbytes(700)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def minified(rng: random.Random) -> str:
    names = rng.choices("abcdefghijklmnopqrstuvwxyz", k=40)
    pieces = [
        f'function {one}({two},{three}){{return {two}.getSecretKey({three},"{rng.choice(WORDS)}")||{one}}}'
        for one, two, three in zip(names[::3], names[1::3], names[2::3], strict=False)
    ]
    return ";".join(pieces) + ";var secretAccessKeyValidator=awsSecretKeyProviderFactory.createInstance();"


def sha1(rng: random.Random) -> str:
    return hashlib.sha1(rng.randbytes(9)).hexdigest()


LOOK_ALIKES: dict[str, Callable[[random.Random], str]] = {
    "a SHA-1 in a name that says secret": lambda rng: f"aws_secret_hash = {sha1(rng)}",
    "a SHA-1 in capitals": lambda rng: f"secret_key = {sha1(rng).upper()}",
    "a commit": lambda rng: f"commit {sha1(rng)}\n\n    Rotate the AWS secret access key\n",
    "a SHA-256": lambda rng: f"aws_secret_key_sha256: {hashlib.sha256(rng.randbytes(9)).hexdigest()}",
    "an MD5": lambda rng: f"secret: {hashlib.md5(rng.randbytes(9)).hexdigest()}",
    "CamelCase": lambda rng: f"secret_key = {camel_case(rng)}",
    "a method on a secret": lambda rng: f"awsSecretKey = {camel_case(rng)}(x)",
    "a path": lambda rng: f"aws_secret_file = {path_of(rng)}",
    "a path below a root": lambda rng: f'open("/etc/aws/secrets/{path_of(rng)}/credentials")',
    "a path in a URL": lambda rng: f"secret: https://example.com/aws/{path_of(rng)}/index.html",
    "a UUID": lambda rng: f"aws_secret_id = {uuid_of(rng)}",
    "UUIDs in a row": lambda rng: f"secret_ids = {' '.join(uuid_of(rng) for _ in range(5))}",
    "an integrity hash": lambda rng: f'"aws-secret-sdk": {{"version": "1.2.3", "integrity": "{sri(rng)}"}}',
    "an integrity hash of SHA-1": lambda rng: (
        '"integrity": "sha1-%s"' % base64.b64encode(hashlib.sha1(rng.randbytes(9)).digest()).decode()
    ),
    "an image": lambda rng: f'<img alt="aws secret key" src="data:image/png;base64,{image(rng)}">',
    "a certificate": lambda rng: "# the secret access key store of AWS\n" + certificate(rng),
    "a certificate in one line": lambda rng: "aws_secret_ca: " + "".join(certificate(rng).split("\n")[1:-2]),
    "minified code": minified,
    "the ARN of a secret": lambda rng: (
        "aws_secret = arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db/x-AbCdEf"
    ),
    "an expression": lambda rng: 'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY_OF_THE_ACCOUNT"]',
    "a constant's name": lambda rng: "aws_secret = AWS_SECRET_ACCESS_KEY_FOR_THE_DEFAULT_PROFILE",
    "one character": lambda rng: "aws_secret_access_key = " + rng.choice("abcXYZ01") * 40,
    "39 characters": lambda rng: f"aws_secret_access_key = {secret(rng)[:39]}",
    "41 characters": lambda rng: f"aws_secret_access_key = {secret(rng)}a",
    "base64 that is padded": lambda rng: "aws_secret = " + base64.b64encode(rng.randbytes(28)).decode(),
    "a secret of nobody": lambda rng: f"value = {secret(rng)}",
    "a secret of another vendor": lambda rng: f"stripe_client_secret = {secret(rng)}",
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_look_alike_is_no_finding(name: str) -> None:
    rng = random.Random(name)
    for _ in range(60):
        text = LOOK_ALIKES[name](rng)
        assert findings(text + "\n") == (), text


@pytest.mark.parametrize("path", ["app.min.js", "package-lock.json", "ca.pem", "logo.svg"])
def test_a_file_full_of_look_alikes_gives_no_finding(path: str) -> None:
    rng = random.Random(path)
    text = "\n".join(make(rng) for make in rng.sample(list(LOOK_ALIKES.values())[:18], 18))
    assert [each for each in findings(text, path) if each.kind is not Kind.ACCESS_KEY_ID] == []


@pytest.mark.parametrize(
    "template",
    [
        "aws_secret_access_key = {}",
        'AWS_SECRET_ACCESS_KEY="{}"',
        '"secretAccessKey": "{}",',
        "AWS_SECRET_KEY={}",
    ],
)
def test_of_3000_random_secrets_with_the_name_of_aws_three_are_lost_at_most(template: str) -> None:
    rng = random.Random(template)
    secrets = [secret(rng) for _ in range(3000)]
    found: set[str] = set()
    for at in range(0, len(secrets), 100):
        text = "\n\n".join(template.format(value) for value in secrets[at : at + 100])
        found |= {finding.parts[0].value.reveal() for finding in findings(text)}
    assert len(set(secrets) - found) <= 3
    assert found <= set(secrets)


def test_of_1000_random_secrets_beside_their_key_id_one_is_lost_at_most() -> None:
    rng = random.Random(81)
    lost = 0
    for _ in range(1000):
        identifier, value = key_id(rng), varied_secret(rng)
        (finding,) = findings(f"connect('{identifier}', '{value}')")
        part = finding.part(Role.SECRET)
        lost += part is None or part.value.reveal() != value
    assert lost <= 1


def test_a_finding_says_why_its_secret_is_believed() -> None:
    (finding,) = findings(f"aws_secret_access_key = {secret(random.Random(82))}\n")
    assert finding.reasons[0] == "is assigned to a name that says secret (aws_secret_access_key)"
    assert finding.reasons[1].startswith("is random (")


def test_entropy_is_bits_per_character() -> None:
    assert shannon("") == 0
    assert shannon("aaaa") == 0
    assert shannon("abab") == 1
    assert shannon("abcd") == 2


def test_hexadecimal_never_reaches_the_least_entropy() -> None:
    assert shannon("0123456789abcdef" * 5) < LEAST_ENTROPY


def test_random_secrets_score_higher_than_words_and_paths() -> None:
    rng = random.Random(83)
    lowest_secret = sorted(randomness(secret(rng)) for _ in range(1000))[1]
    highest_word = max(randomness(make(rng)) for make in (camel_case, path_of) for _ in range(500))
    assert lowest_secret > highest_word


@pytest.mark.parametrize("strong", [True, False])
@pytest.mark.practice(20)
def test_a_verdict_says_in_words_what_it_rests_on(strong: bool) -> None:
    rng = random.Random(84)
    assert (
        judge_secret(sha1(rng), LEAST_ENTROPY, strong_context=strong).reason == "is hexadecimal or repeats itself"
    )
    assert judge_secret(camel_case(rng), LEAST_ENTROPY, strong_context=strong).is_secret is False
    verdict = judge_secret(secret(rng), LEAST_ENTROPY, strong_context=strong)
    assert verdict.is_secret
    assert "bits per character" in verdict.reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("integrity: sha256-", "", "is a checksum"),
        ("data:image/png;base64,", "", "is part of a longer encoded block"),
        ("a" * 64 + "\n", "", "is part of a longer encoded block"),
        ("", "\n" + "b" * 64, "is part of a longer encoded block"),
        ("src/main/java/", "/x", "is part of a path"),
        ("https://host/", "/x", "is part of a path"),
        ("https://user@host:", "/x", "is part of a path"),
        ("https://user:", "/x", None),
        ("secret = ", "", None),
    ],
)
def test_the_text_around_tells_what_a_run_belongs_to(before: str, after: str, reason: str | None) -> None:
    assert judge_around(secret(random.Random(85)), before, after) == reason


def test_a_key_in_an_address_is_a_pair_whatever_its_secret_holds() -> None:
    rng = random.Random(88)
    for _ in range(20):
        content = f"https://{key_id(rng)}:{secret(rng)}@bucket.s3.amazonaws.com/simple\n".encode()
        assert [each.kind for each in scan(content, Origin("pip.conf")).findings] == [Kind.PAIR]


@pytest.mark.parametrize("after", ["TRANSFER_COMMIT=1", "TRANSFER.commit: 1", "TRANSFER = 1", "TRANSFER-ID: x"])
def test_a_shorter_secret_is_not_filled_up_with_the_name_on_the_next_line(after: str) -> None:
    content = f"AWS=1\nMFA_SECRET_KEY=T5EWFLPDDXO2I7YUBTTFMV5WDOBOY7NZ\n{after}\n".encode()
    assert not scan(content, Origin("totp.env")).findings
