"""The rules by which an account is judged, and how to mend what breaks one.

Numbers of benchmarks: CIS AWS Foundations Benchmark 3.0.0, 5.0.0 and 7.0.0, and the IAM controls of AWS Security
Hub (AWS Foundational Security Best Practices).
"""

from __future__ import annotations

from keysweep.findings import Severity
from keysweep.frozen import frozen


@frozen
class Remedy:
    """How a person mends it, in three ways; `{user}`, `{key_id}`, `{arn}` and `{policies}` stand for its own."""

    cli: tuple[str, ...]
    terraform: str
    console: str


@frozen
class Rule:
    """One check of an account."""

    id: str
    practices: tuple[int, ...]
    title: str
    severity: Severity
    remedy: Remedy
    benchmarks: tuple[tuple[str, str], ...] = ()
    """Names of benchmarks, each with the number there."""


_SWITCH_OFF = "aws iam update-access-key --user-name {user} --access-key-id {key_id} --status Inactive"
_DELETE = "aws iam delete-access-key --user-name {user} --access-key-id {key_id}"
_ROTATE = "keysweep rotate {key_id} --to PLACE"
_END = "keysweep delete {key_id}"
_LOOKUP = "aws cloudtrail lookup-events --lookup-attributes AttributeKey"
_KEYS_IN_CONSOLE = "IAM > Users > {user} > Security credentials > Access keys"
_OFF_IN_TERRAFORM = 'status = "Inactive" in the aws_iam_access_key of {user}, and later remove the resource'
_CIS_UNUSED = (("CIS 3.0", "1.12"), ("CIS 5.0", "1.11"), ("CIS 7.0", "2.11"), ("Security Hub", "IAM.8, IAM.22"))

