"""What takes the place of each long-term key in the files of AWS's tools: the very lines, where they are known."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from keysweep.detect.keyid import account_of
from keysweep.frozen import frozen
from keysweep.regions import is_region, partition_of
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
    through: dict[str, list[str]] = defaultdict(list)
    for each in known.profiles:
        through[each.settings.get("source_profile", "")].append(each.name)
    return tuple(
        _replacement(each, known, around, through.get(each.name, ()))
        for each in known.profiles
        if each.is_long_term
    )


def summary(known: Configured) -> str:
    """Where profiles get their credentials from, in one clause; empty where there are none."""
    counts = Counter(filter(None, map(_source, known.profiles)))
    return ", ".join(f"{source} ({count})" for source, count in counts.most_common())


def _source(profile: Profile) -> str:
    if profile.is_long_term:
        return "a long-term key"
    return "a key that expires" if profile.key_id and profile.is_temporary else profile.source


def _replacement(profile: Profile, known: Configured, around: Surroundings, through: Sequence[str]) -> Replacement:
    """`through` are the profiles that take a role through it."""
    key_id = profile.key_id if _KEY_ID.fullmatch(profile.key_id) else ""
    account = account_of(key_id) if key_id else None
    evidence = [f"profile {profile.name} holds a long-term key{f', {key_id}' if key_id else ''}"]
    if account:
        evidence.append(f"the key is of account {account}")
    if through:
        evidence.append(f"{_listed(through)} {'takes its' if len(through) == 1 else 'take their'} role through it")
    if around.evidence:
        evidence.append(f"this is {around.machine.value}: {around.evidence}")
    if profile.source and not profile.takes_role_by_itself:
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
    signs_in = _beside(profile) if profile.takes_role_by_itself else profile
    lines = []
    session = next(filter(str.isprintable, known.sso_sessions), "")
    if not session:
        session = "work"
        lines = [
            "[sso-session work]",
            "sso_start_url = https://YOUR-PORTAL.awsapps.com/start",
            "sso_region = REGION-OF-THE-PORTAL",
            "sso_registration_scopes = sso:account:access",
            "",
        ]
    lines += _section(
        signs_in,
        {
            "sso_session": session,
            "sso_account_id": account,
            "sso_role_name": "ROLE",
            "region": _region(profile) or "REGION",
        },
    )
    if around.keeps:
        lines += [
            "",
            "# without IAM Identity Center, the key in the keychain of the system, which has to get it first:",
            f"# {around.keeps} {shlex.quote(signs_in.name)}",
        ]
    if around.helper:
        lines += [
            f"# {section_of(signs_in.name)}",
            f"# credential_process = {around.helper} {shlex.quote(signs_in.name)}",
        ]
    steps = [_put("Sign in for some hours in place of the key", signs_in)]
    if signs_in is not profile:
        steps.append(f"Let profile {profile.name} take its role from there: source_profile = {signs_in.name}")
    named = "" if profile.name == "default" else f" --profile {shlex.quote(profile.name)}"
    sign_in = "" if signs_in.name == "default" else f" --profile {shlex.quote(signs_in.name)}"
    steps.append(f"Try it: `aws sso login{sign_in}`, and `aws sts get-caller-identity{named}`.")
    return steps, "\n".join(lines)


def _region(profile: Profile) -> str:
    """Whatever else stands there is no region, and could be lines that somebody wants to have copied."""
    said = profile.settings.get("region", "")
    return said if is_region(said) else ""


def _role(profile: Profile, account: str) -> str:
    """The ARN of a role of the account, in the partition that the region of the profile is in."""
    return f"arn:{partition_of(_region(profile))}:iam::{account}:role/ROLE"


def _beside(profile: Profile) -> Profile:
    """A new profile for what a profile that takes a role cannot do too: tools would ask for the role alone."""
    return Profile(f"{profile.name}-sign-in", {})


def _section(profile: Profile, lines: Mapping[str, str]) -> list[str]:
    """A section of the config file, without what it says already: botocore refuses a setting that stands twice."""
    said = profile.in_config or frozenset()
    return [section_of(profile.name), *(f"{name} = {value}" for name, value in lines.items() if name not in said)]


def _put(what: str, profile: Profile) -> str:
    """Where the lines belong: botocore refuses the whole file where a section stands twice."""
    if profile.in_config is None:
        return f"{what}: put this into the AWS config file."
    return (
        f"{what}: put this into the AWS config file. It has {section_of(profile.name)} already: add the lines to "
        "that section, since the AWS CLI reads no file in which one stands twice."
    )


def _by_source(source: str, step: str) -> _Way:
    def way(profile: Profile, _: Configured, __: Surroundings, account: str) -> tuple[list[str], str]:
        region = _region(profile)
        lines = {"role_arn": _role(profile, account), "credential_source": source}
        steps = [_put(f"{step} To have a profile take a further one", profile)]
        if profile.takes_role_by_itself:
            steps.append("Take source_profile out of that section: credential_source stands in its place.")
        return steps, "\n".join(_section(profile, lines | ({"region": region} if region else {})))

    return way


def _in_a_pod(profile: Profile, _: Configured, __: Surroundings, account: str) -> tuple[list[str], str]:
    command = (
        "aws eks create-pod-identity-association --cluster-name CLUSTER --namespace NAMESPACE \\\n"
        f"  --service-account SERVICE-ACCOUNT --role-arn {_role(profile, account)}"
    )
    step = (
        f"Give the service account of the pod a role: SDKs find it by themselves, without profile {profile.name}."
    )
    return [step], command


def _in_ci(profile: Profile, _: Configured, around: Surroundings, account: str) -> tuple[list[str], str]:
    step = "Let the job take a role by OIDC: it gets credentials for an hour, and no key is kept anywhere."
    role = _role(profile, account)
    if "GITHUB" in around.evidence:
        return [step], (
            "permissions:\n  id-token: write\n  contents: read # for the checkout\nsteps:\n"
            "  - uses: aws-actions/configure-aws-credentials@COMMIT\n"
            f"    with:\n      role-to-assume: {role}\n      aws-region: REGION"
        )
    lines = {"role_arn": role, "web_identity_token_file": "FILE-WITH-THE-TOKEN-OF-THE-JOB"}
    return [_put(step.removesuffix("."), profile)], "\n".join(_section(profile, lines))


_WAYS = {
    Machine.PERSON: _for_a_person,
    Machine.EC2: _by_source("Ec2InstanceMetadata", "Give the instance a role: SDKs find it by themselves."),
    Machine.ECS: _by_source("EcsContainer", "Give the task a role: SDKs find it by themselves."),
    Machine.EKS: _in_a_pod,
    Machine.CI: _in_ci,
}
