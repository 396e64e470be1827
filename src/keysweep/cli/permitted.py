"""What `keysweep responder check` found out, as text and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keysweep.aws.permission_check import HELD, LACKING, ROOT, SIMULATED, Answer, Checked
from keysweep.aws.permissions import OPTIONAL, Permission
from keysweep.errors import AwsError, ExitCode
from keysweep.frozen import frozen
from keysweep.report.style import Style

_STATUS = {ExitCode.CLEAN: "ok", ExitCode.INCOMPLETE: "unchecked", ExitCode.AWS: "lacking"}
_OK, _MISSING, _UNCHECKED, _EXTRA, _OFF = "ok", "MISSING", "UNCHECKED", "more", "off"
_OPTIONAL = set(OPTIONAL)


@frozen
class Outcome:
    """What was learnt of one account; None for the operator's own."""

    account: str | None
    checked: Checked | None = None
    error: AwsError | None = None


def code(outcome: Outcome, needed: set[str]) -> int:
    """The exit code that one account asks for."""
    if outcome.checked is None or any(_mark(each, needed) == _MISSING for each in outcome.checked.answers):
        return ExitCode.AWS
    unknown = any(_mark(each, needed) == _UNCHECKED for each in outcome.checked.answers)
    return ExitCode.INCOMPLETE if unknown else ExitCode.CLEAN


def _mark(answer: Answer, needed: set[str]) -> str:
    """How one answer reads: only what is needed can be missing, and only what is optional can be too much."""
    permission = answer.permission
    if permission.action in needed:
        return {HELD: _OK, LACKING: _MISSING}.get(answer.state, _UNCHECKED)
    if answer.state == HELD:
        return _EXTRA if permission.statement in _OPTIONAL and permission.writes else _OK
    return _OFF if answer.state == LACKING else "?"


def as_text(outcome: Outcome, needed: set[str]) -> list[str]:
    """Lines about one account, safe for a terminal: a permission each, and then what to do."""
    return [Style().safe(line) for line in _lines(outcome, needed)]


def _lines(outcome: Outcome, needed: set[str]) -> list[str]:
    if outcome.checked is None:
        return [f"account {outcome.account or 'of your own'}: {outcome.error}"]
    checked = outcome.checked
    how = {SIMULATED: "asked of IAM's simulator", ROOT: "the root user, whom IAM denies nothing"}
    head = f"account {checked.account} as {checked.principal} ({how.get(checked.how, 'tried, reads only')})"
    rows = [_row(each, needed) for each in checked.answers]
    return [head, *rows, *_advice(checked, needed)]


def _row(answer: Answer, needed: set[str]) -> str:
    mark = _mark(answer, needed)
    reason = f" [{answer.reason}]" if mark in {_MISSING, _UNCHECKED} and answer.reason else ""
    return f"  {mark:9}  {answer.permission.action:36}  {answer.permission.why}{reason}"


def _advice(checked: Checked, needed: set[str]) -> list[str]:
    """What to do, by what was found; nothing where all is well."""

    def marked(mark: str) -> list[Permission]:
        return [each.permission for each in checked.answers if _mark(each, needed) == mark]

    lines = []
    if missing := marked(_MISSING):
        asked = sorted({each.statement for each in missing} & _OPTIONAL)
        options = "".join(f" --with {each}" for each in asked)
        lines.append(
            f"missing: {_names(missing)}. `keysweep responder policy{options}` prints the policy with them."
        )
    if unchecked := marked(_UNCHECKED):
        lines.append(
            f"not checked: {_names(unchecked)}. Allow this identity iam:SimulatePrincipalPolicy on itself to have "
            "them checked without being tried."
        )
    if extra := marked(_EXTRA):
        lines.append(f"more than the policy file uses, and escalation-grade: {_names(extra)}.")
    if checked.how == ROOT:
        lines.append(
            "Do not contain keys as the root user: make the role that `keysweep responder policy` prints."
        )
    return lines or ["all there."]


def _names(permissions: list[Permission]) -> str:
    return ", ".join(each.action for each in permissions)


def as_data(outcomes: Sequence[Outcome], needed: set[str]) -> dict[str, Any]:
    """All of it for JSON; `needed` are the actions that the responder cannot be without."""
    worst = max(code(each, needed) for each in outcomes)
    return {"status": _STATUS[worst], "accounts": [_one(each, needed) for each in outcomes]}


def _one(outcome: Outcome, needed: set[str]) -> dict[str, Any]:
    if outcome.checked is None:
        return {"account": outcome.account, "status": "failed", "error": str(outcome.error)}
    return {
        "account": outcome.checked.account,
        "principal": outcome.checked.principal,
        "how": outcome.checked.how,
        "status": _STATUS[code(outcome, needed)],
        "permissions": [
            {
                "action": each.permission.action,
                "statement": each.permission.statement,
                "required": each.permission.action in needed,
                "state": each.state,
                "reason": each.reason or None,
                "why": each.permission.why,
            }
            for each in outcome.checked.answers
        ],
    }
