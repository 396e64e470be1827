"""Every permission that acting on keys and auditing them use, one table; policies, checks and pages come from it.

Resources and condition keys: AWS Service Authorization Reference, 'Actions, resources, and condition keys for
AWS Identity and Access Management', '... for AWS CloudTrail', '... for AWS Secrets Manager' and '... for AWS
Systems Manager'. `sts:GetCallerIdentity` needs no permission.
"""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.aws.mandate import ACTIONS
from keysweep.frozen import frozen

USERS, GROUPS, ROLES, ITSELF, ANYTHING = "user/*", "group/*", "role/*", "role/{role}", "*"
"""Patterns of resources: what follows `arn:PARTITION:iam::ACCOUNT:`, or everything."""
SECRETS, PARAMETERS, TRAILS = "secret:*", "parameter/*", "trail/*"
"""The same of other services, in all regions."""
SERVICES: Mapping[str, str] = {SECRETS: "secretsmanager", PARAMETERS: "ssm", TRAILS: "cloudtrail"}
"""Whose those are."""

PLAN, TRAIL, CHECK, AUDIT = "plan", "trail", "check", "audit"
"""What needs permissions and changes nothing: the plan, the summary of CloudTrail, `keysweep responder check`, and
`keysweep account`."""

QUARANTINE_POLICY = "AWSCompromisedKeyQuarantineV3"


@frozen
class Statement:
    """One statement of a policy, by its Sid."""

    name: str
    what: str
    """What having it means, for whoever has to agree to it."""
    optional: bool = False
    """Left out unless asked for: containment does not need it, or whoever has it can take over users or roles."""
    of_operator: bool = False
    """Belongs to whoever assumes the responder role, not to the role."""
    managed_policy: str | None = None
    """The only managed policy that it may attach or detach."""


@frozen
class Permission:
    """One action, and why containment needs it."""

    action: str
    statement: str
    resource: str
    why: str
    needed_for: tuple[str, ...]
    """Names of `mandate.ACTIONS` or `mandate.ROTATING`, or PLAN, TRAIL, CHECK, AUDIT."""
    writes: bool = False


STATEMENTS = (
    Statement("Look", "Reads whose a key is, what it was used for, and what its user or role can do."),
    Statement(
        "Deactivate", "Switches keys and service-specific credentials of users off and on, and deletes none."
    ),
    Statement("Trail", "Reads the last 90 days of CloudTrail events."),
    Statement("CheckItself", "Asks IAM what this role itself may do, for `keysweep responder check`."),
    Statement(
        "DenyUserSessions",
        "Writes inline policies of users: whoever has it can give any user any permission.",
        optional=True,
    ),
    Statement(
        "RevokeRoleSessions",
        "Writes inline policies of roles: whoever has it can give any other role any permission.",
        optional=True,
    ),
    Statement(
        "Quarantine",
        f"Attaches {QUARANTINE_POLICY} to users and takes it off again, and no other policy.",
        optional=True,
        managed_policy=QUARANTINE_POLICY,
    ),
    Statement(
        "Rotate",
        "Makes keys of users and deletes them: whoever has it can become any user.",
        optional=True,
    ),
    Statement(
        "HandOver",
        "Reads and writes secrets and parameters: narrow it to those that keys are handed to.",
        optional=True,
    ),
    Statement(
        "Audit",
        "Reads all users, their keys and what they may do, for `keysweep account`; changes nothing.",
        optional=True,
    ),
    Statement("AssumeResponder", "Assumes the responder role in every account that has it.", of_operator=True),
    Statement(
        "NameAccounts", "Asks STS which account a key ID belongs to, of any key there is.", of_operator=True
    ),
)

