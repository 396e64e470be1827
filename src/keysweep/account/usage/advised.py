"""Which services a user really uses, of those that its policies allow: the Access Advisor of IAM.

IAM makes each such list when it is asked for, which takes seconds, and knows of 400 days; it may be four hours
late (IAM user guide, Refining permissions using last accessed information). It is about the user, whatever key was
used.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from keysweep.account.evidence import Gap, User
from keysweep.account.reading.asking import attempt, each_of
from keysweep.account.usage.use import Granted
from keysweep.aws.ownership import utc
from keysweep.errors import AwsError

_NEEDS = "iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails"
WHAT = "which services users really use"
_PAUSES_SECONDS = (0.5, 1, 1, 2, 2, 4, 4, 8, 8, 15, 15)


def advised(
    iam: Any,
    users: list[User],
    watch: Callable[[str, int, int], None],
    goes_on: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[dict[str, tuple[Granted, ...]], tuple[Gap, ...]]:
    """User name to the services that its policies allow, each with its last use; `watch` hears how far it is."""
    gaps: list[Gap] = []

    def ask(user: User) -> tuple[str, tuple[Granted, ...] | None]:
        return user.name, attempt(gaps, WHAT, _NEEDS, lambda: _report(iam, user, goes_on, sleep))

    found = {}
    for number, (name, told) in enumerate(each_of(users, ask, WHAT, gaps, goes_on), 1):
        watch("services of users", number, len(users))
        if told is not None:
            found[name] = told
    return found, tuple(dict.fromkeys(gaps))


def _report(
    iam: Any, user: User, goes_on: Callable[[], bool], sleep: Callable[[float], None]
) -> tuple[Granted, ...]:
    """Have it made, and read it; raises AwsError, or what botocore raises."""
    job = iam.generate_service_last_accessed_details(Arn=user.arn, Granularity="SERVICE_LEVEL")["JobId"]
    for pause in (*_PAUSES_SECONDS, None):
        answer = iam.get_service_last_accessed_details(JobId=job)
        if answer["JobStatus"] == "COMPLETED":
            return tuple(_all(iam, job, answer))
        if answer["JobStatus"] == "FAILED":
            raise AwsError(f"IAM could not tell: {answer.get('Error', {}).get('Message', 'it did not say why')}")
        if pause is None or not goes_on():
            break
        sleep(pause)
    raise AwsError("IAM makes the list of services and was not ready: try again in a few minutes.")


def _all(iam: Any, job: str, answer: dict[str, Any]) -> list[Granted]:
    found = []
    while True:
        found += [
            Granted(str(each["ServiceNamespace"]), utc(each.get("LastAuthenticated")))
            for each in answer["ServicesLastAccessed"]
        ]
        marker = answer.get("Marker")
        if not answer.get("IsTruncated") or not marker:
            return found
        answer = iam.get_service_last_accessed_details(JobId=job, Marker=marker)
        if answer.get("Marker") == marker:
            raise AwsError("IAM repeated a page, so reading on would never end.")
