"""What the name of a region tells, held to the regions that botocore knows."""

from __future__ import annotations

import botocore.session
import pytest

from keysweep.regions import is_region, partition_of


def test_every_region_of_every_partition_is_one_and_is_in_it() -> None:
    session = botocore.session.Session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("sts", partition):
            assert is_region(region), region
            assert partition_of(region) == partition, region


@pytest.mark.parametrize(
    "text",
    ["", "Ireland", "aws-global", "us-east", "us-east-1a", "fips-us-gov-west-1", "api-cn-north-1", "us-east-1\n"],
)
def test_what_is_no_region_is_none(text: str) -> None:
    assert not is_region(text)
