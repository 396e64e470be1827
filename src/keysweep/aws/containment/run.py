"""A plan carried out: every key in turn switched off, watched until AWS refuses it, and its trail kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from keysweep.aws.containment import changes
from keysweep.aws.containment.changes import Change
from keysweep.aws.containment.items import Item
from keysweep.aws.containment.lookups import Lookups
from keysweep.aws.containment.propagation import Propagation, await_refusal
from keysweep.aws.containment.writing import Outcome, Run, Written
from keysweep.aws.mandate import SWITCHING
from keysweep.aws.partitions import partition
from keysweep.aws.responders import Acting
from keysweep.aws.signing import Caller
from keysweep.aws.trail import KEPT, Summary, summarise
from keysweep.aws.trail_shown import as_json
from keysweep.errors import AwsError, JournalError
from keysweep.frozen import frozen, replace


class Standing(StrEnum):
    """What became of one key; the values are the `status` that scripts read."""

    PLANNED = "planned"
    """`--apply` would switch it off; nothing was done."""
    DISABLED = "disabled"
    """Switched off; and AWS refuses it, if its secret was there to see that with."""
    NOT_PROPAGATED = "disabled-not-propagated"
    """Switched off, and AWS still accepts it, or was not seen to refuse it."""
    REVOKED = "revoked"
    """The sessions that there were are denied everything."""
    HARMLESS = "harmless"
    """Nothing had to be done: AWS refuses it, or it is switched off already."""
    REFUSED = "refused"
    """A guard stopped it; what to do instead is said."""
    FAILED = "failed"
    """AWS did not do it, or not all of it: what it did is said."""
    UNKNOWN = "unknown"
    """Nobody knows whether AWS did it: `keysweep log` shows it, and a human has to look."""


@frozen
class Done:
    """What became of one key of the plan."""

    item: Item
    standing: Standing
    reason: str = ""
    written: tuple[Written, ...] = ()
    propagation: Propagation | None = None


@frozen
class Means:
    """What a run acts with."""

    run: Run
    lookups: Lookups
    caller: Caller
    wait_seconds: float = 60.0


def new_name(now: datetime) -> str:
    """A name for a run, such as `20261127t045125z-3f9a1c`: it sorts by time and can be part of a policy's name."""
    return f"{now:%Y%m%dt%H%M%Sz}-{token_hex(3)}"


def before(item: Item) -> Done:
    """What an item is while nothing is done."""
    if item.is_planned:
        return Done(item, Standing.PLANNED)
    if item.refusal:
        return Done(item, Standing.REFUSED, item.refusal.reason)
    if item.is_lingering:
        return Done(item, Standing.NOT_PROPAGATED, f"{item.settled}, and AWS still accepts it")
    return Done(item, Standing.HARMLESS, item.settled)


def carry_out(
    items: Iterable[Item], means: Means, confirm: Callable[[Item], Item], watch: Callable[[str], None]
) -> Iterator[Done]:
    """Do what is planned, one key after the other; `confirm` may refuse an item, `watch` is told what happens.

    Raises JournalError where the journal cannot be written, and hands Ctrl-C on, once it has told how far it came.
    """
    for item in items:
        asked = confirm(item) if item.is_planned else item
        if not asked.is_planned:
            yield before(asked)
            continue
        course = _Course(asked, len(means.run.written))
        try:
            done = _contained(course, means, watch)
        except (JournalError, KeyboardInterrupt) as error:
            yield _cut_off(course, means, str(error))
            raise
        except AwsError as error:
            done = _partly(course.told(means), Standing.FAILED, str(error))
            try:
                means.run.note("failed", key_id=asked.target.key_id, reason=str(error))
            except JournalError:
                yield done
                raise
        yield done


class _Course:
    """How far one key has come, for when something ends it in the midst: what was done has to be told."""

    def __init__(self, item: Item, since: int) -> None:
        """`since`: how many changes the run had written before."""
        self.item = item
        self.propagation: Propagation | None = None
        self._since = since

    def told(self, means: Means) -> Done:
        """What is known so far."""
        return Done(
            self.item,
            Standing.FAILED,
            written=tuple(means.run.written[self._since :]),
            propagation=self.propagation,
        )


_IS_SO = frozenset({Outcome.MADE, Outcome.ALREADY})


def _is_off(done: Done) -> bool:
    return any(each.outcome in _IS_SO and each.change.action in SWITCHING for each in done.written)


def _partly(done: Done, standing: Standing, why: str) -> Done:
    """Not all was done; a key that is off all the same is said to be, because that is what matters most."""
    if _is_off(done):
        seen = done.propagation.reason if done.propagation else "as IAM says"
        why = f"the key is switched off ({seen}), but not all was done: {why}"
    return replace(done, standing=standing, reason=why)


