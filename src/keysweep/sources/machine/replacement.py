"""What takes the place of each long-term key in the files of AWS's tools: the very lines, where they are known."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Sequence

from keysweep.detect.keyid import account_of
from keysweep.frozen import frozen
from keysweep.sources.machine.profiles import Configured, Profile
from keysweep.sources.machine.surroundings import Machine, Surroundings

_Way = Callable[[Profile, Configured, Surroundings, str], tuple[list[str], str]]
"""How a profile does without its key: steps, and lines of configuration; the last argument is its account."""
_KEY_ID = re.compile(r"A[A-Z0-9]{19}")


@frozen
class Replacement:
    """For one profile."""

    profile: str
    key_id: str
    evidence: tuple[str, ...]
    steps: tuple[str, ...]
    snippet: str


def replacements(known: Configured, around: Surroundings) -> tuple[Replacement, ...]:
    """One for each profile that holds a key which works until somebody ends it, in their order."""
    return tuple(_replacement(each, known, around) for each in known.profiles if each.is_long_term)


def summary(known: Configured) -> str:
    """Where profiles get their credentials from, in one clause; empty where there are none."""
    counts = Counter(filter(None, map(_source, known.profiles)))
    return ", ".join(f"{source} ({count})" for source, count in counts.most_common())


def _source(profile: Profile) -> str:
    if profile.is_long_term:
        return "a long-term key"
    return "a key that expires" if profile.key_id and profile.is_temporary else profile.source


def _replacement(profile: Profile, known: Configured, around: Surroundings) -> Replacement:
    key_id = profile.key_id if _KEY_ID.fullmatch(profile.key_id) else ""
    account = account_of(key_id) if key_id else None
    through = [each.name for each in known.profiles if each.settings.get("source_profile") == profile.name]
    evidence = [f"profile {profile.name} holds a long-term key{f', {key_id}' if key_id else ''}"]
    if account:
        evidence.append(f"the key is of account {account}")
    if through:
        evidence.append(f"{_listed(through)} {'takes its' if len(through) == 1 else 'take their'} role through it")
    if around.evidence:
        evidence.append(f"this is {around.machine.value}: {around.evidence}")
    if profile.source and not profile.has("role_arn"):
        evidence.append(f"it gets credentials from {profile.source} already")
        steps = [f"Take the key out of the profile: without it, {profile.source} is asked."]
        return Replacement(profile.name, key_id, tuple(evidence), (*steps, *_end(key_id)), "")
    steps, snippet = _WAYS[around.machine](profile, known, around, account or "ACCOUNT")
    return Replacement(profile.name, key_id, tuple(evidence), (*steps, *_end(key_id)), snippet)


def _end(key_id: str) -> tuple[str, ...]:
    """What is left to do once nothing uses the key."""
    if not key_id:
        return ()
    return (
        "Then take the key out of the file, switch it off, and delete it when nothing has failed:",
        f"`aws iam update-access-key --access-key-id {key_id} --status Inactive`",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def section_of(profile: str) -> str:
    """The head of a profile in the config file."""
    return "[default]" if profile == "default" else f"[profile {shlex.quote(profile)}]"


def _for_a_person(
    profile: Profile, known: Configured, around: Surroundings, account: str
) -> tuple[list[str], str]:
    region = profile.settings.get("region") or "REGION"
    lines = []
    if known.sso_sessions:
        session = known.sso_sessions[0]
    else:
        session = "work"
        lines = [
            "[sso-session work]",
            "sso_start_url = https://YOUR-PORTAL.awsapps.com/start",
            f"sso_region = {region}",
            "sso_registration_scopes = sso:account:access",
            "",
        ]
    lines += [
        section_of(profile.name),
        f"sso_session = {session}",
        f"sso_account_id = {account}",
        "sso_role_name = ROLE",
        f"region = {region}",
    ]
    if around.helper:
        lines += [
            "",
            "# without IAM Identity Center, the key in the keychain of the system:",
            f"# {section_of(profile.name)}",
            f"# credential_process = {around.helper} {shlex.quote(profile.name)}",
        ]
    named = "" if profile.name == "default" else f" --profile {shlex.quote(profile.name)}"
    return [
        "Sign in for some hours in place of the key: put this into the AWS config file.",
        f"Try it: `aws sso login{named}`, and `aws sts get-caller-identity{named}`.",
    ], "\n".join(lines)


def _by_source(source: str, step: str) -> _Way:
    def way(profile: Profile, _: Configured, __: Surroundings, account: str) -> tuple[list[str], str]:
        lines = [
            section_of(profile.name),
            f"role_arn = arn:aws:iam::{account}:role/ROLE",
            f"credential_source = {source}",
        ]
        region = profile.settings.get("region")
        return [step], "\n".join([*lines, *([f"region = {region}"] if region else [])])

    return way


def _in_a_pod(profile: Profile, _: Configured, __: Surroundings, account: str) -> tuple[list[str], str]:
    command = (
        "aws eks create-pod-identity-association --cluster-name CLUSTER --namespace NAMESPACE \\\n"
        f"  --service-account SERVICE-ACCOUNT --role-arn arn:aws:iam::{account}:role/ROLE"
    )
    step = (
        f"Give the service account of the pod a role: SDKs find it by themselves, without profile {profile.name}."
    )
    return [step], command


def _in_ci(_: Profile, __: Configured, around: Surroundings, account: str) -> tuple[list[str], str]:
    step = "Let the job take a role by OIDC: it gets credentials for an hour, and no key is kept anywhere."
    role = f"arn:aws:iam::{account}:role/ROLE"
    if "GITHUB" in around.evidence:
        return [step], (
            "permissions:\n  id-token: write\nsteps:\n  - uses: aws-actions/configure-aws-credentials@COMMIT\n"
            f"    with:\n      role-to-assume: {role}\n      aws-region: REGION"
        )
    return [step], f"[profile ci]\nrole_arn = {role}\nweb_identity_token_file = FILE-WITH-THE-TOKEN-OF-THE-JOB"


_WAYS = {
    Machine.PERSON: _for_a_person,
    Machine.EC2: _by_source("Ec2InstanceMetadata", "Give the instance a role: SDKs find it by themselves."),
    Machine.ECS: _by_source("EcsContainer", "Give the task a role: SDKs find it by themselves."),
    Machine.EKS: _in_a_pod,
    Machine.CI: _in_ci,
}
