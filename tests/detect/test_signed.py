"""Signed requests: presigned URLs and signed headers, worth less than a pair and nothing once expired."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta

import pytest

from fixtures.keys import key_id, secret, session_token
from keysweep import Finding, Origin, scan
from keysweep.findings import Kind, Role, Severity

RNG = random.Random(61)
ID, SECRET = key_id(RNG), secret(RNG)
TEMPORARY = key_id(RNG, "ASIA")
SIGNATURE = f"{RNG.getrandbits(256):064x}"
V2_SIGNATURE = base64.b64encode(RNG.randbytes(20)).decode()
OLD = datetime(2019, 3, 4, 5, 6, 7, tzinfo=UTC)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def version_4(
    issued: datetime, lifetime: int = 3600, identifier: str = ID, region: str = "eu-west-1", slash: str = "%2F"
) -> str:
    scope = slash.join((identifier, issued.strftime("%Y%m%d"), region, "s3", "aws4_request"))
    return (
        f"https://bucket.s3.amazonaws.com/object?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}"
        f"&X-Amz-Date={issued.strftime('%Y%m%dT%H%M%SZ')}&X-Amz-Expires={lifetime}"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}"
    )


def version_2(expires: int) -> str:
    signature = V2_SIGNATURE.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"https://b.s3.amazonaws.com/o?AWSAccessKeyId={ID}&Expires={expires}&Signature={signature}"


def header_4(issued: datetime, stamped: bool = True) -> str:
    date = f"X-Amz-Date: {issued.strftime('%Y%m%dT%H%M%SZ')}\n" if stamped else ""
    return (
        f"GET / HTTP/1.1\n{date}Authorization: AWS4-HMAC-SHA256 "
        f"Credential={ID}/{issued.strftime('%Y%m%d')}/eu-west-1/s3/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={SIGNATURE}\n"
    )


def signed(text: str) -> Finding:
    (finding,) = scan(text.encode(), Origin("access.log")).findings
    assert finding.kind is Kind.SIGNED_REQUEST
    return finding


def test_a_presigned_url_of_version_4_says_from_when_until_when_it_was_valid() -> None:
    finding = signed(version_4(OLD, lifetime=7200))
    assert (finding.key_id, finding.account_id) == (ID, "123456789012")
    assert finding.issued == OLD
    assert finding.expires == OLD + timedelta(hours=2)
    assert finding.severity is Severity.INFO
    assert "signature expired 2019-03-04" in finding.reasons


def test_a_presigned_url_of_version_4_that_is_still_valid_is_low() -> None:
    issued = now() - timedelta(minutes=5)
    finding = signed(version_4(issued, lifetime=604800))
    assert finding.expires == issued + timedelta(days=7)
    assert finding.severity is Severity.LOW
    assert f"signature valid until {(issued + timedelta(days=7)).date().isoformat()}" in finding.reasons


@pytest.mark.parametrize(("age", "severity"), [(3500, Severity.LOW), (3700, Severity.INFO)])
def test_an_hour_of_validity_ends_after_an_hour(age: int, severity: Severity) -> None:
    assert signed(version_4(now() - timedelta(seconds=age), lifetime=3600)).severity is severity


def test_a_presigned_url_of_version_2_is_judged_by_its_epoch() -> None:
    expired = signed(version_2(int(OLD.timestamp())))
    assert (expired.expires, expired.severity, expired.issued) == (OLD, Severity.INFO, None)
    valid = signed(version_2(int((now() + timedelta(days=1)).timestamp())))
    assert valid.severity is Severity.LOW


@pytest.mark.parametrize(
    "text",
    [
        f"https://b.s3.amazonaws.com/o?Expires=1551675967&Signature={V2_SIGNATURE.rstrip('=')}%3D&AWSAccessKeyId={ID}",
        version_2(1551675967).replace("&", "&amp;"),
        version_2(1551675967).replace("&", "\\u0026"),
    ],
)
def test_the_parameters_of_version_2_are_read_in_any_order_and_spelling(text: str) -> None:
    assert signed(text).expires == OLD


@pytest.mark.parametrize("slash", ["%2F", "%2f", "%252F", "/", "\\/", "\\u002F"])
def test_the_scope_is_read_however_its_slashes_are_written(slash: str) -> None:
    finding = signed(version_4(OLD, slash=slash))
    assert (finding.region, finding.partition) == ("eu-west-1", "aws")
    assert finding.expires == OLD + timedelta(hours=1)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-northwest-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_region_that_was_signed_tells_the_partition(region: str, partition: str) -> None:
    finding = signed(version_4(OLD, region=region))
    assert (finding.region, finding.partition) == (region, partition)


def test_a_signed_header_of_version_4_is_valid_for_fifteen_minutes() -> None:
    finding = signed(header_4(OLD))
    assert finding.issued == OLD
    assert finding.expires == OLD + timedelta(minutes=15)
    assert finding.severity is Severity.INFO
    assert signed(header_4(now() - timedelta(minutes=1))).severity is Severity.LOW


def test_a_signed_header_without_its_date_is_valid_until_the_day_is_over() -> None:
    finding = signed(header_4(OLD, stamped=False))
    assert finding.issued == datetime(2019, 3, 4, tzinfo=UTC)
    assert finding.expires == datetime(2019, 3, 5, 0, 15, tzinfo=UTC)


def test_a_signed_header_of_version_2_is_recognised() -> None:
    finding = signed(f"Authorization: AWS {ID}:{V2_SIGNATURE}\n")
    assert (finding.severity, finding.expires) == (Severity.LOW, None)
    assert "stands in a signed request, which shows no secret" in finding.reasons


def test_the_signature_is_no_secret_and_no_part_of_the_finding() -> None:
    for text in (
        version_4(OLD),
        version_2(1551675967),
        header_4(OLD),
        f"Authorization: AWS {ID}:{V2_SIGNATURE}\n",
    ):
        assert [part.role for part in signed(text).parts] == [Role.KEY_ID]


def test_the_session_token_of_a_presigned_url_belongs_to_it_and_does_not_raise_its_severity() -> None:
    token = session_token(RNG)
    escaped = token.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    finding = signed(version_4(OLD, identifier=TEMPORARY) + f"&X-Amz-Security-Token={escaped}")
    part = finding.part(Role.TOKEN)
    assert part is not None
    assert part.value.reveal() == token
    assert (finding.key_id, finding.severity) == (TEMPORARY, Severity.INFO)


def test_a_secret_beside_a_signed_request_goes_to_the_key_that_signed_nothing() -> None:
    other = key_id(RNG)
    text = f"aws_secret_access_key = {SECRET}\n{version_4(OLD)}\n\n\naws_access_key_id = {other}\n"
    pair, request = sorted(scan(text.encode(), Origin("x")).findings, key=lambda each: -each.severity)
    assert (pair.kind, pair.key_id) == (Kind.PAIR, other)
    assert (request.kind, request.key_id) == (Kind.SIGNED_REQUEST, ID)


def test_the_same_key_in_a_log_and_in_a_configuration_is_the_pair() -> None:
    text = version_4(OLD) + f"\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
    (finding,) = scan(text.encode(), Origin("x")).findings
    assert (finding.kind, finding.severity) == (Kind.PAIR, Severity.HIGH)
    part = finding.part(Role.SECRET)
    assert part is not None
    assert part.value.reveal() == SECRET


def test_one_finding_a_key_however_many_requests_it_signed() -> None:
    finding = signed("\n".join(version_4(OLD + timedelta(days=day)) for day in range(5)))
    assert len(finding.also_at) == 4
    assert [place.line for place in finding.also_at] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    "change",
    [
        ("X-Amz-Date=20190304T050607Z", "X-Amz-Date=20191399T999999Z"),
        ("%2F20190304%2F", "%2F20191399%2F"),
        ("X-Amz-Expires=3600", "X-Amz-Expires=9999999"),
        ("X-Amz-Expires=3600", "X-Amz-Expires=never"),
        ("&X-Amz-Date=20190304T050607Z", ""),
    ],
)
def test_dates_that_make_no_sense_are_survived(change: tuple[str, str]) -> None:
    assert signed(version_4(OLD).replace(*change)).key_id == ID


@pytest.mark.parametrize("expires", ["99999999999", "00000000000", "253402300800", "-1"])
def test_an_epoch_that_makes_no_sense_is_survived(expires: str) -> None:
    assert signed(version_2(0).replace("Expires=0", f"Expires={expires}")).key_id == ID


def test_a_key_id_beside_no_signature_is_only_an_id() -> None:
    (finding,) = scan(f"https://b.s3.amazonaws.com/o?AWSAccessKeyId={ID}&x=1\n".encode(), Origin("x")).findings
    assert finding.kind is Kind.ACCESS_KEY_ID
