"""What IAM says that a user may do: whether boundaries or policies of the organisation take power away again.

Asked about a few telling actions on all resources (IAM API reference, SimulatePrincipalPolicy). What is allowed on
some resources only is refused there, so that a no says little by itself: only one that has a reason counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keysweep.account.evidence import Gap, User
from keysweep.account.reading.asking import attempt, each_of
from keysweep.account.reading.powers import TELLING
from keysweep.account.usage.use import Simulated

_NEEDS = "iam:SimulatePrincipalPolicy"
WHAT = "whether anything takes away what policies allow"
_ALLOWED, _DENIED = "allowed", "explicitDeny"


def simulated(
    iam: Any, users: list[User], goes_on: Callable[[], bool]
) -> tuple[dict[str, Simulated], tuple[Gap, ...]]:
    """User name to what IAM says of TELLING."""
    gaps: list[Gap] = []

    def ask(user: User) -> tuple[str, Simulated | None]:
        return user.name, attempt(gaps, WHAT, _NEEDS, lambda: _told(iam, user))

    found = {name: told for name, told in each_of(users, ask, WHAT, gaps, goes_on) if told is not None}
    return found, tuple(dict.fromkeys(gaps))


def _told(iam: Any, user: User) -> Simulated:
    """Raises what botocore raises."""
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=user.arn, ActionNames=list(TELLING)
    )
    results = {str(each["EvalActionName"]): each for page in pages for each in page["EvaluationResults"]}
    return Simulated(
        tuple(action for action in TELLING if results.get(action, {}).get("EvalDecision") == _ALLOWED),
        tuple(
            (action, _why(results[action]))
            for action in TELLING
            if action in results and results[action].get("EvalDecision") != _ALLOWED
        ),
    )


def _why(result: Mapping[str, Any]) -> str:
    """What takes it away; empty where nothing is named, or it depends on how and when somebody asks."""
    if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "a policy of the organisation"
    if result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "its permissions boundary"
    if result.get("EvalDecision") == _DENIED and not result.get("MissingContextValues"):
        return "a statement that denies it"
    return ""
