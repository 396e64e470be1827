"""`keysweep responder`: the role that contains keys, as policies to review, and whether it has what it needs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from keysweep.aws.mandate import Mandate
from keysweep.aws.partitions import BY_NAME
from keysweep.aws.permission_check import Checked
from keysweep.aws.permissions import OPTIONAL, of_responder, required
from keysweep.aws.policy_documents import (
    DEFAULT_ROLE,
    Responder,
    as_json,
    operator_document,
    permissions_document,
    trust_document,
)
from keysweep.aws.policy_documents import check as check_responder
from keysweep.cli.operator import aws_endpoint, mandate_of, profile
from keysweep.cli.operator import policy_file as policy_file_option
from keysweep.cli.permitted import Outcome, as_data, as_text, code
from keysweep.errors import AwsError, ExitCode, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.responders import Responders


@click.group()
def responder() -> None:
    """Print the role that contains leaked keys, and check that it can."""


@responder.command()
@click.option("--format", "form", type=click.Choice(["json", "cloudformation", "terraform"]), default="json")
@click.option(
    "--document",
    type=click.Choice(["permissions", "trust", "operator"]),
    default="permissions",
    show_default=True,
    help="Which document as JSON: of the role, who may assume it, or for whoever assumes it.",
)
@click.option(
    "--partition",
    "partition_name",
    type=click.Choice(list(BY_NAME)),
    help="Partition of AWS.  [default: the first of the policy file, or aws]",
)
@click.option("--role", help=f"Name of the role, after its path if it has one.  [default: {DEFAULT_ROLE}]")
@click.option("--principal", metavar="ARN", help="Who may assume the role.")
@click.option("--external-id", help="ExternalId that has to be given to assume it.")
@click.option("--org-id", metavar="o-...", help="Organisation that the principal has to be in.")
@click.option(
    "--with",
    "chosen",
    multiple=True,
    type=click.Choice(OPTIONAL),
    help="An optional statement; repeatable.",
)
@policy_file_option
def policy(
    form: str,
    document: str,
    partition_name: str | None,
    role: str | None,
    principal: str | None,
    external_id: str | None,
    org_id: str | None,
    chosen: tuple[str, ...],
    policy_file: Path | None,
) -> int:
    """Print the least-privilege role for containment, to review and deploy. Nothing is sent anywhere.

    It can look at users and switch keys off and on. What could also be used to take an account over is left out
    until you ask for it by name, and so is what only `keysweep account` needs (--with Audit).

    \b
    Examples:
      keysweep responder policy
      keysweep responder policy --format cloudformation --principal ARN > responder.yaml
      keysweep responder policy --format terraform --with RevokeRoleSessions
      keysweep responder policy --document trust --principal ARN --external-id ID
    """
    mandate = mandate_of(policy_file)
    asked = Responder(
        partition=partition_name or mandate.partitions[0],
        role=role or mandate.role or DEFAULT_ROLE,
        principal=principal,
        external_id=external_id or mandate.external_id,
        org_id=org_id,
        optional=frozenset(chosen),
        deny_paths=mandate.deny_paths,
        deny_users=mandate.deny_users,
    )
    check_responder(asked)
    if form != "json" and document != "permissions":
        raise UsageError(f"--document is for --format json: {form} holds the role whole.")
    click.echo(_rendered(asked, form, document, mandate), nl=False)
    return ExitCode.CLEAN


def _rendered(asked: Responder, form: str, document: str, mandate: Mandate) -> str:
    from keysweep.aws.policy_templates import cloudformation, terraform

    if form == "cloudformation":
        return cloudformation(asked)
    if form == "terraform":
        return terraform(asked)
    if document == "trust":
        return as_json(trust_document(asked))
    if document == "operator":
        return as_json(operator_document(asked, sorted(mandate.allow_accounts)))
    return as_json(permissions_document(asked))


@responder.command()
@policy_file_option
@profile
@click.option(
    "--account", "accounts", multiple=True, metavar="ID", help="Account to check; repeatable.  [default: own]"
)
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def check(
    policy_file: Path | None,
    profile: str | None,
    accounts: tuple[str, ...],
    aws_endpoint: str | None,
    form: str,
) -> int:
    """Say which permissions the responder lacks, in each account. Nothing is changed there.

    Exit code 0: all there. 3: something could not be checked. 4: something is missing, or AWS failed.

    \b
    Examples:
      keysweep responder check
      keysweep responder check --account 111122223333 --account 444455556666
    """
    mandate = mandate_of(policy_file)
    _check_usage(mandate, accounts)
    outcomes = _outcomes(mandate, profile, accounts or (None,), aws_endpoint)
    needed = {each.action for each in required(frozenset(mandate.unattended_actions))}
    if form == "json":
        click.echo(json.dumps(as_data(outcomes, needed), indent=2))
    else:
        click.echo("\n\n".join("\n".join(as_text(each, needed)) for each in outcomes))
    return max(code(each, needed) for each in outcomes)


def _check_usage(mandate: Mandate, accounts: tuple[str, ...]) -> None:
    check_responder(
        Responder(
            partition=mandate.partitions[0], role=mandate.role or DEFAULT_ROLE, external_id=mandate.external_id
        )
    )
    for account in accounts:
        if not (account.isascii() and account.isdecimal() and len(account) == 12):
            raise UsageError(f"--account {account} is no account ID: one has twelve digits.")


def _outcomes(
    mandate: Mandate, profile: str | None, accounts: tuple[str | None, ...], endpoint: str | None
) -> list[Outcome]:
    from keysweep.aws.responders import Responders

    responders = Responders(mandate, profile, endpoint)
    outcomes = []
    for account in accounts:
        try:
            outcomes.append(Outcome(account, checked=_checked(responders, mandate, account)))
        except AwsError as error:
            outcomes.append(Outcome(account, error=error))
    return outcomes


def _checked(responders: Responders, mandate: Mandate, account: str | None) -> Checked:
    from keysweep.aws.permission_check import check as check_permissions

    where = mandate.partitions[0]
    acting = responders.in_account(account or responders.operator(where).account, where)
    return check_permissions(acting, of_responder(), role=mandate.role)