PERMISSIONS = (
    Permission(
        "iam:GetAccessKeyLastUsed",
        "Look",
        USERS,
        "Names the user of a key ID, and says when, where and for what it was last used.",
        (PLAN, AUDIT, "deactivate-key"),
    ),
    Permission(
        "iam:ListAccessKeys",
        "Look",
        USERS,
        "Says whether the key is active, how old it is, and whether its user has another.",
        (PLAN, AUDIT, "deactivate-key"),
    ),
    Permission(
        "iam:GetUser",
        "Look",
        USERS,
        "Gives the path of the user, which may be one that is never touched.",
        (PLAN, "deactivate-key", "deny-sessions", "quarantine", "deactivate-service-credential"),
    ),
    Permission(
        "iam:ListUserTags",
        "Look",
        USERS,
        "Gives the tags of the user, which may be ones that are never touched.",
        (PLAN, "deactivate-key", "deny-sessions", "quarantine", "deactivate-service-credential"),
    ),
    Permission(
        "iam:ListAttachedUserPolicies",
        "Look",
        USERS,
        "Shows what the user can do, and whether AWS has quarantined it already.",
        (PLAN, "quarantine"),
    ),
    Permission("iam:ListUserPolicies", "Look", USERS, "Shows which policies stand in the user itself.", (PLAN,)),
    Permission("iam:ListGroupsForUser", "Look", USERS, "Shows which groups give the user permissions.", (PLAN,)),
    Permission("iam:ListAttachedGroupPolicies", "Look", GROUPS, "Shows what those groups can do.", (PLAN,)),
    Permission("iam:ListGroupPolicies", "Look", GROUPS, "Shows which policies stand in those groups.", (PLAN,)),
    Permission(
        "iam:ListServiceSpecificCredentials",
        "Look",
        USERS,
        "Finds the Bedrock or other service-specific credential that leaked, and its state.",
        (PLAN, "deactivate-service-credential"),
    ),
    Permission(
        "iam:GetRole",
        "Look",
        ROLES,
        "Says whether sessions of a role can be revoked: those of service-linked and SSO roles cannot.",
        (PLAN, "revoke-role-sessions"),
    ),
    Permission(
        "iam:UpdateAccessKey",
        "Deactivate",
        USERS,
        "Switches the leaked key off, and on again for `undo`.",
        ("deactivate-key",),
        writes=True,
    ),
    Permission(
        "iam:UpdateServiceSpecificCredential",
        "Deactivate",
        USERS,
        "Switches a leaked service-specific credential off, and on again for `undo`.",
        ("deactivate-service-credential",),
        writes=True,
    ),
    Permission(
        "cloudtrail:LookupEvents", "Trail", ANYTHING, "Tells what keys did, and who made them.", (TRAIL, AUDIT)
    ),
    Permission(
        "iam:SimulatePrincipalPolicy",
        "CheckItself",
        ITSELF,
        "Lets the check ask instead of trying, and so see the writes as well.",
        (CHECK,),
    ),
    Permission(
        "iam:PutUserPolicy",
        "DenyUserSessions",
        USERS,
        "Denies everything to sessions that a leaked key has got: they outlive it by up to 36 hours.",
        ("deny-sessions",),
        writes=True,
    ),
    Permission(
        "iam:GetUserPolicy",
        "DenyUserSessions",
        USERS,
        "Makes sure that `undo` removes only the policy that keysweep wrote.",
        ("deny-sessions",),
    ),
    Permission(
        "iam:DeleteUserPolicy",
        "DenyUserSessions",
        USERS,
        "Takes that policy out again for `undo`.",
        ("deny-sessions",),
        writes=True,
    ),
    Permission(
        "iam:PutRolePolicy",
        "RevokeRoleSessions",
        ROLES,
        "Denies everything to sessions of a role that are older than now.",
        ("revoke-role-sessions",),
        writes=True,
    ),
    Permission(
        "iam:GetRolePolicy",
        "RevokeRoleSessions",
        ROLES,
        "Makes sure that `undo` removes only the policy that keysweep wrote.",
        ("revoke-role-sessions",),
    ),
    Permission(
        "iam:DeleteRolePolicy",
        "RevokeRoleSessions",
        ROLES,
        "Takes that policy out again for `undo`.",
        ("revoke-role-sessions",),
        writes=True,
    ),
    Permission(
        "iam:AttachUserPolicy",
        "Quarantine",
        USERS,
        f"Attaches {QUARANTINE_POLICY}, which stops the most expensive kinds of abuse.",
        ("quarantine",),
        writes=True,
    ),
    Permission(
        "iam:DetachUserPolicy",
        "Quarantine",
        USERS,
        "Takes it off again for `undo`.",
        ("quarantine",),
        writes=True,
    ),
    Permission(
        "iam:CreateAccessKey",
        "Rotate",
        USERS,
        "Makes the new key of a rotation.",
        ("create-key",),
        writes=True,
    ),
    Permission(
        "iam:DeleteAccessKey",
        "Rotate",
        USERS,
        "Deletes an old key once somebody asks for that, or a new one whose secret was lost.",
        ("create-key", "delete-key"),
        writes=True,
    ),
    Permission(
        "secretsmanager:GetSecretValue",
        "HandOver",
        SECRETS,
        "Reads which key the secret holds, and the fields beside it, which are kept.",
        ("hand-over",),
    ),
    Permission(
        "secretsmanager:PutSecretValue",
        "HandOver",
        SECRETS,
        "Hands the new key over.",
        ("hand-over",),
        writes=True,
    ),
    Permission(
        "secretsmanager:UpdateSecretVersionStage",
        "HandOver",
        SECRETS,
        "Makes the version before the current one again for `undo`.",
        ("hand-over",),
        writes=True,
    ),
    Permission(
        "ssm:GetParameter",
        "HandOver",
        PARAMETERS,
        "Reads which key the parameter holds, and the fields beside it, which are kept.",
        ("hand-over",),
    ),
    Permission(
        "ssm:GetParameterHistory",
        "HandOver",
        PARAMETERS,
        "Reads which KMS key and tier the parameter has, which are kept.",
        ("hand-over",),
    ),
    Permission(
        "ssm:PutParameter",
        "HandOver",
        PARAMETERS,
        "Hands the new key over, and the value before again for `undo`.",
        ("hand-over",),
        writes=True,
    ),
    Permission(
        "cloudtrail:DescribeTrails",
        "Audit",
        ANYTHING,
        "Says whether what keys do is written down in all regions.",
        (AUDIT,),
    ),
    Permission(
        "cloudtrail:GetEventSelectors",
        "Audit",
        TRAILS,
        "Says what a trail leaves out, if somebody has chosen that.",
        (AUDIT,),
    ),
    Permission("cloudtrail:GetTrailStatus", "Audit", TRAILS, "Says whether a trail is switched on.", (AUDIT,)),
    Permission(
        "ec2:DescribeRegions",
        "Audit",
        ANYTHING,
        "With `--usage`: says which regions the account has enabled.",
        (AUDIT,),
    ),
    Permission(
        "iam:GenerateCredentialReport",
        "Audit",
        ANYTHING,
        "Has AWS write down when the keys of all users were made and used.",
        (AUDIT,),
    ),
    Permission(
        "iam:GenerateServiceLastAccessedDetails",
        "Audit",
        USERS,
        "With `--usage`: has IAM list the services that a user uses.",
        (AUDIT,),
    ),
    Permission(
        "iam:GetAccountAuthorizationDetails",
        "Audit",
        ANYTHING,
        "Says what users may do, and so what a leaked key is worth.",
        (AUDIT,),
    ),
    Permission(
        "iam:GetAccountSummary",
        "Audit",
        ANYTHING,
        "Says whether the root user has keys, where there is no report.",
        (AUDIT,),
    ),
    Permission("iam:GetCredentialReport", "Audit", ANYTHING, "Reads that report.", (AUDIT,)),
    Permission(
        "iam:GetServiceLastAccessedDetails", "Audit", ANYTHING, "With `--usage`: reads that list.", (AUDIT,)
    ),
    Permission(
        "iam:ListUsers", "Audit", ANYTHING, "Names the users, where their policies may not be read.", (AUDIT,)
    ),
    Permission(
        "iam:SimulatePrincipalPolicy",
        "Audit",
        USERS,
        "With `--usage`: says whether boundaries take away what policies allow.",
        (AUDIT,),
    ),
    Permission(
        "sts:AssumeRole",
        "AssumeResponder",
        ITSELF,
        "Lets the operator become the responder in the account of a key.",
        (PLAN, TRAIL, CHECK, *ACTIONS),
    ),
    Permission(
        "sts:GetAccessKeyInfo",
        "NameAccounts",
        ANYTHING,
        "Names the account of a key ID that does not carry one, as those from before 2019 do not.",
        (PLAN,),
    ),
)

OPTIONAL = tuple(each.name for each in STATEMENTS if each.optional)
"""What has to be asked for by name."""


def statements(optional: frozenset[str] = frozenset()) -> tuple[Statement, ...]:
    """The statements of the responder role: those that it always has, and the optional ones that were chosen."""
    return tuple(
        each for each in STATEMENTS if not each.of_operator and (not each.optional or each.name in optional)
    )


def of(statement: Statement) -> tuple[Permission, ...]:
    """The permissions of one statement, sorted by action."""
    return tuple(
        sorted((each for each in PERMISSIONS if each.statement == statement.name), key=lambda it: it.action)
    )


def of_responder() -> tuple[Permission, ...]:
    """Everything that the responder role may be given, in the order of the table."""
    operator = {each.name for each in STATEMENTS if each.of_operator}
    return tuple(each for each in PERMISSIONS if each.statement not in operator)


def required(actions: frozenset[str]) -> tuple[Permission, ...]:
    """What a responder cannot be without that does `actions` beside the ordinary ones, as the table has it."""
    wanted = {PLAN, TRAIL, "deactivate-key", "deactivate-service-credential", *actions}
    return tuple(each for each in of_responder() if wanted & {*each.needed_for})
