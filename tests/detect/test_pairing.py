"""Which secret belongs to which key ID, as a user sees it: structure first, then distance."""

from __future__ import annotations

import random

import pytest

from fixtures.keys import key_id, secret, session_token, smtp_password, varied_secret
from keysweep import Finding, Origin, scan
from keysweep.findings import Confidence, Kind, Role, Severity

RNG = random.Random(71)
IDS = [key_id(RNG) for _ in range(12)]
SECRETS = [secret(RNG) for _ in range(12)]
(A, B), (X, Y) = IDS[:2], SECRETS[:2]


def findings(text: str) -> tuple[Finding, ...]:
    result = scan(text.encode(), Origin("file.txt"))
    assert result.problems == ()
    return result.findings


def secret_of(finding: Finding) -> str | None:
    part = finding.part(Role.SECRET)
    return part.value.reveal() if part else None


def pairs(text: str) -> dict[str | None, str | None]:
    return {finding.key_id: secret_of(finding) for finding in findings(text)}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"prod": {{"id": "{A}", "aws_secret": "{X}"}}, "dev": {{"id": "{B}", "aws_secret": "{Y}"}}}}',
        f'{{"prod": {{"aws_secret": "{X}", "id": "{A}"}}, "dev": {{"aws_secret": "{Y}", "id": "{B}"}}}}',
        f'[{{"secretAccessKey": "{X}",\n "accessKeyId": "{A}"}},\n {{"secretAccessKey": "{Y}",\n "accessKeyId": "{B}"}}]',
        f"a: {{access_key: {A}, secret_key: {X}}}\nb: {{access_key: {B}, secret_key: {Y}}}\n",
    ],
    ids=["objects", "objects secret first", "array", "flow mappings"],
)
def test_credentials_of_the_same_object_belong_together(text: str) -> None:
    assert pairs(text) == {A: X, B: Y}


@pytest.mark.parametrize(
    "sections",
    [
        (f"aws_access_key_id={A}\naws_secret_access_key={X}", f"aws_access_key_id={B}\naws_secret_access_key={Y}"),
        (f"aws_secret_access_key={X}\naws_access_key_id={A}", f"aws_access_key_id={B}\naws_secret_access_key={Y}"),
        (f"aws_secret_access_key={X}\naws_access_key_id={A}", f"aws_secret_access_key={Y}\naws_access_key_id={B}"),
        (f"aws_access_key_id={A}\naws_secret_access_key={X}", f"aws_secret_access_key={Y}\naws_access_key_id={B}"),
    ],
)
def test_credentials_of_the_same_profile_belong_together(sections: tuple[str, str]) -> None:
    text = f"[default]\n{sections[0]}\n[profile other]\n{sections[1]}\nregion = eu-west-1\n"
    assert pairs(text) == {A: X, B: Y}


def test_a_profile_without_its_secret_takes_none_from_the_next() -> None:
    text = f"[a]\naws_access_key_id={A}\n[b]\naws_access_key_id={B}\naws_secret_access_key={Y}\n"
    assert pairs(text) == {A: None, B: Y}


@pytest.mark.parametrize(
    "text",
    [
        f'one = Client("{A}", "{X}")\ntwo = Client("{B}", "{Y}")\n',
        f'aws = {{"{A}": "{X}", "{B}": "{Y}"}}\n',
        f"export AWS_ACCESS_KEY_ID={A} AWS_SECRET_ACCESS_KEY={X}\nexport AWS_ACCESS_KEY_ID={B} AWS_SECRET_ACCESS_KEY={Y}\n",
        f"aws configure set aws_access_key_id {A} && aws configure set aws_secret_access_key {X}\n"
        f"aws configure set aws_access_key_id {B} && aws configure set aws_secret_access_key {Y}\n",
        f"User name,Access key ID,Secret access key\nann,{A},{X}\nbob,{B},{Y}\n",
    ],
    ids=["calls", "mapping", "exports", "configure", "csv"],
)
def test_credentials_of_the_same_statement_belong_together(text: str) -> None:
    assert pairs(text) == {A: X, B: Y}


