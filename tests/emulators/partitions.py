"""Which partition of AWS a region belongs to: a key of one is unknown in all others."""

from __future__ import annotations

_BEGINNINGS = {"cn-": "aws-cn", "eusc-": "aws-eusc", "us-gov-": "aws-us-gov"}


def partition_of(region: str) -> str:
    """`aws-cn` for `cn-north-1`, and so on."""
    return next((partition for start, partition in _BEGINNINGS.items() if region.startswith(start)), "aws")
