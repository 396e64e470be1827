"""Settings from `keysweep.toml` or `[tool.keysweep]` in `pyproject.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from keysweep.detect.limits import Limits
from keysweep.findings import Confidence, Severity
from keysweep.frozen import fields
from keysweep.settings import Settings
from keysweep.tables import (
    accounts,
    flag,
    level,
    parse_table,
    read_bytes,
    read_table,
    refuse_unknown,
    strings,
    text,
    wrong,
)

if TYPE_CHECKING:
    from keysweep.detect.custom import CustomRule

FILE_NAME = "keysweep.toml"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


def load(root: Path, explicit: Path | None = None) -> Settings:
    """Read the settings of `explicit`, or of the configuration in `root`, or the defaults if there is none.

    Raises ConfigError that names the file, the key, and what would be right.
    """
    if explicit is not None:
        return _parse(read_table(explicit, whole=explicit.name != "pyproject.toml"), explicit)
    file = found(root)
    return _parse(read_table(file, whole=file.name == FILE_NAME), file) if file else Settings()


def found(root: Path) -> Path | None:
    """The file in `root` that holds the settings; None where there is none. Raises ConfigError."""
    own = root / FILE_NAME
    if own.exists() or own.is_symlink():
        return own
    shared = root / "pyproject.toml"
    return shared if shared.is_file() and b"tool.keysweep" in read_bytes(shared) else None


def load_committed(read: Callable[[str], bytes | None], commit: str) -> Settings:
    """The same of a commit, whose files `read` gives by their paths; `commit` is what it is called in errors."""
    own = read(FILE_NAME)
    if own is not None:
        name = Path(f"{commit}:{FILE_NAME}")
        return _parse(parse_table(own, name, whole=True), name)
    shared = read("pyproject.toml")
    if shared is not None and b"tool.keysweep" in shared:
        name = Path(f"{commit}:pyproject.toml")
        return _parse(parse_table(shared, name, whole=False), name)
    return Settings()


def _parse(table: dict[str, object], path: Path) -> Settings:
    known = [name.replace("_", "-") for name in fields(Settings)]
    refuse_unknown(table, known, path, "")
    return Settings(
        fail_on=level(table, "fail-on", Severity, Severity.MEDIUM, path),
        min_confidence=level(table, "min-confidence", Confidence, Confidence.LOW, path),
        exclude=tuple(strings(table, "exclude", path)),
        allow=_allowed(table, path),
        baseline=text(table, "baseline", path),
        report_placeholders=flag(table, "report-placeholders", path),
        canary_accounts=frozenset(accounts(table, "canary-accounts", path)),
        rules=tuple(_rules(table, path)),
        limits=_limits(table, path),
    )


def _allowed(table: Mapping[str, object], path: Path) -> dict[str, str]:
    wanted = "a list of fingerprints (32 hexadecimal digits) or of tables { fingerprint, reason }"
    entries = table.get("allow", [])
    if not isinstance(entries, list):
        raise wrong(path, "allow", wanted)
    allowed = {}
    for entry in entries:
        fields_of = {"fingerprint": entry} if isinstance(entry, str) else entry
        if not isinstance(fields_of, dict):
            raise wrong(path, "allow", wanted)
        refuse_unknown(fields_of, ("fingerprint", "reason"), path, "allow.")
        fingerprint = fields_of.get("fingerprint")
        if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
            raise wrong(path, "allow", wanted)
        allowed[fingerprint] = str(fields_of.get("reason", ""))
    return allowed


def _limits(table: Mapping[str, object], path: Path) -> Limits:
    values = table.get("limits", {})
    if not isinstance(values, dict):
        raise wrong(path, "limits", "a table")
    names = {name.replace("_", "-"): name for name in fields(Limits)}
    refuse_unknown(values, names, path, "limits.")
    for key, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise wrong(path, f"limits.{key}", "a whole number above 0")
    return Limits(**{names[key]: value for key, value in values.items()})


def _rules(table: Mapping[str, object], path: Path) -> Iterable[CustomRule]:
    entries = table.get("rules", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise wrong(path, "rules", "an array of tables, [[rules]]")
    if not entries:
        return []
    return [_rule(entry, path) for entry in entries]


def _rule(entry: Mapping[str, object], path: Path) -> CustomRule:
    from keysweep.detect.custom import CustomRule

    refuse_unknown(entry, ("name", "pattern", "severity", "description", "timeout-ms"), path, "rules.")
    texts = {key: entry.get(key, "") for key in ("name", "pattern", "description")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["name"] or not texts["pattern"]:
        raise wrong(path, "rules", "tables with at least a `name` and a `pattern`, both strings")
    timeout = entry.get("timeout-ms", 1000)
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not 1 <= timeout <= 600_000:
        raise wrong(path, "rules.timeout-ms", "a whole number from 1 to 600000")
    rule = CustomRule(
        name=str(texts["name"]),
        pattern=str(texts["pattern"]),
        severity=level(entry, "severity", Severity, Severity.MEDIUM, path),
        timeout_seconds=timeout / 1000,
        description=str(texts["description"]),
    )
    rule.check()
    return rule