@pytest.mark.parametrize(
    ("one", "two"), [("PROD", "DEV"), ("prod", "dev"), ("STAGING_EU", "STAGING_US"), ("1", "2"), ("Prod", "Test")]
)
@pytest.mark.parametrize("seed", range(4))
def test_names_that_end_alike_belong_together_in_any_order(one: str, two: str, seed: int) -> None:
    lines = [
        f"AWS_ACCESS_KEY_ID_{one}={A}",
        f"AWS_ACCESS_KEY_ID_{two}={B}",
        f"AWS_SECRET_ACCESS_KEY_{one}={X}",
        f"AWS_SECRET_ACCESS_KEY_{two}={Y}",
    ]
    random.Random(seed).shuffle(lines)
    assert pairs("\n".join(lines) + "\n") == {A: X, B: Y}


@pytest.mark.parametrize(
    ("id_name", "secret_name"),
    [
        ("PROD_AWS_ACCESS_KEY_ID", "PROD_AWS_SECRET_ACCESS_KEY"),
        ("awsAccessKeyIdProd", "awsSecretAccessKeyProd"),
        ("prod.aws.access-key", "prod.aws.secret-key"),
        ("prod_s3_access_key", "prod_s3_secret_key"),
    ],
)
def test_names_that_are_alike_elsewhere_belong_together(id_name: str, secret_name: str) -> None:
    other_id, other_secret = (
        name.replace("prod", "dev").replace("PROD", "DEV").replace("Prod", "Dev")
        for name in (id_name, secret_name)
    )
    text = f"{id_name} = {A}\n{other_id} = {B}\n{other_secret} = {Y}\n{secret_name} = {X}\n"
    assert pairs(text) == {A: X, B: Y}


def test_the_reasons_name_what_the_names_share() -> None:
    (finding,) = findings(f"AWS_ACCESS_KEY_ID_PROD={A}\nAWS_SECRET_ACCESS_KEY_PROD={X}\n")
    assert "both names end in prod" in finding.reasons
    assert "they stand in neighbouring lines" in finding.reasons
    assert finding.confidence is Confidence.HIGH


def test_the_nearest_secret_is_taken_where_nothing_else_decides() -> None:
    text = f"key: {A}\nsecret: {X}\n" + "filler: 1\n" * 20 + f"key: {B}\nsecret: {Y}\n"
    assert pairs(text) == {A: X, B: Y}


@pytest.mark.parametrize("lines", [1, 2, 10, 60, 300])
def test_distance_lowers_the_confidence_but_not_the_pair(lines: int) -> None:
    (finding,) = findings(
        f"aws_access_key_id = {A}\n" + "setting = value\n" * (lines - 1) + f"aws_secret_access_key = {X}\n"
    )
    assert (finding.kind, finding.severity, secret_of(finding)) == (Kind.PAIR, Severity.HIGH, X)
    where = "in neighbouring lines" if lines == 1 else f"{lines} lines apart"
    assert f"they stand {where}" in finding.reasons


def test_confidence_falls_as_the_distance_grows() -> None:
    texts = [
        f"aws_access_key_id = {A}\n" + "s = v\n" * gap + f"aws_secret_access_key = {X}\n" for gap in (0, 40, 8000)
    ]
    levels = [findings(text)[0].confidence for text in texts]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[-1]


def test_the_only_two_in_a_file_belong_together_however_far_apart() -> None:
    (finding,) = findings(f"aws_access_key_id = {A}\n" + "s = v\n" * 40000 + f"aws_secret_access_key = {X}\n")
    assert (finding.kind, finding.confidence) == (Kind.PAIR, Confidence.LOW)
    assert "they are the only ones in the file" in finding.reasons


@pytest.mark.parametrize("count", [2, 3])
def test_an_ambiguous_pair_keeps_the_others_ranked_by_nearness(count: int) -> None:
    text = f"key {A}\n" + "".join(f"secret {value}\n" for value in SECRETS[:count])
    (finding,) = findings(text)
    assert secret_of(finding) == SECRETS[0]
    assert [part.value.reveal() for part in finding.alternatives] == SECRETS[1:count]
    assert [part.place.line for part in finding.alternatives] == list(range(3, count + 2))


def test_a_clear_pair_has_no_alternatives() -> None:
    for finding in findings(f"[a]\naws_access_key_id={A}\naws_secret_access_key={X}\n"):
        assert finding.alternatives == ()


