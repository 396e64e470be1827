"""What uses a key, guessed from what CloudTrail writes down of one call; pure, and one table.

User agents: what AWS's SDKs and CLI send (aws-sdk shared user agent header: `os/`, `md/`, `exec-env/`), what
CloudTrail puts in their place where a service calls (CloudTrail user guide, CloudTrail record contents,
`sourceIPAddress`, `userAgent`, `userIdentity.invokedBy`). All of it but an address was chosen by whoever had the
key, so that a guess says how sure it is and never more. Which public addresses belong to EC2 is not known offline.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address, ip_network

from keysweep.frozen import frozen


class Kind(Enum):
    """What uses a key, in words that go on from `used by`."""

    GITHUB = "GitHub Actions"
    GITLAB = "GitLab CI"
    BITBUCKET = "Bitbucket Pipelines"
    CIRCLECI = "CircleCI"
    JENKINS = "Jenkins"
    CI = "a CI system"
    LAMBDA = "Lambda"
    ECS = "ECS"
    EKS = "Kubernetes"
    EC2 = "EC2"
    BUILD = "AWS compute"
    SHELL = "CloudShell"
    LAPTOP = "a person's computer"
    SERVER = "a server"
    THIRD_PARTY = "a service of somebody else"
    SERVICE = "a service of AWS"
    ATTACK = "a tool for attacks"
    UNKNOWN = "something unknown"


class Confidence(Enum):
    """How sure a guess is."""

    SURE = "it says so itself"
    LIKELY = "likely"
    MAYBE = "maybe"
    NONE = "not known"


@frozen
class Guess:
    """What uses a key, and what says so."""

    kind: Kind
    confidence: Confidence
    why: str
    """A clause."""


NOT_KNOWN = Guess(Kind.UNKNOWN, Confidence.NONE, "nothing in its user agent tells")

_MOST_CHARACTERS = 2_000
"""Of a user agent: whoever has the key may send more."""
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", re.ASCII)


def _row(pattern: str, kind: Kind, confidence: Confidence, why: str) -> tuple[re.Pattern[str], Guess]:
    return re.compile(pattern, re.IGNORECASE), Guess(kind, confidence, why)


_SURE, _LIKELY, _MAYBE = Confidence.SURE, Confidence.LIKELY, Confidence.MAYBE
TABLE = (
    _row(r"\b(kali|parrot|pentoo)\d*\b", Kind.ATTACK, _LIKELY, "its system is one for attacks"),
    _row(
        r"\b(pacu|trufflehog|cloudfox|scoutsuite|enumerate-iam|weirdaal|nuclei)\b",
        Kind.ATTACK,
        _LIKELY,
        "its program tries out keys or looks for weaknesses",
    ),
    _row(r"configure-aws-credentials-for-github|github[-_ ]?actions", Kind.GITHUB, _SURE, "its program says so"),
    _row(r"gitlab", Kind.GITLAB, _SURE, "its user agent names it"),
    _row(r"bitbucket", Kind.BITBUCKET, _SURE, "its user agent names it"),
    _row(r"circle-?ci", Kind.CIRCLECI, _SURE, "its user agent names it"),
    _row(r"jenkins", Kind.JENKINS, _SURE, "its user agent names it"),
    _row(
        r"\b(buildkite|teamcity|travis|drone|azure-?pipelines|vsts|spinnaker|argo-?cd|octopus)",
        Kind.CI,
        _SURE,
        "its user agent names one",
    ),
    _row(r"exec-env/AWS_Lambda_", Kind.LAMBDA, _SURE, "its execution environment is that of Lambda"),
    _row(r"exec-env/AWS_ECS_", Kind.ECS, _SURE, "its execution environment is that of ECS or Fargate"),
    _row(r"exec-env/CloudShell", Kind.SHELL, _SURE, "its execution environment is CloudShell"),
    _row(r"exec-env/(AWS_)?EKS", Kind.EKS, _SURE, "its execution environment is that of EKS"),
    _row(r"exec-env/EC2\b", Kind.EC2, _SURE, "its execution environment is EC2"),
    _row(
        r"exec-env/(AWS_|Amazon|Sage)",
        Kind.BUILD,
        _SURE,
        "its execution environment is one of AWS's other services",
    ),
    _row(
        r"\b(kubernetes|kube-|cluster-autoscaler|external-dns|external-secrets|karpenter|velero|cert-manager"
        r"|elbv2\.k8s\.aws|fluxcd)|\.csi\.aws\.com",
        Kind.EKS,
        _LIKELY,
        "its program runs in Kubernetes",
    ),
    _row(
        r"\b(datadog|newrelic|cloudhealth|spotinst|spot\.io|dynatrace|wiz|orca|lacework|snyk|fivetran|segment"
        r"|snowflake|databricks|cloudability|vanta|drata)\b",
        Kind.THIRD_PARTY,
        _LIKELY,
        "its user agent names a service of somebody else",
    ),
    _row(
        r"\b(os/macos|darwin|mac ?os ?x?)\b", Kind.LAPTOP, _LIKELY, "its system is macOS, which few servers have"
    ),
    _row(r"microsoft-standard|\bwsl2?\b", Kind.LAPTOP, _LIKELY, "its system is Linux within Windows"),
    _row(r"linuxkit", Kind.LAPTOP, _LIKELY, "its system is that of Docker Desktop"),
    _row(r"Windows[/ #]?(NT )?\d{4}Server|Windows ?Server", Kind.SERVER, _LIKELY, "its system is Windows Server"),
    _row(
        r"^(Mozilla|S3 Browser|Cyberduck|WinSCP|CloudBerry|Transmit)", Kind.LAPTOP, _LIKELY, "a person's program"
    ),
    _row(r"\bos/windows|\bwindows[/ ]", Kind.LAPTOP, _MAYBE, "its system is Windows"),
    _row(
        r"\d-azure\b",
        Kind.GITHUB,
        _MAYBE,
        "its system is Linux at Azure, where the runners of GitHub are, and others",
    ),
    _row(r"amzn\d*|\d-aws\b|bottlerocket", Kind.EC2, _LIKELY, "its kernel is one that AWS makes"),
    _row(
        r"\d-(generic|gke|cloud-amd64|cloud-arm64|amd64|arm64|default|pve)\b|\.el\d|\.fc\d{2}",
        Kind.SERVER,
        _MAYBE,
        "its system is a Linux that no place is known of",
    ),
    _row(r"^\[?(rclone|s3fs|restic|duplicity|MinIO)", Kind.SERVER, _MAYBE, "its program copies files to S3"),
)
"""The first row that fits counts: what a program says of itself before what its system tells."""


@lru_cache(4096)
def guess(agent: str, address: str, *, invoked_by: str = "", vpc_endpoint: str = "") -> Guess:
    """What made a call, by its user agent, its source address, who called on its behalf, and how it came in."""
    for name in (invoked_by, address):
        if _SERVICE.fullmatch(name) or name.lower() == "aws internal":
            return Guess(Kind.SERVICE, _SURE, f"{name} called on behalf of the key")
    known = next((each for pattern, each in TABLE if pattern.search(agent[:_MOST_CHARACTERS])), NOT_KNOWN)
    if known.confidence in {Confidence.NONE, Confidence.MAYBE} and is_inside(address, vpc_endpoint):
        return Guess(
            Kind.EC2,
            _LIKELY,
            "it came through an endpoint in a VPC, from a private address of AWS or joined to it",
        )
    return known


def is_inside(address: str, vpc_endpoint: str) -> bool:
    """Whether a call came out of a VPC, whose events have private addresses and the endpoint."""
    try:
        here = ip_address(address)
    except ValueError:
        return False
    return bool(vpc_endpoint) and any(here in network for network in _PRIVATE)


def program(agent: str) -> str:
    """The first word of a user agent, by which people know a program: `aws-cli/2`, without its small numbers."""
    first = (agent.strip("[]() ").split() or [""])[0][:60]
    name, slash, version = first.partition("/")
    return f"{name}/{version.partition('.')[0]}" if slash else name
