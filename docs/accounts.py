"""The tables about practices, and about audits of accounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from docs.markdown import table
from docs.proof import held_by
from keysweep.account.judging.rules import RULES as OF_KEYS
from keysweep.account.judging.rules import Rule
from keysweep.account.judging.snippets import SNIPPETS
from keysweep.account.practices import BY_NUMBER, PRACTICES
from keysweep.account.references import ADDRESSES, address
from keysweep.account.report import FORMATS as OF_ACCOUNTS
from keysweep.account.usage.agents import TABLE as AGENTS
from keysweep.account.usage.agents import Confidence as Sureness
from keysweep.account.usage.agents import Kind
from keysweep.aws.permissions import AUDIT, PERMISSIONS


def practices() -> str:
    """The twenty practices, and what answers each."""
    rows = []
    for each in PRACTICES:
        named = [f"`{rule.id}`" for rule in OF_KEYS if each.number in rule.practices]
        commands = [f"`keysweep {command}`" for command in each.commands]
        answered = ", ".join((*named, *commands))
        name = f"[{each.name}]({ADDRESSES[each.number]})"
        rows.append((f'<a id="practice-{each.number}"></a>{each.number}', name, each.why, answered))
    return table(("", "practice", "why", "answered by"), rows)


def proof() -> str:
    """What shows each practice, and the tests that hold it."""
    tests = held_by()
    rows = [(str(each.number), each.name, each.evidence, _linked(tests[each.number])) for each in PRACTICES]
    return table(("", "practice", "evidence", "tests"), rows)


def _linked(tests: Sequence[str]) -> str:
    """Each file once, with its tests."""
    by_file: dict[str, list[str]] = {}
    for each in tests:
        path, _, name = each.partition("::")
        by_file.setdefault(path, []).append(f"`{name}`")
    return "; ".join(f"[{Path(path).name}](../{path}): {', '.join(names)}" for path, names in by_file.items())


def account_rules() -> str:
    """Every rule by which `keysweep account` judges keys."""
    rows = [
        (
            f"[`{each.id}`](#{each.id})",
            each.severity.label,
            each.title,
            ", ".join(map(str, each.practices)),
            "; ".join(f"{name} {number}" for name, number in each.benchmarks),
        )
        for each in OF_KEYS
    ]
    return table(("rule", "severity", "what is wrong", "practices", "benchmarks"), rows)


def account_remedies() -> str:
    """A section for each of these rules, with the name of the rule as its anchor."""
    return "\n".join(_section(each) for each in OF_KEYS)


def _section(rule: Rule) -> str:
    practice = BY_NUMBER[rule.practices[0]]
    numbers = ", ".join(f"[{number}](#practice-{number})" for number in rule.practices)
    known = "".join(f"; {name} {number}" for name, number in rule.benchmarks)
    names = {"user": "USER", "key_id": "KEY_ID", "arn": "ARN", "policies": "its policies"}
    steps = [each.format_map(names) for each in (*rule.remedy.cli, rule.remedy.terraform, rule.remedy.console)]
    *cli, terraform, console = steps
    commands = "```text\n" + "\n".join(cli) + "\n```\n\n" if cli else ""
    return (
        f"### {rule.id}\n\n{rule.title} ({rule.severity.label}; practices {numbers}{known}).\n"
        f"{practice.why} [What AWS says]({address(rule)}).\n\n"
        f"{commands}- Terraform: {_marked(terraform)}.\n- Console: {_marked(console)}.\n"
    )


def _marked(text: str) -> str:
    """Words that stand for a name, and names of Terraform, as code."""
    return re.sub(r"\b(aws_\w+|USER|KEY_ID|ARN)\b", r"`\1`", text)


def kinds() -> str:
    """What uses keys, by what that is known, and what replaces a key there."""
    told: dict[Kind, list[str]] = {}
    for _, guess in AGENTS:
        sure = guess.confidence.value if guess.confidence is not Sureness.SURE else "sure"
        told.setdefault(guess.kind, []).append(f"{guess.why} ({sure})")
    rows = []
    for kind in told:
        instead = SNIPPETS[kind][0] if kind in SNIPPETS else "–"
        rows.append((kind.value, "; ".join(dict.fromkeys(told[kind])), instead))
    return table(("what uses it", "known by", "what replaces the key"), rows)


def account_permissions() -> str:
    """What `keysweep account` asks AWS."""
    asked = sorted((each.action, each.why) for each in PERMISSIONS if AUDIT in each.needed_for)
    return table(("permission", "why"), [(f"`{action}`", why) for action, why in asked])


def account_formats() -> str:
    """Every format of `keysweep account`, as its module describes itself."""
    described = {form: import_module(module).__doc__ or "" for form, module in OF_ACCOUNTS.items()}
    rows = [(f"`{form}`", told.splitlines()[0].rstrip(".")) for form, told in described.items()]
    return table(("format", "what it is"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "kinds": kinds,
    "practices": practices,
    "proof": proof,
    "account_rules": account_rules,
    "account_remedies": account_remedies,
    "account_formats": account_formats,
    "account_permissions": account_permissions,
}
