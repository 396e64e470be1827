"""The responder role as the policies that IAM takes, from the table of permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from keysweep.aws.partitions import partition
from keysweep.aws.permissions import (
    ANYTHING,
    ITSELF,
    PERMISSIONS,
    ROLES,
    SERVICES,
    STATEMENTS,
    Statement,
    of,
    statements,
)
from keysweep.errors import UsageError
from keysweep.frozen import frozen

DEFAULT_ROLE = "keysweep-responder"
_ROLE = re.compile(r"/?(?:[\w+=,.@-]+/)*[\w+=,.@-]{1,64}", re.ASCII)
_PRINCIPAL = re.compile(r"arn:(aws[a-z-]*):(?:iam|sts)::\d{12}:(?:root|(?:user|role|assumed-role)/[!-~]+)")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_ORGANISATION = re.compile(r"o-[a-z0-9]{10,32}")
_PATTERN = re.compile(r"[*/?\[][!-~]*")

Document = dict[str, Any]


@frozen
class Responder:
    """What the role is called, who may assume it, and what it may do."""

    partition: str = "aws"
    role: str = DEFAULT_ROLE
    """Its name, after its path if it has one."""
    principal: str | None = None
    """ARN of who may assume it; a template asks for what is None."""
    external_id: str | None = None
    org_id: str | None = None
    """The organisation that the principal has to be in."""
    optional: frozenset[str] = frozenset()
    """Names of the escalation-grade statements that were chosen."""
    deny_paths: tuple[str, ...] = ()
    """Globs of paths whose users and roles are never changed, as in a mandate."""
    deny_users: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name without its path."""
        return self.role.rpartition("/")[2]

    @property
    def path(self) -> str:
        """The path, with a slash at both ends."""
        return f"/{self.role.rpartition('/')[0].strip('/')}/".replace("//", "/")


def check(responder: Responder) -> None:
    """Raise UsageError, which says what would be right, for what IAM would refuse or a reader might misread."""
    partition(responder.partition)
    if not _ROLE.fullmatch(responder.role):
        raise UsageError(f"{responder.role} is no name of a role: write NAME, or PATH/NAME.")
    if responder.principal is not None:
        match = _PRINCIPAL.fullmatch(responder.principal)
        if not match or "*" in responder.principal:
            raise UsageError(
                "--principal has to be the ARN of a user or role, or of an account's root, without `*`, such as "
                "arn:aws:iam::111122223333:role/security."
            )
        if match[1] != responder.partition:
            raise UsageError(f"--principal is in partition {match[1]} and the role in {responder.partition}.")
    if responder.external_id is not None and not _EXTERNAL_ID.fullmatch(responder.external_id):
        raise UsageError("--external-id has to be 2 to 1224 letters, digits or any of + = , . @ : / -")
    if responder.org_id is not None and not _ORGANISATION.fullmatch(responder.org_id):
        raise UsageError("--org-id has to look like o-a1b2c3d4e5.")
    for pattern in responder.deny_paths:
        if not _PATTERN.fullmatch(pattern):
            raise UsageError(f"the path {pattern} protects nobody: paths of IAM begin with a slash.")
    unknown = responder.optional - {each.name for each in STATEMENTS if each.optional}
    if unknown:
        raise UsageError(f"there is no optional statement {', '.join(sorted(unknown))}.")


def permissions_document(responder: Responder, account: str = "*") -> Document:
    """The policy of the role; `account` may be narrowed where the writer knows it."""
    prefix = f"arn:{responder.partition}:iam::{account}:"
    written = [_allow(each, responder, prefix) for each in statements(responder.optional)]
    return {"Version": "2012-10-17", "Statement": [*written, *_denials(responder, prefix)]}


def operator_document(responder: Responder, accounts: Iterable[str] = ()) -> Document:
    """The policy of whoever assumes the role: in `accounts`, or wherever it is."""
    roles = {
        f"arn:{responder.partition}:iam::{each}:role{responder.path}{responder.name}" for each in accounts or "*"
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement(
                "Allow",
                each.name,
                (permission.action for permission in of(each)),
                [ANYTHING] if {permission.resource for permission in of(each)} == {ANYTHING} else sorted(roles),
            )
            for each in STATEMENTS
            if each.of_operator
        ],
    }


