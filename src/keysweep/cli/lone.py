"""What `keysweep verify` does about key IDs without a secret: its options for that, and the asking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from keysweep.cli.operator import Asked, allow_lookup, mandate_of, policy_file, profile
from keysweep.errors import UsageError
from keysweep.frozen import frozen, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.containment.targets import Target
    from keysweep.aws.inventory import Inventory
    from keysweep.aws.lone import Seen
    from keysweep.aws.mandate import Mandate
    from keysweep.aws.verify import Question
    from keysweep.findings import Finding
    from keysweep.sources.reread import Reread
    from keysweep.verdicts import Verdict

_Command = Callable[..., Any]


def inventory_files(command: _Command) -> _Command:
    """Files that say which keys there are."""
    return click.option(
        "--inventory",
        "inventories",
        multiple=True,
        metavar="FILE",
        help="Look key IDs without a secret up in this output of `aws iam list-access-keys`, or in a credential "
        "report beside it; repeatable.",
    )(command)


def lookup_options(command: _Command) -> _Command:
    """Asking IAM, and as whom."""
    looks = click.option(
        "--lookup",
        is_flag=True,
        help="Look key IDs without a secret up in IAM, as the responder in their account.",
    )
    return looks(policy_file(profile(allow_lookup(command))))


@frozen
class Means:
    """Where key IDs may be looked up."""

    inventory: Inventory | None
    mandate: Mandate | None
    """What the policy file says; None unless IAM is to be asked."""
    profile: str | None
    endpoint: str | None
    partitions: tuple[str, ...]


def means(
    inventories: Sequence[str],
    lookup: bool,
    policy_file: Path | None,
    profile: str | None,
    allowed: Sequence[str],
    partitions: Sequence[str],
    endpoint: str | None,
) -> Means:
    """What the options say. Raises UsageError for what is no inventory, and for options that need --lookup."""
    if not lookup and (policy_file or profile or allowed):
        raise UsageError(
            "--policy, --profile and --allow-account go with --lookup: nothing else acts as you here."
        )
    inventory = None
    if inventories:
        from keysweep.aws.inventory import read

        inventory = read(inventories)
    mandate = mandate_of(policy_file).allowing(allowed) if lookup else None
    known = tuple(partitions) or (mandate.partitions if mandate else ("aws",))
    return Means(inventory, mandate, profile, endpoint, known)


@frozen
class Known:
    """What became of the key IDs without a secret."""

    verdicts: Mapping[str, Verdict]
    is_unanswered: bool = False
    """Whether AWS was to be asked about some and nothing came of it."""
    is_interrupted: bool = False


def known(findings: Iterable[Finding], unread: Iterable[Reread], came: Asked, means: Means) -> Known:
    """A verdict for every key ID of which nothing could be tried; none where nobody asked for looking up.

    After Ctrl-C nobody is asked any more, and what files say is said.
    """
    if came.is_interrupted:
        means = replace(means, mandate=None)
    if means.inventory is None and means.mandate is None:
        return Known({})
    from keysweep.aws.lone import verdict_on
    from keysweep.aws.questions import questions

    targets = _targets(questions(findings, means.partitions), unread, frozenset(came.answers), means.partitions)
    seen, is_interrupted = _looked_up([target for target, _ in targets], means)
    verdicts = {target.key_id: verdict_on(target, why, means.inventory, seen) for target, why in targets}
    is_unanswered = any(each.is_unanswered for each in (seen or {}).values())
    return Known(verdicts, is_unanswered, is_interrupted)


def _targets(
    questions: Iterable[Question], unread: Iterable[Reread], done: frozenset[str], partitions: Sequence[str]
) -> list[tuple[Target, str]]:
    """The key IDs, and why their secrets were not tried; bait and examples are looked up nowhere."""
    from keysweep.aws.containment.targets import Target
    from keysweep.cli.leaked import described

    found: dict[str, tuple[Target, str]] = {}
    for question in questions:
        if not question.candidates:
            near = next((each.name for each in question.partitions if each.name in partitions), partitions[0])
            target = Target(question.key_id, described(question.key_id, question.canary), near)
            found[question.key_id] = target, question.unasked
    for recorded in (each.recorded for each in unread):
        if recorded.key_id and recorded.key_id not in done | found.keys():
            target = Target(recorded.key_id, described(recorded.key_id, recorded.canary), partitions[0])
            found[recorded.key_id] = target, "its secret could not be read again"
    return [each for each in found.values() if not each[0].described.canary and not each[0].described.example]


def _looked_up(targets: Sequence[Target], means: Means) -> tuple[dict[str, Seen] | None, bool]:
    """What IAM says, as far as it came; None where it is not to be asked. Whether somebody pressed Ctrl-C."""
    if means.mandate is None:
        return None, False
    from keysweep.aws.lone import look_up
    from keysweep.aws.responders import Responders

    seen: dict[str, Seen] = {}
    responders = Responders(means.mandate, means.profile, means.endpoint)
    try:
        for key_id, each in look_up(targets, responders, means.mandate):
            seen[key_id] = each  # noqa: PERF403 - what came before Ctrl-C is kept
    except KeyboardInterrupt:
        return seen, True
    return seen, False