ROOT_KEY = Rule(
    "root-key",
    (12,),
    "The root user has an access key",
    Severity.CRITICAL,
    Remedy(
        (),
        "it cannot: no API deletes a key of the root user but that of the root user itself",
        "sign in as root > your name > Security credentials > Access keys: deactivate it, watch for a week what "
        "fails, delete it; in an organisation, IAM > Root access management can delete it for a member",
    ),
    (("CIS 3.0", "1.4"), ("CIS 5.0", "1.3"), ("CIS 7.0", "2.4"), ("Security Hub", "IAM.4")),
)
OF_LEAKED_ROOT_KEY = Remedy(
    (),
    ROOT_KEY.remedy.terraform,
    "sign in as root > your name > Security credentials > Access keys: deactivate it at once, then delete it; in "
    "an organisation, IAM > Root access management can delete it for a member",
)
"""In place of that of a rule about keys of users: no command of anybody else ends a key of the root user."""
LEAKED = Rule(
    "leaked-key",
    (5, 16),
    "A key that has leaked is active",
    Severity.CRITICAL,
    Remedy(
        ("keysweep contain {key_id}", _SWITCH_OFF),
        _OFF_IN_TERRAFORM,
        f"{_KEYS_IN_CONSOLE}: Deactivate; make another key first only if something that you know still uses it",
    ),
)
USED_AFTER_LEAK = Rule(
    "used-after-leak",
    (10, 16),
    "A key was used after it had leaked",
    Severity.CRITICAL,
    Remedy(
        (
            "keysweep contain {key_id}",
            f"{_LOOKUP}=AccessKeyId,AttributeValue={{key_id}}",
        ),
        _OFF_IN_TERRAFORM,
        f"{_KEYS_IN_CONSOLE}: Deactivate; then CloudTrail > Event history, by access key ID, in every region",
    ),
)
LEAKED_INACTIVE = Rule(
    "leaked-key-kept",
    (6,),
    "A key that has leaked is switched off and was not deleted",
    Severity.MEDIUM,
    Remedy((_END, _DELETE), "remove the aws_iam_access_key of {user}", f"{_KEYS_IN_CONSOLE}: Delete"),
)
NEVER_USED = Rule(
    "never-used-key",
    (1, 11),
    "A key was never used",
    Severity.MEDIUM,
    Remedy(
        (_SWITCH_OFF, _DELETE),
        _OFF_IN_TERRAFORM,
        f"{_KEYS_IN_CONSOLE}: Deactivate, then Delete",
    ),
    (
        ("CIS 3.0", "1.11, 1.12"),
        ("CIS 5.0", "1.11"),
        ("CIS 7.0", "2.11"),
        ("Security Hub", "IAM.8, IAM.22"),
    ),
)
UNUSED = Rule(
    "unused-key",
    (5, 16),
    "An active key is not used any more",
    Severity.MEDIUM,
    Remedy((_SWITCH_OFF,), _OFF_IN_TERRAFORM, f"{_KEYS_IN_CONSOLE}: Deactivate; delete it when nothing failed"),
    _CIS_UNUSED,
)
KEPT = Rule(
    "inactive-key",
    (6,),
    "A key is switched off and was not deleted",
    Severity.LOW,
    Remedy((_END, _DELETE), "remove the aws_iam_access_key of {user}", f"{_KEYS_IN_CONSOLE}: Delete"),
)
TWO_ACTIVE = Rule(
    "two-active-keys",
    (4,),
    "A user has two active keys",
    Severity.LOW,
    Remedy(
        (_SWITCH_OFF,),
        "keep one aws_iam_access_key of {user}",
        f"{_KEYS_IN_CONSOLE}: deactivate the one that was used less recently",
    ),
    (
        ("CIS 3.0", "1.13"),
        ("CIS 5.0", "1.12"),
    ),
)
OLD = Rule(
    "old-key",
    (2, 15),
    "A key is older than it may become",
    Severity.MEDIUM,
    Remedy(
        (_ROTATE, _END),
        "replace the aws_iam_access_key of {user}: terraform apply -replace=ADDRESS, with create_before_destroy",
        f"{_KEYS_IN_CONSOLE}: Create access key, put it where the old one stands, deactivate the old one when it "
        "is not used any more, then delete it",
    ),
    (
        ("CIS 3.0", "1.14"),
        ("CIS 5.0", "1.13"),
        ("CIS 7.0", "2.12"),
        ("Security Hub", "IAM.3"),
    ),
)
POWERFUL = Rule(
    "powerful-key",
    (18, 8, 13),
    "A key can take the account over",
    Severity.HIGH,
    Remedy(
        (
            "aws iam list-attached-user-policies --user-name {user}",
            "aws iam generate-service-last-accessed-details --arn {arn}",
        ),
        "give {user} a policy with what it uses, in place of {policies}; or a role that whoever uses it assumes",
        "IAM > Users > {user} > Permissions; Access Advisor there says what was used",
    ),
    (
        ("CIS 3.0", "1.16"),
        ("CIS 5.0", "1.15"),
        ("CIS 7.0", "2.14"),
        ("Security Hub", "IAM.1"),
    ),
)
NO_TRAIL = Rule(
    "no-trail",
    (10, 17),
    "CloudTrail does not write down what is done in all regions",
    Severity.HIGH,
    Remedy(
        (
            "aws cloudtrail create-trail --name everywhere --s3-bucket-name BUCKET --is-multi-region-trail",
            "aws cloudtrail start-logging --name everywhere",
        ),
        "an aws_cloudtrail with is_multi_region_trail = true and enable_logging = true",
        "CloudTrail > Trails > Create trail, which is for all regions; or, in an organisation, one trail for all "
        "accounts",
    ),
    (("CIS 3.0", "3.1"), ("CIS 5.0", "3.1"), ("CIS 7.0", "4.1"), ("Security Hub", "CloudTrail.1")),
)
UNAPPROVED = Rule(
    "unapproved-key",
    (1, 11),
    "A key was made by somebody who is not approved",
    Severity.HIGH,
    Remedy(
        (
            _SWITCH_OFF,
            f"{_LOOKUP}=EventName,AttributeValue=CreateAccessKey",
        ),
        f"{_OFF_IN_TERRAFORM}; and deny iam:CreateAccessKey to all but the approved role",
        f"ask whoever made it; {_KEYS_IN_CONSOLE}: Deactivate, then Delete",
    ),
)
ROOT_USE = Rule(
    "root-use",
    (12, 10),
    "The root user was used",
    Severity.HIGH,
    Remedy(
        (f"{_LOOKUP}=Username,AttributeValue=root",),
        "an aws_cloudwatch_log_metric_filter on userIdentity.type = Root, with an alarm",
        "CloudTrail > Event history, by user name root, in every region: ask who it was; work with roles, and "
        "keep the root user for what nobody else can do",
    ),
    (("CIS 3.0", "1.7"), ("CIS 5.0", "1.6"), ("CIS 7.0", "2.7")),
)
ATTACKED = Rule(
    "attack-tool",
    (10, 16),
    "A key was used with a tool for attacks",
    Severity.HIGH,
    Remedy(
        ("keysweep contain {key_id}", f"{_LOOKUP}=AccessKeyId,AttributeValue={{key_id}}"),
        _OFF_IN_TERRAFORM,
        f"ask whether that was a test of your own; if not, {_KEYS_IN_CONSOLE}: Deactivate",
    ),
)
UNEXPECTED_REGION = Rule(
    "unexpected-region",
    (17, 10),
    "A key was used where nobody works",
    Severity.HIGH,
    Remedy(
        (
            f"{_LOOKUP}=AccessKeyId,AttributeValue={{key_id}} --region REGION",
            _SWITCH_OFF,
        ),
        "a policy of the organisation (aws_organizations_policy) that denies regions in which nobody works, by "
        "aws:RequestedRegion",
        "CloudTrail > Event history in that region, by access key ID: if nobody knows what it was, deactivate the "
        "key",
    ),
)
REPLACEABLE = Rule(
    "replaceable-key",
    (8, 9, 13, 14, 7),
    "A key does what a role could do",
    Severity.MEDIUM,
    Remedy(
        (
            "aws iam create-role --role-name {user} --assume-role-policy-document file://trust.json",
            "aws iam put-role-policy --role-name {user} --policy-name own --policy-document file://policy.json",
            _SWITCH_OFF,
        ),
        "an aws_iam_role for what uses the key of {user}, with a policy of what it does: the report has it ready",
        "IAM > Roles > Create role for what uses the key, let it work with that, and deactivate the key when it "
        "is not used any more",
    ),
    (("CIS 3.0", "1.18"), ("CIS 5.0", "1.17"), ("CIS 7.0", "2.16")),
)
UNUSED_PERMISSIONS = Rule(
    "unused-permissions",
    (18,),
    "A user with a key may do more than it does",
    Severity.LOW,
    Remedy(
        ("aws iam generate-service-last-accessed-details --arn {arn}",),
        "give {user} a policy with the services that it uses, in place of {policies}",
        "IAM > Users > {user} > Last Accessed: take away what was not accessed",
    ),
)
RULES = (
    ROOT_KEY,
    USED_AFTER_LEAK,
    LEAKED,
    ATTACKED,
    UNEXPECTED_REGION,
    UNAPPROVED,
    ROOT_USE,
    POWERFUL,
    NO_TRAIL,
    LEAKED_INACTIVE,
    NEVER_USED,
    UNUSED,
    OLD,
    REPLACEABLE,
    UNUSED_PERMISSIONS,
    TWO_ACTIVE,
    KEPT,
)
"""All of them, the most urgent first."""
