"""The partitions of AWS: where each verifies keys and manages users, and which of them a key may belong to."""

from __future__ import annotations

from collections.abc import Iterable

from keysweep.errors import UsageError
from keysweep.frozen import frozen


@frozen
class Partition:
    """One partition and the endpoints that are asked in it (botocore's endpoints.json)."""

    name: str
    region: str
    """The region that requests to its STS, and to IAM, are signed for."""
    sts: str


PARTITIONS = (
    Partition("aws", "us-east-1", "https://sts.us-east-1.amazonaws.com/"),
    Partition("aws-cn", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"),
    Partition("aws-us-gov", "us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/"),
    Partition("aws-eusc", "eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu/"),
)
BY_NAME = {each.name: each for each in PARTITIONS}


def partition(name: str) -> Partition:
    """The partition of that name; UsageError if there is none."""
    if name not in BY_NAME:
        raise UsageError(f"{name} is no partition of AWS: known are {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def order(hint: str | None, configured: Iterable[str]) -> tuple[Partition, ...]:
    """The partitions to ask about a key: the one that something near it hints at, then the configured ones.

    A key of another partition is answered like one that does not exist, so the order costs requests, not truth.
    """
    names = dict.fromkeys([*([hint] if hint in BY_NAME else []), *configured])
    return tuple(partition(name) for name in names if name is not None)
