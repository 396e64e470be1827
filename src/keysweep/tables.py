"""Tables of TOML that a person wrote: read within limits, and every mistake named with what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from os.path import realpath
from pathlib import Path
from typing import TypeVar

from keysweep.errors import ConfigError
from keysweep.findings import Confidence, Severity

MOST_BYTES = 1 << 20
_Level = TypeVar("_Level", Severity, Confidence)
_ACCOUNT = re.compile(r"\d{12}")


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a file of configuration; ConfigError where it cannot be one."""
    try:
        if not path.is_file() and path.exists():
            raise ConfigError(f"{path} cannot be read (no regular file): put the configuration itself there.")
        if path.is_symlink() and not Path(realpath(path)).is_relative_to(realpath(path.parent)):
            raise ConfigError(f"{path} is a link out of its directory: put the configuration itself there.")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): check its name and permissions.") from error
    if len(content) > most_bytes:
        raise ConfigError(f"{path} is larger than {most_bytes >> 20} MiB, which no configuration is.")
    return content


def read_table(path: Path, *, whole: bool) -> dict[str, object]:
    """The TOML in a file, all of it or what `[tool.keysweep]` holds; ConfigError where it is no TOML.

    Editors of Windows begin UTF-8 with a byte order mark, which is no mistake of anybody's.
    """
    return parse_table(read_bytes(path), path, whole=whole)


def parse_table(content: bytes, path: Path, *, whole: bool) -> dict[str, object]:
    """The same for content that was read already, and is called `path` in what is raised."""
    import tomllib

    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
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


def refuse_unknown(table: Mapping[str, object], known: Iterable[str], path: Path, where: str) -> None:
    """Raise ConfigError for a key that is not known, naming the one that was probably meant."""
    import difflib

    names = sorted(known)
    for key in table:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(names)}."
            raise ConfigError(f"{path}: unknown setting `{where}{key}`: {hint}")


def wrong(path: Path | str, key: str, wanted: str) -> ConfigError:
    """The ConfigError that says what a key has to be; `path` may name a part of the file too, here and below."""
    return ConfigError(f"{path}: `{key}` has to be {wanted}.")


def level(
    table: Mapping[str, object], key: str, levels: type[_Level], default: _Level, path: Path | str
) -> _Level:
    """The level that a key names, or the default."""
    text = table.get(key)
    if text is None:
        return default
    found = [level for level in levels if level.label == text]
    if not found:
        raise wrong(path, key, "one of " + ", ".join(level.label for level in levels))
    return found[0]


def strings(table: Mapping[str, object], key: str, path: Path | str) -> list[str]:
    """The list of strings under a key; empty where there is none."""
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise wrong(path, key, "a list of strings")
    return values


def flag(table: Mapping[str, object], key: str, path: Path | str) -> bool:
    """The truth value under a key; false where there is none."""
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise wrong(path, key, "true or false")
    return value


def accounts(table: Mapping[str, object], key: str, path: Path) -> list[str]:
    """The list of account IDs under a key; empty where there is none."""
    found = strings(table, key, path)
    if not all(_ACCOUNT.fullmatch(account) for account in found):
        raise wrong(path, key, "a list of account IDs, each twelve digits in quotes")
    return found


def text(table: Mapping[str, object], key: str, path: Path | str) -> str | None:
    """The string under a key; None where there is none."""
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise wrong(path, key, "a string that is not empty")
    return value


def whole_number(table: Mapping[str, object], key: str, default: int, path: Path | str) -> int:
    """The whole number of 0 or more under a key, or the default."""
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong(path, key, "a whole number of 0 or more")
    return value


def table(outer: Mapping[str, object], key: str, path: Path) -> dict[str, object]:
    """The table under a key; empty where there is none."""
    value = outer.get(key, {})
    if not isinstance(value, dict):
        raise wrong(path, key, f"a table, [{key}]")
    return value
