"""The responder role for every account of an organisation: a CloudFormation template and a Terraform module."""

from __future__ import annotations

import json
import textwrap
from itertools import groupby
from typing import Any

from keysweep.aws.permissions import statements
from keysweep.aws.policy_documents import Responder, permissions_document, trust
from keysweep.frozen import replace

_STACK, _DATA = "${AWS::", "${data."
"""How references to the account begin; names in a document never do, because none holds a `$`."""


def cloudformation(responder: Responder) -> str:
    """The role as a template for one account, or for a StackSet over all of them (CAPABILITY_NAMED_IAM).

    Partition and account are those of the stack. The documents inside are JSON, which is YAML too.
    """
    written = replace(responder, partition="${AWS::Partition}")
    permissions = _with_references(permissions_document(written, "${AWS::AccountId}"))
    given = {"sts:ExternalId": _if_given("ExternalId"), "aws:PrincipalOrgID": _if_given("OrgId")}
    condition = {"Fn::If": ["Conditioned", {"StringEquals": given}, _NOTHING]}
    return (
        _TEMPLATE.replace("@what@", _comment(responder))
        .replace("@principal@", _default(responder.principal))
        .replace("@external@", json.dumps(responder.external_id or ""))
        .replace("@org@", json.dumps(responder.org_id or ""))
        .replace("@name@", json.dumps(responder.name))
        .replace("@path@", json.dumps(responder.path))
        .replace("@trust@", _inside(trust({"Ref": "Principal"}, {"Condition": condition}), 8))
        .replace("@permissions@", _inside(permissions, 12))
    )


def terraform(responder: Responder) -> str:
    """The role as a module for one account; partition and account are those of the provider."""
    written = replace(responder, partition="${data.aws_partition.current.partition}")
    permissions = permissions_document(written, "${data.aws_caller_identity.current.account_id}")
    return (
        _MODULE.replace("@what@", _comment(responder))
        .replace("@principal@", _hcl_default(responder.principal, required=True))
        .replace("@external@", _hcl_default(responder.external_id))
        .replace("@org@", _hcl_default(responder.org_id))
        .replace("@name@", _hcl(responder.name))
        .replace("@path@", _hcl(responder.path))
        .replace("@permissions@", textwrap.indent(_hcl(permissions), "  ").lstrip())
    )


def _comment(responder: Responder) -> str:
    return "".join(f"# {each.name}: {each.what}\n" for each in statements(responder.optional))


_NOTHING = {"Ref": "AWS::NoValue"}


def _if_given(parameter: str) -> dict[str, Any]:
    return {"Fn::If": [f"{parameter}Given", {"Ref": parameter}, _NOTHING]}


def _default(value: str | None) -> str:
    return "" if value is None else f"\n    Default: {json.dumps(value)}"


def _inside(document: object, columns: int) -> str:
    return textwrap.indent(json.dumps(document, indent=2), " " * columns).lstrip()


def _with_references(value: Any) -> Any:
    """`value`, in which every text that refers to the stack's account does so by Fn::Sub."""
    if isinstance(value, dict):
        return {key: _with_references(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_references(each) for each in value]
    return {"Fn::Sub": value} if _STACK in value else value


def _hcl_default(value: str | None, *, required: bool = False) -> str:
    if value is None:
        return "" if required else "\n  default     = null"
    return f"\n  default     = {_hcl(value)}"


def _hcl(value: Any) -> str:
    """A document in the syntax of Terraform; what is no reference to the account stays text."""
    if isinstance(value, dict):
        return f"{{\n{textwrap.indent(_pairs(value), '  ')}\n}}"
    if isinstance(value, list):
        items = "".join(f"\n{textwrap.indent(_hcl(each), '  ')}," for each in value)
        return f"[{items}\n]"
    quoted = json.dumps(value).replace("${", "$${").replace("%{", "%%{")
    return quoted.replace(f"${_DATA}", _DATA)


def _pairs(document: dict[str, Any]) -> str:
    """Keys and values as `terraform fmt` has them: neighbours on one line each stand aligned."""
    written = [(_hcl(key), _hcl(each)) for key, each in document.items()]
    lines = []
    for short, group in groupby(written, lambda pair: "\n" not in pair[1]):
        pairs = list(group)
        width = max(len(key) for key, _ in pairs) if short else 0
        lines += [f"{key:{width}} = {value}" for key, value in pairs]
    return "\n".join(lines)


_TEMPLATE = """\
# The role that keysweep assumes to contain leaked keys in this account.
# Made by `keysweep responder policy --format cloudformation`; deploy with CAPABILITY_NAMED_IAM.
#
@what@AWSTemplateFormatVersion: "2010-09-09"
Description: The role that keysweep assumes to contain leaked AWS access keys

Parameters:
  Principal:
    Type: String
    Description: ARN of the user or role that may assume the responder role
    AllowedPattern: "arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(root|(user|role|assumed-role)/[^*]+)"@principal@
  ExternalId:
    Type: String
    Description: ExternalId that has to be given to assume the role; empty for none
    Default: @external@
  OrgId:
    Type: String
    Description: Organisation that the principal has to be in (o-...); empty for any
    Default: @org@

Conditions:
  ExternalIdGiven: {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}
  OrgIdGiven: {"Fn::Not": [{"Fn::Equals": [{"Ref": "OrgId"}, ""]}]}
  Conditioned: {"Fn::Or": [{"Condition": "ExternalIdGiven"}, {"Condition": "OrgIdGiven"}]}

Resources:
  ResponderRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: @name@
      Path: @path@
      Description: Assumed by keysweep to contain leaked access keys
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        @trust@
      Policies:
        - PolicyName: keysweep-responder
          PolicyDocument:
            @permissions@

Outputs:
  RoleArn:
    Description: ARN of the responder role
    Value: {"Fn::GetAtt": ["ResponderRole", "Arn"]}
"""

_MODULE = """\
# The role that keysweep assumes to contain leaked keys in this account.
# Made by `keysweep responder policy --format terraform`.
#
@what@
variable "principal" {
  description = "ARN of the user or role that may assume the responder role"
  type        = string@principal@
}

variable "external_id" {
  description = "ExternalId that has to be given to assume the role; null or empty for none"
  type        = string@external@
}

variable "org_id" {
  description = "Organisation that the principal has to be in (o-...); null or empty for any"
  type        = string@org@
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

locals {
  conditions = {
    for key, value in {
      "sts:ExternalId"     = var.external_id
      "aws:PrincipalOrgID" = var.org_id
    } : key => value if value != null && value != ""
  }
  condition = { StringEquals = local.conditions }
}

resource "aws_iam_role" "responder" {
  name                 = @name@
  path                 = @path@
  description          = "Assumed by keysweep to contain leaked access keys"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Sid       = "Responder"
        Effect    = "Allow"
        Principal = { AWS = var.principal }
        Action    = "sts:AssumeRole"
      },
      { for key, value in { Condition = local.condition } : key => value if length(local.conditions) > 0 },
    )]
  })
}

resource "aws_iam_role_policy" "responder" {
  name = "keysweep-responder"
  role = aws_iam_role.responder.id
  policy = jsonencode(@permissions@)
}

output "role_arn" {
  description = "ARN of the responder role"
  value       = aws_iam_role.responder.arn
}
"""
