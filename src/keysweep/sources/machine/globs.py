"""Globs of places as paths of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import product

_BRACES = re.compile(r"\{([^{}]*)\}")
_MAGIC = re.compile(r"[*?\[]")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def roots(home: str, environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What the first name of a glob stands for; several, because programs differ on what is usual."""

    def given(variable: str, usual: str) -> str:
        """Where a variable says; what it says has to be absolute, or else nobody heeds it."""
        said = environment.get(variable, "")
        return said if os.path.isabs(said) else os.path.join(home, usual)

    config = given("XDG_CONFIG_HOME", ".config")
    roaming = given("APPDATA", os.path.join("AppData", "Roaming"))
    local = given("LOCALAPPDATA", os.path.join("AppData", "Local"))
    support = os.path.join(home, "Library", "Application Support")
    user = environment.get("USER") or environment.get("LOGNAME") or environment.get("USERNAME") or ""
    return {
        "~": (home,),
        "$CONFIG": _each(config, os.path.join(home, ".config")),
        "$APPS": _each(config, os.path.join(home, ".config"), support, roaming),
        "$DATA": _each(given("XDG_DATA_HOME", ".local/share"), os.path.join(home, ".local", "share"), local),
        "$STATE": _each(given("XDG_STATE_HOME", ".local/state"), os.path.join(home, ".local", "state")),
        "$CACHE": _each(
            given("XDG_CACHE_HOME", ".cache"),
            os.path.join(home, ".cache"),
            os.path.join(home, "Library", "Caches"),
            local,
        ),
        "$USER": (user,) if _NAME.fullmatch(user) and user.strip(".") else (),
    }


def _each(*paths: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(os.path.normpath, paths)))


def spelled_out(glob: str, known: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The globs that one with braces and beginnings stands for: a directory, and names or patterns below it.

    The directory is taken by its letters, whatever they are.
    """
    for plain in _without_braces(glob):
        first, *names = plain.split("/")
        below = [known.get(name, (name,)) for name in names if name]
        for base, *chosen in product(known[first] if first else (os.sep,), *below):
            yield base, tuple(chosen)


def _without_braces(glob: str) -> Iterator[str]:
    found = _BRACES.search(glob)
    if found is None:
        yield glob
        return
    for one in found[1].split(","):
        yield from _without_braces(glob[: found.start()] + one + glob[found.end() :])


def is_pattern(name: str) -> bool:
    """Whether a name of a glob may be that of several files."""
    return bool(_MAGIC.search(name))


def matches(name: str, pattern: str) -> bool:
    """Whether a file may be called so; what is hidden has to be asked for, as in a shell."""
    return (not name.startswith(".") or pattern.startswith(".")) and fnmatchcase(name, pattern)
