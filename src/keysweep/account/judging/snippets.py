"""Roles and settings as they are written, by what takes a role; what only you know stands there in capitals.

Issuers, subjects and audiences of tokens: the pages of GitHub, GitLab, Bitbucket and CircleCI on OpenID Connect
with AWS; principals of services: AWS's user guides of EC2, ECS, Lambda, EKS (Pod Identity) and IAM Roles Anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keysweep.account.usage.agents import Kind
from keysweep.frozen import frozen


@frozen
class Facts:
    """What fills a snippet."""

    account: str
    partition: str
    role: str
    region: str
    actions: tuple[str, ...]
    """What it has to allow, as policies write it."""


def _role(facts: Facts, principal: str, *, actions: str = '"sts:AssumeRole"', condition: str = "") -> str:
    """A role that `principal` may assume, with the policy of what the key does."""
    conditions = f"      Condition = {{\n{condition}      }}\n" if condition else ""
    return f"""resource "aws_iam_role" "this" {{
  name = "{facts.role}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ {principal} }}
      Action    = [{actions}]
{conditions}    }}]
  }})
}}

{_policy(facts)}"""


def _policy(facts: Facts) -> str:
    listed = "".join(f'        "{each}",\n' for each in facts.actions) or '        "SERVICE:Action",\n'
    return f"""resource "aws_iam_role_policy" "this" {{
  role = aws_iam_role.this.id
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect = "Allow"
      # What the key did, as CloudTrail and IAM tell it: reads and writes of data are not among the events.
      Action = [
{listed}      ]
      Resource = "*" # narrow this to what it works on
    }}]
  }})
}}
"""


def _of_tokens(facts: Facts, issuer: str, audience: str, subject: str) -> str:
    """A role for whoever has a token of an issuer of OpenID Connect."""
    name = issuer.removeprefix("https://")
    condition = (
        f'        StringEquals = {{ "{name}:aud" = "{audience}" }}\n'
        f'        StringLike   = {{ "{name}:sub" = "{subject}" }}\n'
    )
    return f"""resource "aws_iam_openid_connect_provider" "this" {{
  url            = "{issuer}"
  client_id_list = ["{audience}"]
}}

""" + _role(
        facts,
        "Federated = aws_iam_openid_connect_provider.this.arn",
        actions='"sts:AssumeRoleWithWebIdentity"',
        condition=condition,
    )


def _arn(facts: Facts) -> str:
    return f"arn:{facts.partition}:iam::{facts.account}:role/{facts.role}"


def _github(facts: Facts) -> list[tuple[str, str]]:
    workflow = f"""permissions:
  id-token: write
  contents: read
jobs:
  JOB:
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: {_arn(facts)}
          aws-region: {facts.region}
"""
    issuer = "https://token.actions.githubusercontent.com"
    subject = "repo:OWNER/REPOSITORY:ref:refs/heads/main"
    return [
        ("terraform", _of_tokens(facts, issuer, "sts.amazonaws.com", subject)),
        ("yaml", workflow),
    ]


def _gitlab(facts: Facts) -> list[tuple[str, str]]:
    job = f"""JOB:
  id_tokens:
    AWS_TOKEN:
      aud: https://gitlab.com
  variables:
    AWS_ROLE_ARN: {_arn(facts)}
    AWS_WEB_IDENTITY_TOKEN_FILE: /tmp/aws-token
    AWS_REGION: {facts.region}
  before_script:
    - (umask 077; printf %s "$AWS_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE")
  script:
    - aws sts get-caller-identity
"""
    subject = "project_path:GROUP/PROJECT:ref_type:branch:ref:main"
    return [
        ("terraform", _of_tokens(facts, "https://gitlab.com", "https://gitlab.com", subject)),
        ("yaml", job),
    ]


def _bitbucket(facts: Facts) -> list[tuple[str, str]]:
    step = f"""pipelines:
  default:
    - step:
        oidc: true
        script:
          - export AWS_REGION={facts.region}
          - export AWS_ROLE_ARN={_arn(facts)}
          - export AWS_WEB_IDENTITY_TOKEN_FILE=/tmp/aws-token
          - (umask 077; printf %s "$BITBUCKET_STEP_OIDC_TOKEN" > "$AWS_WEB_IDENTITY_TOKEN_FILE")
          - aws sts get-caller-identity
"""
    issuer = "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc"
    role = _of_tokens(facts, issuer, "ari:cloud:bitbucket::workspace/WORKSPACE_UUID", "{REPOSITORY_UUID}:*")
    return [("terraform", role), ("yaml", step)]


def _circleci(facts: Facts) -> list[tuple[str, str]]:
    job = f"""jobs:
  JOB:
    docker:
      - image: cimg/aws:2024.03
    environment:
      AWS_REGION: {facts.region}
      AWS_ROLE_ARN: {_arn(facts)}
      AWS_WEB_IDENTITY_TOKEN_FILE: /tmp/aws-token
    steps:
      - run: (umask 077; printf %s "$CIRCLE_OIDC_TOKEN_V2" > "$AWS_WEB_IDENTITY_TOKEN_FILE")
      - run: aws sts get-caller-identity
