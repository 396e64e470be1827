"""What the name of a region tells: how one is written, and which partition it is in (botocore's data)."""

from __future__ import annotations

import re

_REGION = re.compile(r"([a-z]{2}|eusc)(-[a-z]+)+-\d{1,2}")
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


def is_region(text: str) -> bool:
    """Whether it is written as regions are; which there are changes."""
    return _REGION.fullmatch(text) is not None


def partition_of(region: str) -> str:
    """The partition that a region is in, such as `aws-cn`."""
    return next((name for begin, name in _PARTITIONS.items() if region.startswith(begin)), "aws")
