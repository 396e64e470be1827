"""What keysweep does not do by itself, why, and what a human should do instead: one table."""

from __future__ import annotations

from collections.abc import Mapping

from keysweep.frozen import frozen


@frozen
class Refusal:
    """Why a key is left as it is."""

    guard: str
    """A name of the table."""
    reason: str
    steps: tuple[str, ...]


@frozen
class Guard:
    """One row of the table: what stops a run, and what to do then."""

    when: str
    steps: tuple[str, ...]


GUARDS: Mapping[str, Guard] = {
    "example": Guard(
        "the key ID is a documented example",
        ("Nothing: it belongs to nobody.",),
    ),
    "canary": Guard(
        "the key is bait: its account is that of a canary service, or one that you named",
        (
            "Do not use the key: whoever laid it is told of every use.",
            "Tell whoever laid it where it was found: an unexpected canary is an intrusion alarm.",
        ),
    ),
    "unknown-account": Guard(
        "nothing tells which account the key belongs to",
        (
            "Ask AWS: `aws sts get-access-key-info --access-key-id KEYID` names the account of any key ID.",
            "Run `keysweep contain` again with the secret at hand (a findings file), or in that account.",
        ),
    ),
    "foreign-account": Guard(
        "the account is not on the allow-list",
        (
            "If it is yours: give --allow-account ACCOUNT, or add it to allow-accounts in containment.toml.",
            (
                "If it is not: tell its owner, and AWS at "
                "https://support.aws.amazon.com/#/contacts/report-abuse with the key ID and where it was "
                "found. Never send the secret."
            ),
        ),
    ),
    "accounts-disagree": Guard(
        "the account in the key ID, that of GetCallerIdentity and that of the responder are not the same",
        (
            (
                "Do nothing with the key until you know why: a tampered findings file, a wrong role or an "
                "endpoint that is not AWS look like this."
            ),
        ),
    ),
    "root": Guard(
        "the key belongs to the root user, and nobody else can switch it off",
        (
            "Sign in as the root user of the account, with its MFA.",
            "Open Security credentials, and under Access keys choose Actions, Deactivate for the key ID.",
            (
                "If nobody can sign in: in an organisation, centralised root access (sts:AssumeRoot with "
                "IAMDeleteRootUserCredentials) can delete the key for good; otherwise open a case with AWS "
                "Support."
            ),
            "Look in CloudTrail for what the key did; the root user can do everything, and change who is told.",
        ),
    ),
    "role-session": Guard(
        "a session of a role cannot be switched off by itself",
        (
            (
                "Give --revoke-role-sessions to end every session of the role that is older than now; the plan "
                "names everyone whom that cuts off."
            ),
            "Find out where the session came from: that place hands out the next one.",
        ),
    ),
    "user-session": Guard(
        "a session of a user cannot be switched off by itself",
        (
            "Give --deny-sessions to end every session that the user has now; its long-term keys keep working.",
            "Contain the long-term key that it was made with: CloudTrail's GetSessionToken events name it.",
        ),
    ),
    "reserved-role": Guard(
        "AWS lets nobody put a policy on this role",
        (
            "IAM Identity Center: disable the user there, and delete its active sessions.",
            "Service-linked role: open a case with AWS Support.",
        ),
    ),
    "other-principal": Guard(
        "the key belongs to a kind of principal that keysweep does not know how to contain",
        ("Find who issued the session (CloudTrail: GetFederationToken, AssumeRole), and contain that.",),
    ),
    "not-live": Guard(
        "AWS does not say that it is live, and nobody named it",
        (
            "If you know that its secret has leaked, name the key ID: `keysweep contain KEYID`.",
            "Otherwise find the secret first: a key ID alone lets nobody in.",
        ),
    ),
    "not-found": Guard(
        "the account has no such key: it was deleted",
        ("Nothing. CloudTrail's DeleteAccessKey event says who did it and when.",),
    ),
    "protected": Guard(
        "the user is one of those that are never touched (break-glass)",
        (
            "Wake whoever owns it: containment.toml says that only they decide.",
            (
                "They switch it off with `aws iam update-access-key --user-name USER --access-key-id KEYID "
                "--status Inactive`."
            ),
        ),
    ),
    "protection-unknown": Guard(
        "the policy protects users by path or tag, and the responder cannot read those of this one",
        ("Run `keysweep responder check`, give the role what it lacks, and run this again.",),
    ),
    "recent-use": Guard(
        "it was used so recently that something may stand still",
        (
            "Look at what uses it (the plan says which service and region), and warn its owner.",
            "Give --force if it must be off all the same: an attacker uses it, or waiting is worse.",
        ),
    ),
    "too-many": Guard(
        "the run has reached the most keys that it may change",
        ("Check that so many are meant, and run again for the rest, or raise most-keys in containment.toml.",),
    ),
    "unattended": Guard(
        "the policy does not let an unattended run do this",
        ("Run it by hand, or allow the action under [unattended] in containment.toml.",),
    ),
    "unconfirmed": Guard(
        "nobody confirmed it",
        ("Type the key ID when you are asked, or give --confirm KEYID.",),
    ),
    "service-credential": Guard(
        "no such service-specific credential is there",
        ("Nothing, if it was deleted; otherwise look under the user's Security credentials.",),
    ),
    "two-keys": Guard(
        "the user has two keys, and AWS refuses a third",
        (
            "Find out what uses the other key (its last use is in the reason).",
            "If nothing does: switch it off, and `keysweep delete OTHER` once nobody has missed it for a while.",
            "If a rotation on another machine made it: go on there, where its journal is.",
            "If it is the new one already: hand it to whatever uses KEYID, and end KEYID with `keysweep contain`.",
        ),
    ),
    "unfit-sink": Guard(
        "the place for the new key cannot take it",
        ("Do what the reason says, or name another place with --to.",),
    ),
    "lost-secret": Guard(
        "a key was made whose secret nobody has any more: the run ended between making and handing it over",
        (
            (
                "Run the same again with --apply and type the ID of that key, or give --confirm NEWKEY: it is "
                "deleted, and another one made."
            ),
            "Or take the rotation back with `keysweep undo RUN --confirm NEWKEY`: the key is switched off.",
        ),
    ),
    "used-secret": Guard(
        "the key that a run made and never handed over has been used, so somebody has its secret",
        (
            "Look in CloudTrail who used it. If that is not known, `keysweep contain NEWKEY` switches it off.",
            "Then take the rotation back with `keysweep undo RUN --confirm NEWKEY`, and begin another one.",
        ),
    ),
    "still-active": Guard(
        "the key is not switched off, and only keys that are off are deleted",
        (
            (
                "Switch it off with `keysweep contain KEYID` or `keysweep rotate KEYID`, and come back once "
                "nobody has missed it."
            ),
        ),
    ),
    "handed-over": Guard(
        "it is the new key of a rotation, and the place that it was handed to may hold it",
        (
            "Go on with the rotation: `keysweep rotate --resume RUN --apply` says what is missing.",
            "Or take it back first with `keysweep undo RUN`: the place holds the old key again then.",
        ),
    ),
    "too-young": Guard(
        "it was switched off or used too short a while ago for anybody to have missed it",
        ("Come back when the reason says so, or give fewer --kept-days if you know better.",),
    ),
    "unreachable": Guard(
        "AWS could not be asked",
        ("Run `keysweep responder check --account ACCOUNT`, mend what it names, and run this again.",),
    ),
}
"""Name of the guard to when it stops a run and what a human should do (docs/containment.md shows this table)."""

OF_ROTATION = ("two-keys", "unfit-sink", "lost-secret", "used-secret", "still-active", "handed-over", "too-young")
"""Those that only `rotate` and `delete` have (docs/rotation.md shows them)."""


def refuse(guard: str, reason: str = "", **names: str) -> Refusal:
    """A refusal by `guard`; `names` take the places of KEYID, ACCOUNT and USER in its steps."""
    row = GUARDS[guard]
    steps = row.steps
    for place, value in names.items():
        steps = tuple(step.replace(place.upper(), value) for step in steps)
    return Refusal(guard, reason or row.when, steps)
