"""Write the tables and examples that come from elsewhere into the pages: `python -m docs.generate`.

A page marks the place of a table by two comments; a test fails where a page and the code differ.
"""

from __future__ import annotations

import inspect
import io
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import yaml
from sqlalchemy import Column

from docs import accounts, machines
from docs.markdown import table
from fixtures.keys import key_id, secret
from keysweep.aws.containment.changes import CALLS, UNDOING
from keysweep.aws.containment.refusals import GUARDS, OF_ROTATION
from keysweep.aws.mandate import ACTIONS, OPT_INS
from keysweep.aws.outcomes import CODES, Meaning
from keysweep.aws.permissions import STATEMENTS, of
from keysweep.cli.main import keysweep as command_line
from keysweep.detect.limits import MIB, Limits
from keysweep.detect.rules import RULES
from keysweep.detect.scanner import scan
from keysweep.errors import ExitCode
from keysweep.findings import Confidence, Origin, Problem, ProblemCode, ScanResult, Severity, Source
from keysweep.frozen import fields
from keysweep.report import FORMATS
from keysweep.report.severities import LEVELS
from keysweep.settings import Settings
from keysweep.store.schema import metadata
from keysweep.store.views import VIEWS
from keysweep.sweep.tokens import VARIABLES

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "src" / "keysweep"
PAGES = (*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md")
_PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_EXIT_CODES: Mapping[int, str] = {
    ExitCode.CLEAN: "clean: everything was scanned, and nothing at or above `fail-on` was found",
    ExitCode.FINDINGS: "findings at or above `fail-on`, whether or not the scan was complete",
    ExitCode.USAGE: "wrong usage or configuration; nothing was scanned",
    ExitCode.INCOMPLETE: "incomplete: something could not be read or a limit was reached; never called clean",
    ExitCode.AWS: (
        "AWS could not be asked or gave no answer, the responder lacks a permission, or a key is not contained"
    ),
}


def rules() -> str:
    """The table of credentials as `detect/rules.py` has it, without the patterns."""
    rows = []
    for rule in RULES:
        entropy = f"{rule.entropy:g}" if rule.entropy else "–"
        rows.append((f"`{rule.name}`", entropy, rule.context or "–", rule.confidence.label, rule.source))
    return table(("rule", "least entropy", "what has to stand near", "confidence", "source"), rows)


def patterns() -> str:
    """The patterns themselves, which are too wide for a table."""
    listed = "\n\n".join(f"# {rule.name}\n{rule.pattern.decode('ascii')}" for rule in RULES)
    return f"```text\n{listed}\n```\n"


def limits() -> str:
    """Every limit with its default."""
    page = PACKAGE / "detect" / "limits.py"
    meaning = dict(
        re.findall(r'^    (\w+): int = .*\n    """(.*?)"""', page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    defaults = Limits()
    rows = []
    for name in fields(Limits):
        value = getattr(defaults, name)
        shown = f"{value // MIB} MiB" if name.endswith("_bytes") else str(value)
        rows.append((f"`{name.replace('_', '-')}`", shown, meaning[name]))
    return table(("limit", "default", "what it bounds"), rows)


def settings() -> str:
    """Every setting of the configuration with its default."""
    page = (PACKAGE / "settings.py").read_text(encoding="utf-8")
    meaning = {
        name: (kind, told)
        for name, kind, told in re.findall(r'^    (\w+): (.+?) = .*\n    """(.*?)"""', page, re.MULTILINE)
    }
    defaults = Settings()
    rows = []
    for name in fields(Settings):
        value = getattr(defaults, name)
        shown = value.label if isinstance(value, Severity | Confidence) else "yes" if value is True else "no"
        if not isinstance(value, Severity | Confidence | bool):
            shown = "see below" if name == "limits" else "none"
        rows.append((f"`{name.replace('_', '-')}`", _kind(meaning[name][0]), shown, meaning[name][1]))
    return table(("setting", "type", "default", "what it does"), rows)


def _kind(annotation: str) -> str:
    """A type as TOML has it."""
    return next(told for begin, told in _KINDS.items() if annotation.startswith(begin))


_KINDS = {
    "Severity": "a severity",
    "Confidence": "a confidence",
    "tuple[str": "strings",
    "Mapping": "tables",
    "str": "a string",
    "bool": "true or false",
    "frozenset": "strings",
    "tuple[CustomRule": "tables",
    "Limits": "a table",
}


def codes() -> str:
    """What each command says of its exit codes in its help."""
    rows = []
    for name, command in _commands(command_line, ()):
        told = re.search(r"Exit codes:\n(.*?)(?:\n\n|\Z)", inspect.cleandoc(command.help or ""), re.DOTALL)
        if told:
            meanings = re.findall(r"(?:^|\s{2,})([0-4])  (.+?)(?=\s{2,}[0-4]  |\n|$)", told[1])
            rows.append((f"`{name}`", *(dict(meanings).get(str(code), "") for code in range(5))))
    return table(("command", "0", "1", "2", "3", "4"), rows)


def _commands(group: click.Group, names: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        assert command
        yield " ".join((*names, each)), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*names, each))


def exits() -> str:
    """The exit codes."""
    return table(("code", "meaning"), [(str(code), meaning) for code, meaning in sorted(_EXIT_CODES.items())])


def outcomes() -> str:
    """The error codes of STS as `aws/outcomes.py` has them."""
    rows = [(f"`{code}`", reason, _STATUSES[meaning]) for code, (meaning, reason) in CODES.items()]
    return table(("answer", "what it means", "what comes of it"), rows)


_STATUSES = {
    Meaning.INVALID: "the next partition, or `dead`",
    Meaning.MISMATCH: "once more after five seconds, then the next secret or `wrong-secret`",
    Meaning.EXPIRED: "`expired`",
    Meaning.SKEWED: "once more by AWS's clock, then `unknown`",
    Meaning.THROTTLED: "later and slower, then `unknown`",
}


def permissions() -> str:
    """Every permission of containment, by statement."""
    rows = []
    for statement in STATEMENTS:
        name = f"`{statement.name}`" + (" (optional)" if statement.optional else "")
        if statement.of_operator:
            name += " (of the operator)"
        rows += [(name, f"`{each.action}`", f"`{each.resource}`", each.why) for each in of(statement)]
    return table(("statement", "permission", "on", "what it is for"), rows)


def actions() -> str:
    """Everything that a run can change."""
    needed = {action: _option(action) for action in ACTIONS}
    rows = [(f"`{action}`", f"`{CALLS[action]}`", f"`{UNDOING[action]}`", needed[action]) for action in ACTIONS]
    return table(("action", "call", "taken back by", "done"), rows)


def _option(action: str) -> str:
    return f"with `--{action}`" if action in OPT_INS else "always, where it is what leaked"


def guards() -> str:
    """What stops a run of `contain`."""
    return _guards(name for name in GUARDS if name not in OF_ROTATION)


def rotation_guards() -> str:
    """What stops `rotate` and `delete` beside that."""
    return _guards(OF_ROTATION)


def _guards(names: Iterable[str]) -> str:
    rows = [(f"`{name}`", GUARDS[name].when, " ".join(GUARDS[name].steps)) for name in names]
    return table(("guard", "stops a key when", "what a human should do"), rows)


def standings(of: str) -> str:
    """What can become of a key."""
    source = (PACKAGE / "aws" / of / "run.py").read_text(encoding="utf-8")
    said = re.findall(r'^    [A-Z_]+ = "([a-z-]+)"\n    """(.*?)"""', source, re.MULTILINE | re.DOTALL)
    return table(("status", "what it means"), [(f"`{name}`", " ".join(text.split())) for name, text in said])


def formats() -> str:
    """Every format of reports, as its module describes itself."""
    rows = []
    for form in FORMATS:
        module = import_module(FORMATS[form])
        described = (module.__doc__ or "").splitlines()[0].rstrip(".")
        shows = (
            "with `--show-secrets`" if "show_secrets" in inspect.signature(module.render).parameters else "never"
        )
        rows.append((f"`{form}`", described, shows))
    return table(("format", "what it is", "shows secrets"), rows)


def severities() -> str:
    """What a severity is called elsewhere."""
    rows = [
        (f"`{severity.label}`", f"`{level.sarif}`", level.score, level.gitlab, f"`::{level.command}`")
        for severity, level in sorted(LEVELS.items(), reverse=True)
    ]
    return table(("severity", "SARIF level", "GitHub's `security-severity`", "GitLab", "annotation"), rows)


_LANGUAGES = {"csv": "csv", "junit": "xml", "markdown": "markdown", "sarif": "json"}


def examples() -> str:
    """One leak, and one file that could not be read, in each format that has no page of its own."""
    blocks = []
    for form in FORMATS:
        if form in ("text", "json", "gitlab", "github-summary", "html"):
            continue
        text = _example(form)
        if form == "sarif":  # one result, since the rules before it are the same in every report
            text = json.dumps(json.loads(text)["runs"][0]["results"][0], indent=2) + "\n"
        elif form == "jsonl":
            text = "".join(f"{line[:110]}...\n" for line in text.splitlines())
        blocks.append(f"`{form}`:\n\n```{_LANGUAGES.get(form, 'text')}\n{text}```\n")
    shown = json.loads(_example("gitlab"))["vulnerabilities"][0]
    blocks.append(f"`gitlab`:\n\n```json\n{json.dumps(shown, indent=2)}\n```\n")
    return "\n".join(blocks)


def _example(form: str) -> str:
    chance = random.Random(4)
    content = f"aws_access_key_id = {key_id(chance)}\naws_secret_access_key = {secret(chance)}\n"
    found = scan(content.encode(), Origin("deploy/prod.env", Source.FILE))
    damaged = Problem(ProblemCode.DAMAGED, "is damaged or truncated", Origin("backup.tar.gz", Source.FILE))
    result = ScanResult(found.findings, (damaged,), 4096, 12)
    render = import_module(FORMATS[form]).render
    when = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    known = {"fail_on": Severity.MEDIUM, "started": when, "ended": when}
    stream = io.StringIO()
    render(result, stream, **{name: known[name] for name in known if name in inspect.signature(render).parameters})
    return stream.getvalue()


def _file(name: str, language: str = "yaml") -> str:
    return f"```{language}\n{(DOCS.parent / 'ci' / name).read_text(encoding='utf-8')}```\n"


def inputs() -> str:
    """What the action takes."""
    return _metadata(
        "inputs", "input", ("default", lambda said: f"`{said['default']}`" if said["default"] else "–")
    )


def outputs() -> str:
    """What the action tells the steps after it."""
    return _metadata("outputs", "output")


def _metadata(part: str, head: str, *more: tuple[str, Callable[[dict[str, str]], str]]) -> str:
    listed = yaml.safe_load((DOCS.parent / "action.yml").read_text(encoding="utf-8"))[part]
    rows = [
        (f"`{name}`", *(shown(said) for _, shown in more), said["description"]) for name, said in listed.items()
    ]
    return table((head, *(name for name, _ in more), "meaning"), rows)


def tokens() -> str:
    """The variables in which tokens may stand, as `sweep/tokens.py` looks at them."""
    rows = []
    for kind, variables in VARIABLES.items():
        for each in variables:
            host = each.host or "the one that the target names"
            if each.told_by:
                host += f"; or as {' or '.join(f'`{name}`' for name in each.told_by)} says"
            beside = " or ".join(f"`{name}`" for name in each.users) or "–"
            rows.append((f"`{kind}`", f"`{each.name}`", host, beside))
    return table(("target", "variable", "its host", "user name in"), rows)


def notices() -> str:
    """What a webhook gets, field by field, as the schema says."""
    schema = json.loads((PACKAGE / "notify" / "notice.schema.json").read_text(encoding="utf-8"))
    leak, digest = schema["oneOf"]
    rows = _fields(schema["properties"], "")
    rows += [
        (f"`{name}`", "object", "in a message about one leak; its fields are below") for name in leak["required"]
    ]
    rows += _fields({name: digest["properties"][name] for name in digest["required"]}, "", "in a digest: ")
    rows += _fields(schema["$defs"]["leak"]["properties"], "leak.")
    rows += _fields(schema["$defs"]["place"]["properties"], "leak.first_places[].")
    return table(("field", "type", "meaning"), rows)


def _fields(properties: Mapping[str, dict[str, Any]], under: str, beginning: str = "") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, about in properties.items():
        kinds = about.get("type", "string")
        kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
        told = beginning + (about.get("description") or (f"always `{about['const']}`" if "const" in about else ""))
        if "enum" in about and "`" not in told:
            told += ": " * bool(told) + ", ".join(f"`{each}`" for each in about["enum"])
        rows.append((f"`{under}{name}`", "integer" if isinstance(about.get("const"), int) else kind, told))
    return rows


def store_tables() -> str:
    """Every table of the store with its columns."""
    return "\n".join(
        f"#### `{each.name}`\n\n"
        + table(
            ("column", "type", "meaning"),
            [(f"`{column.name}`", _sql_type(column), _column(column)) for column in each.columns],
        )
        for each in sorted(metadata.tables.values(), key=lambda it: it.name)
    )


def _column(column: Column[Any]) -> str:
    """What it means: of a reference, to what."""
    reference = next((f"row of `{key.column.table.name}`" for key in column.foreign_keys), None)
    meaning = reference or column.comment or "number of the row, in this store alone"
    return f"{meaning}; {column.comment}" if reference and column.comment else meaning


def _sql_type(column: Column[Any]) -> str:
    """In words that hold for both databases."""
    named = {"TEXT": "text", "JSON": "JSON", "BOOLEAN": "boolean", "FLOAT": "float", "DATETIME": "moment"}
    kind = named.get(str(column.type), "integer")
    return f"{kind}, or nothing" if column.nullable else kind


def store_views() -> str:
    """Every view of the store with its columns."""
    return "\n".join(
        f"#### `{name}`: {view.what}\n\n"
        + table(("column", "meaning"), [(f"`{column}`", meaning) for column, meaning in view.columns.items()])
        for name, view in VIEWS.items()
    )


TABLES: Mapping[str, Callable[[], str]] = {
    "rules": rules,
    "patterns": patterns,
    "limits": limits,
    "exits": exits,
    **accounts.TABLES,
    **machines.TABLES,
    "settings": settings,
    "codes": codes,
    "outcomes": outcomes,
    "permissions": permissions,
    "actions": actions,
    "guards": guards,
    "standings": partial(standings, "containment"),
    "rotation_guards": rotation_guards,
    "rotation_standings": partial(standings, "rotation"),
    "formats": formats,
    "severities": severities,
    "examples": examples,
    "notices": notices,
    "inputs": inputs,
    "outputs": outputs,
    "tokens": tokens,
    "store_tables": store_tables,
    "store_views": store_views,
    "github": partial(_file, "github.yml"),
    "gitlab": partial(_file, "gitlab.yml"),
    "bitbucket": partial(_file, "bitbucket-pipelines.yml"),
    "azure": partial(_file, "azure-pipelines.yml"),
    "jenkins": partial(_file, "Jenkinsfile", "groovy"),
}


def filled(page: str) -> str:
    """`page` with every marked table as the code has it now; raises KeyError for a table that there is not."""
    return _PLACE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", page)


def main() -> None:
    """Write every page anew."""
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
