"""Which regions an account may use, and in which of them a trail writes down what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keysweep.account.evidence import Gap, Regions, Trail
from keysweep.account.reading.trails import NEEDS as TRAILS_NEED
from keysweep.account.reading.trails import trail
from keysweep.aws.clients import DENIED, failures, in_words
from keysweep.aws.responders import Acting
from keysweep.errors import AwsError

WHAT = "which regions the account has enabled"
_NEEDS = "ec2:DescribeRegions"
_DISABLED = "not-opted-in"


def regions_of(acting: Acting) -> tuple[Regions, tuple[Gap, ...]]:
    """Those that are enabled, or where that may not be asked all that botocore knows of, which is a gap."""
    try:
        listed = acting.client("ec2").describe_regions(AllRegions=True)["Regions"]
        states = {str(each["RegionName"]): each.get("OptInStatus") for each in listed}
        enabled = sorted(name for name, state in states.items() if state != _DISABLED)
        if enabled:
            return Regions(tuple(enabled), tuple(sorted(states.keys() - {*enabled}))), ()
        said = AwsError("EC2 lists no region.")
    except failures() as error:
        said = in_words(error, "be listed")
    known = acting.session.get_available_regions("cloudtrail", acting.partition.name)
    gap = Gap(WHAT, _NEEDS if said.code in DENIED else "", str(said).rstrip("."))
    return Regions(tuple(sorted(known)) or (acting.partition.region,)), (gap,)


def trails_in(
    acting: Acting, regions: Sequence[str], goes_on: Callable[[], bool]
) -> tuple[tuple[Trail, ...], tuple[Gap, ...]]:
    """The trails that were made in these regions, and those where that is not known.

    One region tells of its own trails and of those that are for all, so that each has to be asked (CloudTrail API
    Reference, DescribeTrails).
    """
    found: dict[str, Trail] = {}
    gaps = []
    for region in regions:
        if not goes_on():
            gaps.append(Gap(f"the trails of {region}", "", "it was interrupted before all was read"))
            continue
        try:
            cloudtrail = acting.client("cloudtrail", region)
            for each in cloudtrail.describe_trails(includeShadowTrails=False)["trailList"]:
                found[each["TrailARN"]] = trail(cloudtrail, each, region)
        except failures() as error:
            said = in_words(error, "be listed")
            needs = TRAILS_NEED if said.code in DENIED else ""
            gaps.append(Gap(f"the trails of {region}", needs, str(said).rstrip(".")))
    return tuple(found.values()), tuple(gaps)