def test_a_secret_of_another_pair_is_no_alternative() -> None:
    for finding in findings(f"key {A}\naws_secret_key {X}\nkey {B}\naws_secret_key {Y}\n"):
        assert finding.alternatives == ()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "template",
    [
        "aws_access_key_id = {id}\naws_secret_access_key = {secret}\n",
        "aws_access_key_id = {id}\naws_secret_access_key = {secret}\n\n",
        "[{name}]\naws_secret_access_key = {secret}\naws_access_key_id = {id}\n",
        '  {{"accessKeyId": "{id}", "secretAccessKey": "{secret}"}},\n',
        "{name},{id},{secret}\n",
        "  {name}:\n    access_key: {id}\n    secret_key: {secret}\n",
    ],
)
def test_several_pairs_in_one_file_are_not_crossed(template: str, seed: int) -> None:
    rng = random.Random(seed)
    wanted: dict[str | None, str | None] = {key_id(rng): varied_secret(rng) for _ in range(rng.randrange(2, 9))}
    text = "".join(
        template.format(id=identifier, secret=value, name=f"user{number}")
        for number, (identifier, value) in enumerate(wanted.items())
    )
    assert pairs(text) == wanted


def test_pairs_in_one_file_are_reported_in_the_order_in_which_they_stand() -> None:
    text = "".join(
        f"aws_access_key_id={one}\naws_secret_access_key={two}\n" for one, two in zip(IDS, SECRETS, strict=True)
    )
    assert [finding.key_id for finding in findings(text)] == IDS
    assert [finding.place.line for finding in findings(text)] == list(range(1, 24, 2))


def test_temporary_triples_are_not_crossed() -> None:
    triples = [(key_id(RNG, "ASIA"), secret(RNG), session_token(RNG)) for _ in range(3)]
    text = "".join(
        f"[{number}]\naws_access_key_id={one}\naws_secret_access_key={two}\naws_session_token={three}\n"
        for number, (one, two, three) in enumerate(triples)
    )
    assert [tuple(part.value.reveal() for part in finding.parts) for finding in findings(text)] == triples
    assert {finding.kind for finding in findings(text)} == {Kind.TEMPORARY}


def test_a_session_token_does_not_join_a_long_term_key() -> None:
    token = session_token(RNG)
    kinds = {
        finding.kind
        for finding in findings(f"aws_access_key_id={A}\naws_secret_access_key={X}\nother_session_token={token}\n")
    }
    assert kinds == {Kind.PAIR, Kind.SESSION_TOKEN}


def test_a_temporary_key_without_its_token_says_so() -> None:
    (finding,) = findings(f"aws_access_key_id={key_id(RNG, 'ASIA')}\naws_secret_access_key={X}\n")
    assert finding.kind is Kind.PAIR
    assert any("session token that was not found" in reason for reason in finding.reasons)


def test_a_mail_password_goes_to_the_key_that_has_no_secret() -> None:
    password = smtp_password(RNG)
    text = f"aws_access_key_id={A}\naws_secret_access_key={X}\n\n[mail]\nsmtp_user={B}\nsmtp_password={password}\n"
    one, two = findings(text)
    assert (one.kind, one.key_id, secret_of(one)) == (Kind.PAIR, A, X)
    assert (two.kind, two.key_id) == (Kind.SES_SMTP, B)


def test_a_repeated_pair_is_one_finding_at_its_first_place() -> None:
    block = f"aws_access_key_id={A}\naws_secret_access_key={X}\n"
    (finding,) = findings(block + "x\n" * 9 + block + block)
    assert [part.place.line for part in finding.parts] == [1, 2]
    assert [place.line for place in finding.also_at] == [12, 13, 14, 15]


def test_two_ids_of_one_secret_leave_one_of_them_alone() -> None:
    found = pairs(f"aws_access_key_id={A}\naws_secret_access_key={X}\naws_access_key_id={B}\n")
    assert found == {A: X, B: None}


def test_a_secret_named_outright_is_reported_even_where_it_may_belong_to_a_pair() -> None:
    pair, left = findings(f"key {A}\naws_secret_key {X}\naws_secret_key {Y}\n")
    assert (pair.kind, secret_of(pair)) == (Kind.PAIR, X)
    assert [part.value.reveal() for part in pair.alternatives] == [Y]
    assert (left.kind, secret_of(left)) == (Kind.SECRET_ACCESS_KEY, Y)


def test_a_secret_before_and_after_goes_with_the_one_of_its_object() -> None:
    text = f'{{"a": {{"secret_key": "{X}"}}, "b": {{"access_key": "{A}",\n\n\n"secret_key": "{Y}"}}}}'
    (finding, *_) = [each for each in findings(text) if each.key_id == A]
    assert secret_of(finding) == Y
