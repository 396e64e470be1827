"""Where a practice and a rule are explained: in AWS's documentation, and in docs/practices.md."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.account.judging.rules import Rule

PAGE = "docs/practices.md"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
ADDRESSES: Mapping[int, str] = {
    1: f"{_IAM}id_credentials_access-keys.html",
    2: f"{_IAM}id-credentials-access-keys-update.html",
    3: f"{_IAM}securing_access-keys.html",
    4: f"{_IAM}id-credentials-access-keys-update.html",
    5: f"{_IAM}id-credentials-access-keys-update.html",
    6: f"{_IAM}id_credentials_finding-unused.html",
    7: "https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-authentication.html",
    8: f"{_IAM}id_roles.html",
    9: "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",
    10: f"{_IAM}cloudtrail-integration.html",
    11: f"{_IAM}id_credentials_access-keys.html",
    12: f"{_IAM}root-user-best-practices.html",
    13: f"{_IAM}best-practices.html",
    14: f"{_IAM}id_credentials_temp.html",
    15: f"{_IAM}id-credentials-access-keys-update.html",
    16: f"{_IAM}id_credentials_finding-unused.html",
    17: "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/receive-cloudtrail-log-files-from-multiple-regions.html",
    18: f"{_IAM}best-practices.html",
    19: f"{_IAM}reference_identifiers.html",
    20: f"{_IAM}securing_access-keys.html",
}
"""What AWS says of each practice, by its number."""


def address(rule: Rule) -> str:
    """Where AWS explains the practice that a rule is about first."""
    return ADDRESSES[rule.practices[0]]


def page(rule: Rule) -> str:
    """The section of the documentation of keysweep that is about the rule, as seen from the top of its sources."""
    return f"{PAGE}#{rule.id}"
