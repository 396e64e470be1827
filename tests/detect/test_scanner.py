"""Content in, findings out: what a user of `keysweep.scan` sees."""

from __future__ import annotations

import base64
import gzip
import random
import sys
from datetime import UTC, datetime
from types import FrameType

import pytest

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep import Finding, Origin, scan
from keysweep.detect.encodings import MAX_RUN_BYTES
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import redactor
from keysweep.findings import Confidence, Kind, ProblemCode, Role, ScanResult, Severity

RNG = random.Random(20)
ID, SECRET = key_id(RNG), secret(RNG)
ID2, SECRET2 = key_id(RNG), secret(RNG)
CONFIG = f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\nregion = cn-north-1\n".encode()


def findings(content: bytes | str, path: str = "file.txt") -> tuple[Finding, ...]:
    content = content.encode() if isinstance(content, str) else content
    result = scan(content, Origin(path))
    assert result.problems == ()
    return result.findings


def the_pair(content: bytes | str) -> Finding:
    (finding,) = findings(content)
    assert finding.kind is Kind.PAIR
    assert finding.key_id == ID
    assert revealed(finding, Role.SECRET) == SECRET
    assert finding.severity is Severity.HIGH
    return finding


def revealed(finding: Finding, role: Role) -> str | None:
    part = finding.part(role)
    return part.value.reveal() if part else None


def test_a_credentials_file_gives_one_pair_with_everything_known_about_it() -> None:
    finding = the_pair(CONFIG)
    assert (finding.place.line, finding.place.column) == (2, 21)
    assert finding.account_id == "123456789012"
    assert finding.confidence is Confidence.HIGH
    assert (finding.region, finding.partition) == ("cn-north-1", "aws-cn")
    assert any("neighbouring lines" in reason for reason in finding.reasons)


def test_no_representation_of_a_result_gives_the_secret_away() -> None:
    result = scan(CONFIG, Origin("x"))
    assert SECRET not in repr(result)
    assert SECRET not in str(result.findings[0].parts[1].value)
    assert SECRET[4:] not in "".join(place.place.snippet for place in result.findings[0].parts)


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.decode().encode("utf-16"),
        lambda text: text.decode().encode("utf-16-le"),
        lambda text: text.decode().encode("utf-16-be"),
        lambda text: b"data: " + base64.b64encode(text),
        lambda text: b"data: " + base64.b64encode(b"x" + text),
        lambda text: b"data: " + base64.b64encode(b"xy" + text),
        lambda text: base64.urlsafe_b64encode(text),
        lambda text: b"intro\n\n" + base64.encodebytes(b"a text that is long enough to be wrapped\n" * 5 + text),
        lambda text: base64.b64encode(base64.b64encode(text)),
        lambda text: base64.b64encode(base64.b64encode(base64.b64encode(text))),
        lambda text: base64.b64encode(text.decode().encode("utf-16-le")),
        lambda text: text.hex().encode(),
        lambda text: text.hex().upper().encode(),
        lambda text: "".join(f"\\x{byte:02x}" for byte in text).encode(),
        lambda text: "".join(f"%{byte:02X}" for byte in text).encode(),
        lambda text: "".join(f"\\u{byte:04x}" for byte in text).encode(),
        lambda text: "".join(f"&#{byte};" for byte in text).encode(),
        lambda text: "".join(f"&#x{byte:X};" for byte in text).encode(),
        lambda text: text.hex(" ").encode(),
        gzip.compress,
        lambda text: b"release: " + base64.b64encode(gzip.compress(text)),
        lambda text: b"release: " + base64.b64encode(base64.b64encode(gzip.compress(text))),
        lambda text: random.Random(1).randbytes(301) + text.decode().replace("\n", " ").encode("utf-16-le") + b"\xff" * 99,
        lambda text: b"\x7fELF\x02\x01" + bytes(range(256)) * 4 + text + bytes(range(256)),
    ],
)  # fmt: skip
def test_an_encoded_configuration_gives_the_same_pair(encode) -> None:  # type: ignore[no-untyped-def]
    finding = the_pair(encode(CONFIG))
    assert finding.fingerprint == the_pair(CONFIG).fingerprint


