"""The twenty practices for access keys: why each matters, what answers it, and what shows it."""

from __future__ import annotations

from keysweep.frozen import frozen


@frozen
class Practice:
    """One of the twenty."""

    number: int
    name: str
    why: str
    evidence: str
    """What is shown of it, a clause."""
    commands: tuple[str, ...] = ()
    """That answer it, beside `account`."""


PRACTICES = (
    Practice(
        1,
        "Creation",
        "A key that nobody needed is a key that nobody misses when somebody else uses it.",
        "the credential report (made, never used), and CloudTrail's CreateAccessKey: who made it, from where",
        (),
    ),
    Practice(
        2,
        "Rotation",
        "A key that is changed regularly ends what a leak of it gave away.",
        "its age in IAM, and the journal of its rotation",
        ("rotate",),
    ),
    Practice(
        3,
        "Securing",
        "A key is as safe as the least safe file that it stands in.",
        "where a key stands on a machine or in a repository, and who else can read that",
        ("scan", "scan --machine", "install"),
    ),
    Practice(
        4,
        "The two-key limit",
        "The second key is for the change from one to the next, and nothing else.",
        "both keys of a user, and when each was last used",
        ("rotate",),
    ),
    Practice(
        5,
        "Disabling",
        "What is switched off cannot be used, and can be switched on again.",
        "its state and last use in IAM; after `contain` the journal, and AWS refusing the key",
        ("contain", "undo"),
    ),
    Practice(
        6,
        "Deleting",
        "An inactive key can be switched on by whoever may change keys; a deleted one never.",
        "since when it is off, by the journal or CloudTrail, and its last use",
        ("delete",),
    ),
    Practice(
        7,
        "Keys and the CLI",
        "The CLI can sign in for some hours, and then needs no key in a file.",
        "profiles that hold a long-term key, and what each could hold instead",
        ("scan --machine",),
    ),
    Practice(
        8,
        "Roles in place of keys",
        "A role gives out credentials that expire by themselves.",
        "user agent and source of its calls in CloudTrail, and the role that would do",
        (),
    ),
    Practice(
        9,
        "Keys and SDKs",
        "SDKs find a role's credentials by themselves; a key in code is found by all.",
        "settings of tools that hold a key, and what each tool takes instead",
        ("scan --machine",),
    ),
    Practice(
        10,
        "Tracking with CloudTrail",
        "What a key did is known only where it was written down.",
        "the trails of every region, and what the key did by CloudTrail",
        ("contain",),
    ),
    Practice(
        11,
        "Seen only at creation",
        "A lost secret is replaced, so nobody has to keep copies of one.",
        "never used since it was made; a rotation hands each secret over once",
        ("rotate",),
    ),
    Practice(
        12,
        "Keys of the root user",
        "Nothing limits the root user, so nothing limits who has its key.",
        "the root user's row in the credential report, and its events in CloudTrail",
        (),
    ),
    Practice(
        13,
        "Keys of IAM users",
        "A key of a user works from everywhere, until somebody ends it.",
        "what its user may do, and what uses it",
        (),
    ),
    Practice(
        14,
        "Temporary credentials",
        "What expires by itself is worth little to whoever finds it later.",
        "what uses it, and the set-up that gives out credentials for some hours",
        (),
    ),
    Practice(
        15,
        "Age",
        "The older a key is, the more places have seen it.",
        "its age in days, the ages of all keys in bands, and the course over runs",
        (),
    ),
    Practice(
        16,
        "What IAM knows of a key",
        "When and for what a key was last used says whether it is missed.",
        "its last use by service, region, address and time, held against the date of its leak",
        ("verify", "contain"),
    ),
    Practice(
        17,
        "Regions",
        "Use in a region where nobody works is somebody else's use.",
        "regions of its use, held against those in which anybody else works",
        (),
    ),
    Practice(
        18,
        "Permissions",
        "A leaked key is worth what its user may do.",
        "all policies together, IAM's simulation, and services used against services granted",
        (),
    ),
    Practice(
        19,
        "Key IDs",
        "The ID says which account a key belongs to, without asking anybody.",
        "the account that is encoded in the ID",
        ("explain",),
    ),
    Practice(
        20,
        "Secrets",
        "The secret alone signs requests; AWS keeps no copy that anybody could ask for.",
        "the shape and entropy of a secret, and what STS answers to it",
        ("scan", "explain"),
    ),
)
BY_NUMBER = {each.number: each for each in PRACTICES}
