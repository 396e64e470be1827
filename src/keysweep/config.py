"""Settings from `keysweep.toml` or `[tool.keysweep]` in `pyproject.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from os.path import realpath
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from keysweep.detect.limits import Limits
from keysweep.errors import ConfigError
from keysweep.findings import Confidence, Severity
from keysweep.frozen import fields
from keysweep.settings import Settings

if TYPE_CHECKING:
    from keysweep.detect.custom import CustomRule

FILE_NAME = "keysweep.toml"
MOST_BYTES = 1 << 20
_Level = TypeVar("_Level", Severity, Confidence)
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_ACCOUNT = re.compile(r"\d{12}")


def load(root: Path, explicit: Path | None = None) -> Settings:
    """Read the settings of `explicit`, or of the configuration in `root`, or the defaults if there is none.

    Raises ConfigError that names the file, the key, and what would be right.
    """
    if explicit is not None:
        return _parse(_table(explicit, whole=explicit.name != "pyproject.toml"), explicit)
    own = root / FILE_NAME
    if own.exists() or own.is_symlink():
        return _parse(_table(own, whole=True), own)
    shared = root / "pyproject.toml"
    if shared.is_file() and b"tool.keysweep" in _read(shared):
        return _parse(_table(shared, whole=False), shared)
    return Settings()


def _read(path: Path) -> bytes:
    try:
        if not path.is_file() and path.exists():
            raise ConfigError(f"{path} cannot be read (no regular file): put the configuration itself there.")
        if path.is_symlink() and not Path(realpath(path)).is_relative_to(realpath(path.parent)):
            raise ConfigError(f"{path} is a link out of its directory: put the configuration itself there.")
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check its name and permissions.") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES >> 20} MiB, which no configuration is.")
    return content


def _table(path: Path, *, whole: bool) -> dict[str, object]:
    import tomllib

    try:
        table = tomllib.loads(_read(path).decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is no valid TOML: {error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: TOML has to be.") from error
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{path} is nested too deeply or holds a number too long to be a setting.") from error
    if whole:
        return table
    tool = table.get("tool")
    inner = tool.get("keysweep") if isinstance(tool, dict) else None
    return inner if isinstance(inner, dict) else {}


def _parse(table: dict[str, object], path: Path) -> Settings:
    known = [name.replace("_", "-") for name in fields(Settings)]
    _refuse_unknown(table, known, path, "")
    return Settings(
        fail_on=_level(table, "fail-on", Severity, Severity.MEDIUM, path),
        min_confidence=_level(table, "min-confidence", Confidence, Confidence.LOW, path),
        exclude=tuple(_strings(table, "exclude", path)),
        allow=_allowed(table, path),
        report_placeholders=_flag(table, "report-placeholders", path),
        canary_accounts=frozenset(_accounts(table, path)),
        rules=tuple(_rules(table, path)),
        limits=_limits(table, path),
    )


def _refuse_unknown(table: Mapping[str, object], known: Iterable[str], path: Path, where: str) -> None:
    import difflib

    names = sorted(known)
    for key in table:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(names)}."
            raise ConfigError(f"{path}: unknown setting `{where}{key}`: {hint}")


def _wrong(path: Path, key: str, wanted: str) -> ConfigError:
    return ConfigError(f"{path}: `{key}` has to be {wanted}.")


def _level(table: Mapping[str, object], key: str, levels: type[_Level], default: _Level, path: Path) -> _Level:
    text = table.get(key)
    if text is None:
        return default
    found = [level for level in levels if level.label == text]
    if not found:
        raise _wrong(path, key, "one of " + ", ".join(level.label for level in levels))
    return found[0]


def _strings(table: Mapping[str, object], key: str, path: Path) -> list[str]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _wrong(path, key, "a list of strings")
    return values


def _flag(table: Mapping[str, object], key: str, path: Path) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(path, key, "true or false")
    return value


def _accounts(table: Mapping[str, object], path: Path) -> list[str]:
    accounts = _strings(table, "canary-accounts", path)
    if not all(_ACCOUNT.fullmatch(account) for account in accounts):
        raise _wrong(path, "canary-accounts", "a list of account IDs, each twelve digits in quotes")
    return accounts


def _allowed(table: Mapping[str, object], path: Path) -> dict[str, str]:
    wanted = "a list of fingerprints (32 hexadecimal digits) or of tables { fingerprint, reason }"
    entries = table.get("allow", [])
    if not isinstance(entries, list):
        raise _wrong(path, "allow", wanted)
    allowed = {}
    for entry in entries:
        fields_of = {"fingerprint": entry} if isinstance(entry, str) else entry
        if not isinstance(fields_of, dict):
            raise _wrong(path, "allow", wanted)
        _refuse_unknown(fields_of, ("fingerprint", "reason"), path, "allow.")
        fingerprint = fields_of.get("fingerprint")
        if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
            raise _wrong(path, "allow", wanted)
        allowed[fingerprint] = str(fields_of.get("reason", ""))
    return allowed


def _limits(table: Mapping[str, object], path: Path) -> Limits:
    values = table.get("limits", {})
    if not isinstance(values, dict):
        raise _wrong(path, "limits", "a table")
    names = {name.replace("_", "-"): name for name in fields(Limits)}
    _refuse_unknown(values, names, path, "limits.")
    for key, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _wrong(path, f"limits.{key}", "a whole number above 0")
    return Limits(**{names[key]: value for key, value in values.items()})


def _rules(table: Mapping[str, object], path: Path) -> Iterable[CustomRule]:
    entries = table.get("rules", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(path, "rules", "an array of tables, [[rules]]")
    if not entries:
        return []
    return [_rule(entry, path) for entry in entries]


def _rule(entry: Mapping[str, object], path: Path) -> CustomRule:
    from keysweep.detect.custom import CustomRule

    _refuse_unknown(entry, ("name", "pattern", "severity", "description", "timeout-ms"), path, "rules.")
    texts = {key: entry.get(key, "") for key in ("name", "pattern", "description")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["name"] or not texts["pattern"]:
        raise _wrong(path, "rules", "tables with at least a `name` and a `pattern`, both strings")
    timeout = entry.get("timeout-ms", 1000)
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not 1 <= timeout <= 600_000:
        raise _wrong(path, "rules.timeout-ms", "a whole number from 1 to 600000")
    rule = CustomRule(
        name=str(texts["name"]),
        pattern=str(texts["pattern"]),
        severity=_level(entry, "severity", Severity, Severity.MEDIUM, path),
        timeout_seconds=timeout / 1000,
        description=str(texts["description"]),
    )
    rule.check()
    return rule