def _cut_off(course: _Course, means: Means, why: str) -> Done:
    """What is known of a key in the midst of which the run ended."""
    done = course.told(means)
    outcomes = {each.outcome for each in done.written}
    if Outcome.UNKNOWN in outcomes:
        return _partly(done, Standing.UNKNOWN, why or "interrupted before AWS had answered")
    if not outcomes & _IS_SO:
        return replace(done, standing=Standing.PLANNED, reason=why or "interrupted before anything was changed")
    if done.propagation is not None and done.propagation.refused_after_seconds is not None:
        return _partly(done, Standing.FAILED, why or "interrupted")
    return replace(
        done, standing=Standing.NOT_PROPAGATED, reason=why or "interrupted before AWS was seen to refuse it"
    )


def _contained(course: _Course, means: Means, watch: Callable[[str], None]) -> Done:
    item = course.item
    assert item.account
    # Asked anew, because a session may have ended while a person was thinking.
    acting = means.lookups.acting(item.target, item.account)
    for action in item.actions:
        change = _change(action, item, acting, means.run.name)
        watch(f"{change.words} …")
        written = means.run.make(change, acting)
        if written.outcome not in _IS_SO:
            unknown = written.outcome is Outcome.UNKNOWN
            return _partly(course.told(means), Standing.UNKNOWN if unknown else Standing.FAILED, written.reason)
        if action == "deactivate-key":
            course.propagation = _watched(item, means, watch)
    return _judged(course.told(means))


def _change(action: str, item: Item, acting: Acting, run: str) -> Change:
    account, where, key_id = acting.account, acting.partition.name, item.target.key_id
    if action == "revoke-role-sessions" and item.role:
        return changes.revoke_role_sessions(account, where, key_id, item.role.name, run, acting.now())
    verdict = item.target.verdict
    user = item.owner.user if item.owner else (verdict.name if verdict else None)
    if not user:
        raise AwsError(f"could not {action} for {key_id}: its user is not known.")
    if action == "deactivate-key":
        return changes.deactivate_key(account, where, key_id, user)
    if action == "deny-sessions":
        return changes.deny_sessions(account, where, key_id, user, run, acting.now())
    if action == "quarantine":
        return changes.quarantine(account, where, key_id, user)
    assert item.owner
    return changes.deactivate_credential(account, where, user, item.owner.credential, key_id)


def _watched(item: Item, means: Means, watch: Callable[[str], None]) -> Propagation | None:
    """Use the key until AWS refuses it; None if its secret is not here."""
    answer = item.target.answer
    if answer is None or answer.credential is None:
        return None
    watch(f"{item.target.key_id} is switched off; asking until AWS refuses it …")
    seen = await_refusal(means.caller, answer.credential, partition(item.target.partition), means.wait_seconds)
    means.run.note(
        "not-propagated" if seen.refused_after_seconds is None else "propagated",
        key_id=item.target.key_id,
        seconds=None if seen.refused_after_seconds is None else round(seen.refused_after_seconds, 1),
        reason=seen.reason,
    )
    return seen


def _judged(done: Done) -> Done:
    if SWITCHING & set(done.item.actions):
        if done.propagation is None:
            told = "IAM says that it is switched off; its secret is not here to see AWS refuse it with"
            if done.item.target.is_service_credential:
                told = "IAM says that it is switched off; that its service refuses it cannot be seen from here"
            return replace(done, standing=Standing.DISABLED, reason=told)
        late = done.propagation.refused_after_seconds is None
        standing = Standing.NOT_PROPAGATED if late else Standing.DISABLED
        return replace(done, standing=standing, reason=done.propagation.reason)
    if done.item.actions == ("quarantine",):
        return replace(
            done, standing=Standing.HARMLESS, reason="it was switched off before, and is quarantined now"
        )
    told = "IAM has the policy; STS names a session even under it, so the denial cannot be seen from here"
    return replace(done, standing=Standing.REVOKED, reason=told)


def keep_trail(done: Done, means: Means, regions: Iterable[str], watch: Callable[[str], None]) -> Summary | None:
    """Ask CloudTrail what the key did, and keep the summary beside the journal, with its hash in it.

    None for what CloudTrail cannot look up. Raises JournalError where it cannot be kept.
    """
    item = done.item
    key_id = item.target.key_id
    if item.target.is_service_credential or item.account is None or item.acting is None:
        return None
    try:
        acting = means.lookups.acting(item.target, item.account)
    except AwsError:
        acting = item.acting
    now = datetime.now(UTC)
    home = acting.partition.region
    summary = summarise(
        lambda region: acting.client("cloudtrail", region),
        key_id,
        regions,
        now - KEPT,
        now,
        leaked=item.target.leaked,
        home=home,
        on_progress=lambda region, count: watch(f"CloudTrail, {region}: {count} events of {key_id} …"),
    )
    content = json.dumps(as_json(summary), indent=2).encode()
    path = means.run.journal.directory / "runs" / means.run.name / f"trail-{key_id}.json"
    try:
        _write(path, content)
    except OSError as error:
        raise JournalError(f"could not write {path} ({error.strerror}): free some room.") from error
    means.run.note(
        "trail",
        key_id=key_id,
        file=f"runs/{means.run.name}/{path.name}",
        sha256=sha256(content).hexdigest(),
        events=summary.events,
        complete=not summary.incomplete,
    )
    return summary


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