def test_the_decoding_path_says_where_the_encoded_run_stands() -> None:
    finding = the_pair(b"a: 1\nb: 2\nc: " + base64.b64encode(CONFIG))
    assert finding.place.line == 3
    assert finding.place.decoding == ("base64 in line 3",)


@pytest.mark.parametrize(
    "text",
    [
        f"boto.connect_s3('{ID}', '{SECRET}')",
        f'new BasicAWSCredentials("{ID}", "{SECRET}")',
        f'{{"Key": "{ID}", "aws_secret": "{SECRET}"}}',
        f"s3://{ID}:{SECRET.replace('/', '%2F').replace('+', '%2B')}@bucket/key",
        f"{ID}:{SECRET}",
        f"+{ID}\n+{SECRET}\n",
        f'x = "{ID[:9]}" + "{ID[9:]}"\nsecret_key = "{SECRET[:20]}" +\n      "{SECRET[20:]}"',
        f"export AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET[:25]}\\\n{SECRET[25:]}",
        "User name,Access key ID,Secret access key\r\n" + f"bob,{ID},{SECRET}\r\n",
        f"\ufeffAccess key ID,Secret access key\r\n{ID},{SECRET}\r\n",
        f'"source": ["aws_access_key_id={ID}\\n", "aws_secret_access_key={SECRET}\\n"]',
        '{"log": "{\\"accessKeyId\\":\\"%s\\",\\"secretAccessKey\\":\\"%s\\"}"}'
        % (ID, SECRET.replace("/", "\\\\/")),
        f"<td>{ID}</td>\n<td>{SECRET.replace('/', '&#x2F;').replace('+', '&#43;')}</td>",
        "data:\n  AWS_ACCESS_KEY_ID: "
        + base64.b64encode(ID.encode()).decode()
        + "\n  AWS_SECRET_ACCESS_KEY: "
        + base64.b64encode(SECRET.encode()).decode(),
        f"secret_key: {SECRET}\naccess_key: {ID}",
        f"<property><name>fs.s3a.access.key</name><value>{ID}</value></property>\n"
        f"<property><name>fs.s3a.secret.key</name><value>{SECRET}</value></property>",
    ],
)
def test_a_pair_is_found_however_it_is_written(text: str) -> None:
    the_pair(text)


def test_names_decide_which_secret_belongs_to_which_id() -> None:
    prod, dev = findings(
        f"AWS_ACCESS_KEY_ID_PROD={ID}\nAWS_ACCESS_KEY_ID_DEV={ID2}\n"
        f"AWS_SECRET_ACCESS_KEY_DEV={SECRET2}\nAWS_SECRET_ACCESS_KEY_PROD={SECRET}\n"
    )
    assert (prod.key_id, revealed(prod, Role.SECRET)) == (ID, SECRET)
    assert (dev.key_id, revealed(dev, Role.SECRET)) == (ID2, SECRET2)


def test_a_section_boundary_outweighs_distance() -> None:
    one, two = findings(
        f"[a]\naws_secret_access_key={SECRET}\naws_access_key_id={ID}\n"
        f"[b]\naws_secret_access_key={SECRET2}\naws_access_key_id={ID2}\n"
    )
    assert (one.key_id, revealed(one, Role.SECRET)) == (ID, SECRET)
    assert (two.key_id, revealed(two, Role.SECRET)) == (ID2, SECRET2)


def test_an_ambiguous_pair_keeps_the_other_candidate() -> None:
    (pair,) = findings(f"key {ID}\nsecret {SECRET}\nsecret {SECRET2}\n")
    assert revealed(pair, Role.SECRET) == SECRET
    assert [part.value.reveal() for part in pair.alternatives] == [SECRET2]


def test_a_temporary_triple_is_one_finding() -> None:
    temporary, token = key_id(RNG, "ASIA"), session_token(RNG)
    (finding,) = findings(
        f"export AWS_ACCESS_KEY_ID={temporary}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\nexport AWS_SESSION_TOKEN={token}\n"
    )
    assert finding.kind is Kind.TEMPORARY
    assert revealed(finding, Role.TOKEN) == token


