"""What a user agent and an address tell of whatever uses a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.account.usage.agents import Confidence, Kind, guess, program

PUBLIC = "203.0.113.7"


@pytest.mark.parametrize(
    ("agent", "kind", "confidence"),
    [
        ("configure-aws-credentials-for-github-actions", Kind.GITHUB, Confidence.SURE),
        (
            "aws-cli/2.17.0 md/awscrt#0.20.11 os/linux#6.5.0-1025-azure md/arch#x86_64",
            Kind.GITHUB,
            Confidence.MAYBE,
        ),
        (
            "Boto3/1.34.0 md/Botocore#1.34.0 os/linux#5.10 exec-env/AWS_Lambda_python3.11",
            Kind.LAMBDA,
            Confidence.SURE,
        ),
        ("aws-sdk-java/2.20 Linux/5.10 exec-env/AWS_ECS_FARGATE", Kind.ECS, Confidence.SURE),
        ("aws-cli/2.15.0 Python/3.11 Linux/6.1 exec-env/CloudShell", Kind.SHELL, Confidence.SURE),
        ("Boto3/1.17 Python/3.8 Linux/4.14.231-180.360.amzn2.x86_64 Botocore/1.20", Kind.EC2, Confidence.LIKELY),
        ("aws-cli/2.15.30 Python/3.11.8 Linux/5.15.0-1051-aws exe/x86_64", Kind.EC2, Confidence.LIKELY),
        ("aws-cli/2.15.30 Python/3.11.8 Darwin/23.4.0 source/arm64 prompt/off", Kind.LAPTOP, Confidence.LIKELY),
        ("aws-cli/2.17.0 ua/2.0 os/macos#23.5.0 md/arch#arm64", Kind.LAPTOP, Confidence.LIKELY),
        ("aws-cli/2.17.0 os/linux#5.15.153.1-microsoft-standard-WSL2", Kind.LAPTOP, Confidence.LIKELY),
        ("aws-cli/2.17.0 os/windows#10 md/arch#amd64", Kind.LAPTOP, Confidence.MAYBE),
        ("aws-cli/1.16 Python/3.6 Windows/2019Server botocore/1.12", Kind.SERVER, Confidence.LIKELY),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.5.7 aws-sdk-go-v2/1.30 os/macos", Kind.LAPTOP, Confidence.LIKELY),
        ("[Boto3/1.9 Python/3.9 Linux/6.1.0-kali9-amd64 Botocore/1.12]", Kind.ATTACK, Confidence.LIKELY),
        ("cluster-autoscaler/v1.28 aws-sdk-go/1.44", Kind.EKS, Confidence.LIKELY),
        ("Datadog/7.50 Boto3/1.26", Kind.THIRD_PARTY, Confidence.LIKELY),
        ("Jenkins/2.4 aws-sdk-java/1.12 Linux/5.4.0-150-generic", Kind.JENKINS, Confidence.SURE),
        ("GitLab-Runner/16.0 aws-sdk-go/1.44", Kind.GITLAB, Confidence.SURE),
        ("aws-cli/2.15 Python/3.11 Linux/5.4.0-150-generic", Kind.SERVER, Confidence.MAYBE),
        ("rclone/v1.65.0", Kind.SERVER, Confidence.MAYBE),
        ("aws-sdk-go/1.44.0 (go1.19; linux; amd64)", Kind.UNKNOWN, Confidence.NONE),
        ("", Kind.UNKNOWN, Confidence.NONE),
    ],
)
def test_what_programs_send_is_understood_and_it_is_said_how_well(
    agent: str, kind: Kind, confidence: Confidence
) -> None:
    told = guess(agent, PUBLIC)
    assert (told.kind, told.confidence) == (kind, confidence)
    assert told.why


def test_a_service_of_aws_that_calls_for_somebody_is_named() -> None:
    for told in (
        guess("aws-cli/2", "cloudformation.amazonaws.com"),
        guess("x", PUBLIC, invoked_by="athena.amazonaws.com"),
        guess("x", "AWS Internal"),
    ):
        assert told.kind is Kind.SERVICE
    assert guess("x", "cloudformation.amazonaws.com.example.org").kind is Kind.UNKNOWN


def test_a_private_address_counts_only_with_the_endpoint_that_it_came_through() -> None:
    assert guess("Boto3/1", "10.0.3.7", vpc_endpoint="vpce-0a").kind is Kind.EC2
    assert guess("Boto3/1", "10.0.3.7").kind is Kind.UNKNOWN
    assert guess("Boto3/1", PUBLIC, vpc_endpoint="vpce-0a").kind is Kind.UNKNOWN
    sure = guess("Boto3/1 exec-env/AWS_ECS_EC2", "10.0.3.7", vpc_endpoint="vpce-0a")
    assert sure.kind is Kind.ECS, "what a program says of itself tells more"


def test_a_public_address_tells_nothing() -> None:
    assert guess("Boto3/1", "54.240.197.233").kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("aws-cli/2.15.30 Python/3.11", "aws-cli/2"),
        ("[S3Console/0.4, aws-internal/3]", "S3Console/0"),
        ("configure-aws-credentials", "configure-aws-credentials"),
        ("", ""),
        ("x" * 10_000, "x" * 60),
    ],
)
def test_a_program_is_known_by_its_name_and_first_number(agent: str, name: str) -> None:
    assert program(agent) == name


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_no_event_is_too_odd(agent: str, address: str, invoked_by: str, endpoint: str) -> None:
    told = guess(agent, address, invoked_by=invoked_by, vpc_endpoint=endpoint)
    assert told == guess(agent, address, invoked_by=invoked_by, vpc_endpoint=endpoint)
    assert (told.kind is Kind.UNKNOWN) == (told.confidence is Confidence.NONE)
    assert len(program(agent)) <= 60


@given(st.text(alphabet="abAB/-. ", min_size=100).map(lambda it: it * 100))
def test_what_stands_behind_the_first_part_of_a_long_user_agent_does_not_count(agent: str) -> None:
    assert guess(agent[:10_000] + " kali", PUBLIC) == guess(agent[:10_000], PUBLIC)
