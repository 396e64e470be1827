"""What an answer of STS means, and what is none."""

from __future__ import annotations

import pytest

from keysweep.aws.outcomes import Meaning, read

ARN = "arn:aws:iam::123456789012:user/ci"


def identity(arn: str = ARN, account: str = "123456789012", root: str = "GetCallerIdentityResponse") -> str:
    return (
        f"<{root}><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>AIDATEST</UserId><Account>{account}</Account>"
        f"</GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{root}>"
    )


def test_an_identity_is_live() -> None:
    outcome = read(200, {}, identity().encode())
    assert (outcome.meaning, outcome.arn, outcome.account_id) == (Meaning.LIVE, ARN, "123456789012")
    assert (outcome.user_id, outcome.request_id) == ("AIDATEST", "r-1")


@pytest.mark.parametrize(
    "body",
    [
        identity("arn:aws:iam::abcdefghijkl:user/ci", "abcdefghijkl").encode(),
        identity("arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:user/ci", "١٢٣٤٥٦٧٨٩٠١٢").encode(),
        identity(account="210987654321").encode(),
        identity("arn:aws:iam::123456789012:user/\u009b31mci\u202e").encode(),
        identity("arn:aws:iam::123456789012:user/" + "c" * 5000).encode(),
        identity(root="html").encode(),
        identity(root="ErrorResponse").encode(),
        identity().encode("utf-16"),
        f'<!DOCTYPE a [<!ENTITY b "{ARN}">]>{identity("&b;")}'.encode("utf-16"),
        f'<?xml version="1.0" encoding="nonsense"?>{identity("x")}'.encode(),
        f'<?xml version="1.0" encoding="cp932"?>{identity("x")}'.encode(),
        b"<a>" * 20_000,
        b"\xff\xfe",
    ],
)
def test_what_no_sts_would_write_is_odd(body: bytes) -> None:
    outcome = read(200, {}, body)
    assert (outcome.meaning, outcome.arn) == (Meaning.ODD, None)


def test_the_code_of_an_error_counts_only_in_an_error() -> None:
    body = b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"
    assert read(403, {}, body).meaning is Meaning.INVALID
    assert read(302, {}, body).meaning is Meaning.ODD


def test_the_name_of_a_request_is_kept_only_if_it_is_one() -> None:
    for name in ("\x1b[31m", "a" * 60_000, "a b"):
        assert read(400, {"X-Amzn-RequestId": name}, b"").request_id is None
    assert read(400, {"X-Amzn-RequestId": "01234567-89ab"}, b"").request_id == "01234567-89ab"