@pytest.mark.parametrize(
    ("text", "kind", "severity"),
    [
        (f"see {ID} in the console", Kind.ACCESS_KEY_ID, Severity.LOW),
        (f"aws_secret_access_key={SECRET}", Kind.SECRET_ACCESS_KEY, Severity.MEDIUM),
        (f"AWS_SESSION_TOKEN={session_token(RNG)}", Kind.SESSION_TOKEN, Severity.MEDIUM),
        (f"AWS_BEARER_TOKEN_BEDROCK={bedrock_long(RNG)}", Kind.BEDROCK_LONG, Severity.HIGH),
        (f"token: {bedrock_short(RNG)}", Kind.BEDROCK_SHORT, Severity.HIGH),
        (f"SMTP_USER={ID}\nSMTP_PASSWORD={smtp_password(RNG)}", Kind.SES_SMTP, Severity.HIGH),
    ],
)
def test_every_kind_has_its_severity(text: str, kind: Kind, severity: Severity) -> None:
    (finding,) = findings(text)
    assert (finding.kind, finding.severity) == (kind, severity)


def test_an_expired_presigned_url_is_worth_a_note_only() -> None:
    (finding,) = findings(
        f"https://b.s3.amazonaws.com/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ID}%2F20180731%2Fus-east-1%2Fs3"
        "%2Faws4_request&X-Amz-Date=20180731T101010Z&X-Amz-Expires=3600&X-Amz-Signature=" + "0f" * 32
    )
    assert (finding.kind, finding.severity) == (Kind.SIGNED_REQUEST, Severity.INFO)
    assert finding.expires == datetime(2018, 7, 31, 11, 10, 10, tzinfo=UTC)
    assert "signature expired 2018-07-31" in finding.reasons


def test_a_presigned_url_of_version_2_that_is_still_valid_is_low() -> None:
    (finding,) = findings(
        f"https://b.s3.amazonaws.com/o?AWSAccessKeyId={ID}&Expires=4102444800&Signature=abcdefghij0123456789abcdefg%3D"
    )
    assert (finding.kind, finding.severity) == (Kind.SIGNED_REQUEST, Severity.LOW)


@pytest.mark.parametrize(
    "text",
    [
        "aws_access_key_id = AKIA"
        "IOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY"
        "EXAMPLEKEY",
        "role id AROA" + "QRSTUVWXYZ234567 and user AIDA" + "QRSTUVWXYZ234567",
        "arn:aws:iam::123456789012:user/bob",
        "SLOVAKIA" + "ABCDEFGHIJKLMNOP",
        "MKVLAKIA" + "GPLKNTYWEQHRSDFCVM" * 8,
        "git commit 0123456789abcdef0123456789abcdef01234567 fixes the secret key handling",
    ],
)
def test_what_is_no_credential_is_never_a_finding(text: str) -> None:
    assert findings(text) == ()


def test_a_placeholder_is_reported_only_when_asked_for() -> None:
    content = b"key AKIA" + b"IOSFODNN7EXAMPLE"
    (finding,) = scan(content, Origin("x"), options=Options(report_placeholders=True)).findings
    assert finding.placeholder
    assert finding.severity is Severity.INFO


def test_a_key_in_a_file_name_is_found() -> None:
    (finding,) = findings(b"nothing", path=f"backup/{ID}.csv")
    assert finding.place.decoding == ("file name",)


def test_a_pair_repeated_in_a_file_is_one_finding_with_all_its_places() -> None:
    finding = the_pair(CONFIG + b"\n" * 5 + CONFIG)
    assert len(finding.also_at) == 2


def test_a_key_of_a_canary_account_is_marked() -> None:
    (finding,) = findings("AKIA" + "SP2TPHJSQH3FJRUX")
    assert finding.canary == "Thinkst Canary"


def test_a_canary_account_of_the_users_own_is_marked() -> None:
    options = Options(canary_accounts=frozenset({"123456789012"}))
    (finding,) = scan(CONFIG, Origin("x"), options=options).findings
    assert finding.canary