def trust_document(responder: Responder) -> Document:
    """The trust policy of the role: who may assume it, with which ExternalId, from which organisation.

    Raises UsageError without a principal: a role that anybody may assume is never what was meant.
    """
    if responder.principal is None:
        raise UsageError("give --principal: the ARN of who may assume the responder role.")
    wanted = {"sts:ExternalId": responder.external_id, "aws:PrincipalOrgID": responder.org_id}
    given = {key: value for key, value in wanted.items() if value is not None}
    condition = {"Condition": {"StringEquals": given}} if given else {}
    return trust(responder.principal, condition)


def trust(principal: object, condition: Document) -> Document:
    """A trust policy; in a template both may be references."""
    statement = {
        "Sid": "Responder",
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **condition}]}


def as_json(document: Document) -> str:
    """A document as IAM takes it."""
    return json.dumps(document, indent=2) + "\n"


def _allow(statement: Statement, responder: Responder, prefix: str) -> Document:
    permissions = of(statement)
    resources = sorted({_resource(each.resource, responder, prefix) for each in permissions})
    written = _statement("Allow", statement.name, (each.action for each in permissions), resources)
    if statement.managed_policy:
        arn = f"arn:{responder.partition}:iam::aws:policy/{statement.managed_policy}"
        written["Condition"] = {"ArnEquals": {"iam:PolicyARN": arn}}
    return written


def _denials(responder: Responder, prefix: str) -> Iterable[Document]:
    """What the role may never change, whatever else allows it: users and roles set aside, and itself."""
    names = {each.name for each in statements(responder.optional)}
    writes = [each for each in PERMISSIONS if each.writes and each.statement in names]
    on_roles = sorted(each.action for each in writes if each.resource == ROLES)
    on_users = sorted(each.action for each in writes if each.resource not in (ROLES, *SERVICES))
    paths = [end for pattern in responder.deny_paths for end in _paths(pattern)]
    # A user stands at the end of a path or directly below the root.
    users = [end for pattern in responder.deny_users for end in (f"/{_glob(pattern)}", f"/*/{_glob(pattern)}")]
    if paths or users:
        resources = sorted({f"{prefix}user{end}" for end in (*paths, *users)})
        yield _statement("Deny", "DenyBreakGlassUsers", on_users, resources)
    if on_roles and paths:
        yield _statement("Deny", "DenyBreakGlassRoles", on_roles, sorted({f"{prefix}role{end}" for end in paths}))
    if on_roles:
        yield _statement("Deny", "DenyItself", on_roles, [_resource(ITSELF, responder, prefix)])


def _resource(pattern: str, responder: Responder, prefix: str) -> str:
    if pattern == ANYTHING:
        return pattern
    if pattern in SERVICES:
        return prefix.replace(":iam::", f":{SERVICES[pattern]}:*:") + pattern
    return prefix + pattern.replace("{role}", f"{responder.path}{responder.name}".lstrip("/"))


def _paths(pattern: str) -> set[str]:
    """Resources that cover all that stands below the paths that a glob of a mandate names, or somewhat more.

    `Mandate.denies` takes a glob for a path, which ends with a slash, and for the beginning of one.
    """
    glob = _glob(pattern)
    ends = {glob.rstrip("/") + "/*"}
    return ends | {f"{glob.rstrip('*')}*"} if glob.endswith(("/", "*", "?")) else ends


def _glob(pattern: str) -> str:
    """A glob of `fnmatch` as one of IAM, without sets of characters and variables: it matches at least as much."""
    return re.sub(r"\[!?\]?[^]]*\]", "?", pattern).replace("$", "?")


def _statement(effect: str, sid: str, actions: Iterable[str], resources: list[str]) -> Document:
    return {"Sid": sid, "Effect": effect, "Action": list(actions), "Resource": resources}