"""
    subject = "org/ORGANISATION_ID/project/PROJECT_ID/user/*"
    role = _of_tokens(facts, "https://oidc.circleci.com/org/ORGANISATION_ID", "ORGANISATION_ID", subject)
    return [("terraform", role), ("yaml", job)]


def _any_ci(facts: Facts) -> list[tuple[str, str]]:
    return [("terraform", _of_tokens(facts, "https://ISSUER", "sts.amazonaws.com", "SUBJECT"))]


def _service(facts: Facts, name: str) -> str:
    """A role for a service that runs what uses the key, and for none of another account."""
    condition = f'        StringEquals = {{ "aws:SourceAccount" = "{facts.account}" }}\n' if name != "ec2" else ""
    end = "com.cn" if name == "ec2" and facts.partition == "aws-cn" else "com"
    return _role(facts, f'Service = "{name}.amazonaws.{end}"', condition=condition)


def _ec2(facts: Facts) -> list[tuple[str, str]]:
    profile = f"""
resource "aws_iam_instance_profile" "this" {{
  name = "{facts.role}"
  role = aws_iam_role.this.name
}}
# in the aws_instance: iam_instance_profile = aws_iam_instance_profile.this.name, metadata_options with
# http_tokens = "required"; of one that runs: aws ec2 associate-iam-instance-profile
"""
    return [("terraform", _service(facts, "ec2") + profile)]


def _ecs(facts: Facts) -> list[tuple[str, str]]:
    rest = "# in the aws_ecs_task_definition: task_role_arn = aws_iam_role.this.arn\n"
    return [("terraform", _service(facts, "ecs-tasks") + rest)]


def _lambda(facts: Facts) -> list[tuple[str, str]]:
    rest = "# in the aws_lambda_function: role = aws_iam_role.this.arn, and no key in its environment\n"
    return [("terraform", _role(facts, 'Service = "lambda.amazonaws.com"') + rest)]


def _eks(facts: Facts) -> list[tuple[str, str]]:
    association = """
resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = "CLUSTER"
  namespace       = "NAMESPACE"
  service_account = "SERVICE_ACCOUNT"
  role_arn        = aws_iam_role.this.arn
}
# needs the add-on eks-pod-identity-agent; a cluster outside EKS needs a role by OpenID Connect, of its own issuer
"""
    principal = 'Service = "pods.eks.amazonaws.com"'
    return [("terraform", _role(facts, principal, actions='"sts:AssumeRole", "sts:TagSession"') + association)]


def _compute(facts: Facts) -> list[tuple[str, str]]:
    return [("terraform", _service(facts, "SERVICE"))]


def _person(facts: Facts) -> list[tuple[str, str]]:
    config = f"""# ~/.aws/config, with IAM Identity Center; then: aws sso login --profile {facts.role}
[sso-session company]
sso_start_url = https://YOURS.awsapps.com/start
sso_region = REGION
sso_registration_scopes = sso:account:access

[profile {facts.role}]
sso_session = company
sso_account_id = {facts.account}
sso_role_name = PERMISSION_SET
region = {facts.region}
"""
    return [("ini", config)]


def _server(facts: Facts) -> list[tuple[str, str]]:
    anchor = """
resource "aws_rolesanywhere_trust_anchor" "this" {
  name    = "NAME"
  enabled = true
  source {
    source_type = "CERTIFICATE_BUNDLE"
    source_data {
      x509_certificate_data = file("ca.pem")
    }
  }
}

resource "aws_rolesanywhere_profile" "this" {
  name      = "NAME"
  enabled   = true
  role_arns = [aws_iam_role.this.arn]
}
# a server that turns out to be in EC2 needs an instance profile only
"""
    config = f"""# ~/.aws/config on the server
[default]
region = {facts.region}
credential_process = aws_signing_helper credential-process --certificate CERTIFICATE --private-key KEY_FILE \
--trust-anchor-arn TRUST_ANCHOR --profile-arn PROFILE --role-arn {_arn(facts)}
"""
    condition = '        ArnEquals = { "aws:SourceArn" = aws_rolesanywhere_trust_anchor.this.arn }\n'
    role = _role(
        facts,
        'Service = "rolesanywhere.amazonaws.com"',
        actions='"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"',
        condition=condition,
    )
    return [("terraform", role + anchor), ("ini", config)]


def _third_party(facts: Facts) -> list[tuple[str, str]]:
    condition = '        StringEquals = { "sts:ExternalId" = "ID_THAT_THEY_GAVE_YOU" }\n'
    principal = f'AWS = "arn:{facts.partition}:iam::THEIR_ACCOUNT:root"'
    return [("terraform", _role(facts, principal, condition=condition))]


_Writer = Callable[[Facts], list[tuple[str, str]]]
_OIDC = "a role that it assumes with a token of its own (OpenID Connect)"
SNIPPETS: Mapping[Kind, tuple[str, int, _Writer]] = {
    Kind.GITHUB: (_OIDC, 14, _github),
    Kind.GITLAB: (_OIDC, 14, _gitlab),
    Kind.BITBUCKET: (_OIDC, 14, _bitbucket),
    Kind.CIRCLECI: (_OIDC, 14, _circleci),
    Kind.JENKINS: (_OIDC, 14, _any_ci),
    Kind.CI: (_OIDC, 14, _any_ci),
    Kind.EC2: ("a role in an instance profile", 8, _ec2),
    Kind.ECS: ("a task role", 8, _ecs),
    Kind.LAMBDA: ("the function's execution role", 8, _lambda),
    Kind.EKS: ("a role by EKS Pod Identity", 8, _eks),
    Kind.BUILD: ("the role of the service that runs it", 8, _compute),
    Kind.SHELL: ("the sign-in of the person, which CloudShell has already", 7, _person),
    Kind.LAPTOP: ("signing in with IAM Identity Center", 13, _person),
    Kind.SERVER: ("a role by IAM Roles Anywhere", 14, _server),
    Kind.THIRD_PARTY: ("a role that they assume with an external ID", 13, _third_party),
}
"""What uses a key to what replaces it, its practice, and how to write that: snippets, each with its language."""