def test_the_fingerprint_survives_moves_and_renames_but_not_another_secret() -> None:
    moved = the_pair(b"\n\n# moved\n" + CONFIG)
    assert moved.fingerprint == the_pair(CONFIG).fingerprint
    (other,) = findings(CONFIG.replace(SECRET.encode(), SECRET2.encode()))
    assert other.fingerprint != moved.fingerprint


def nested(rounds: int) -> bytes:
    content = CONFIG
    for _ in range(rounds):
        content = base64.b64encode(content)
    return content


def test_a_limit_that_is_hit_is_reported() -> None:
    result: ScanResult = scan(nested(2), Origin("x"), Limits(encoding_depth=1))
    assert [problem.code for problem in result.problems] == [ProblemCode.LIMIT]


def test_containers_nested_deeper_than_the_limit_are_reported() -> None:
    content = CONFIG
    for _ in range(4):
        content = gzip.compress(content)
    result = scan(content, Origin("x"), Limits(container_depth=3))
    assert [problem.code for problem in result.problems] == [ProblemCode.LIMIT]


@pytest.mark.parametrize("hyperscan", [True, False])
def test_both_engines_give_the_same_findings(hyperscan: bool) -> None:
    result = scan(nested(1) + b"\n" + CONFIG, Origin("x"), options=Options(hyperscan=hyperscan))
    assert [finding.key_id for finding in result.findings] == [ID]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_plain_text_behind_the_mark_of_utf_16_is_read(mark: bytes) -> None:
    (finding,) = scan(mark + CONFIG, Origin("x")).findings
    assert finding.kind is Kind.PAIR


def test_containers_inside_an_encoded_container_are_opened() -> None:
    twice = gzip.compress(gzip.compress(CONFIG))
    (finding,) = scan(b"data: " + base64.b64encode(twice) + b"\n", Origin("x")).findings
    assert (finding.kind, finding.place.decoding[1:]) == (Kind.PAIR, ("gzip", "gzip"))


def test_the_beginning_of_an_archive_quoted_in_a_text_is_read_as_far_as_it_goes() -> None:
    cut = scan(b"data: " + base64.b64encode(gzip.compress(CONFIG + b"more " * 999)[:-8]) + b"\n", Origin("x"))
    assert ([finding.kind for finding in cut.findings], cut.problems) == ([Kind.PAIR], ())


def test_a_run_longer_than_one_view_is_opened_to_its_end() -> None:
    other = CONFIG.replace(ID.encode(), ID2.encode()).replace(SECRET.encode(), SECRET2.encode())
    filler = b"nothing to see here, " * (MAX_RUN_BYTES // 21)
    result = scan(base64.b64encode(CONFIG + filler + other), Origin("x"))
    assert [finding.key_id for finding in result.findings] == [ID, ID2]


def test_every_credential_of_an_encoded_archive_is_reported_once_however_many_there_are() -> None:
    rng = random.Random(8)
    ids = [key_id(rng) for _ in range(3000)]
    content = base64.b64encode(gzip.compress("\n".join(ids).encode()))
    assert [finding.key_id for finding in scan(content, Origin("x")).findings] == ids


def test_of_thousands_of_secrets_only_those_in_a_text_are_taken_out_of_it() -> None:
    """Looking for each of them in each of as many texts took minutes."""
    rng = random.Random(9)
    pairs = [(key_id(rng), secret(rng)) for _ in range(1000)]
    content = "\n".join(f"aws_access_key_id={one}\naws_secret_access_key={two}\n" for one, two in pairs)
    redacted = redactor(scan(content.encode(), Origin("x")).findings)
    replaced = 0

    def count(_: FrameType, event: str, called: object) -> None:
        nonlocal replaced
        replaced += event == "c_call" and getattr(called, "__name__", "") == "replace"

    sys.setprofile(count)
    try:
        short = redacted(f"profile {pairs[7][1]} and {pairs[3][1]}")
    finally:
        sys.setprofile(None)
    assert replaced == 2
    assert short == redacted(f"profile {pairs[7][1]} and {pairs[3][1]}" + " " * 2000).rstrip()
    assert short.count("…(40 characters)") == 2
    assert redacted("nothing") == "nothing"
