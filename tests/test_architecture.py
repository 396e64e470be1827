"""The shape of the code: imports go down only, detection does no I/O, and the hook starts with almost nothing."""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import keysweep
from fixtures.keys import key_id, secret
from tests.repositories import Repository, environment

PACKAGE = Path(keysweep.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 450

MAY_IMPORT = {
    "frozen": set(),
    "errors": set(),
    "verdicts": {"frozen"},
    "repositories": {"frozen"},
    "regions": set(),
    "retry_after": set(),
    "standing": {"verdicts"},
    "findings": {"verdicts", "frozen"},
    "detect": {"regions", "findings", "frozen", "errors"},
    "tables": {"findings", "errors"},
    "settings": {"detect", "findings", "frozen"},
    "config": {"tables", "settings", "detect", "findings", "frozen"},
    "git_failures": set(),
    "git_settings": set(),
    "git": {"errors", "git_failures", "git_settings"},
    "cache": set(),
    "atomic": set(),
    "sources": {"regions", "cache", "detect", "git", "findings", "frozen", "errors"},
    "suppress": {"atomic", "git", "config", "tables", "settings", "detect", "findings", "frozen", "errors"},
    "purge": {"sources", "git", "detect", "findings", "verdicts", "frozen"},
    "aws": {"findings", "verdicts", "tables", "frozen", "errors"},
    "account": {"aws", "atomic", "report", "findings", "frozen", "errors"},
    "report": {"regions", "findings", "standing", "verdicts", "frozen", "errors"},
    "store": {"repositories", "findings", "standing", "verdicts", "frozen", "errors"},
    "sweep": {
        "store",
        "report",
        "aws",
        "sources",
        "repositories",
        "retry_after",
        "git",
        "detect",
        "findings",
        "verdicts",
        "frozen",
        "errors",
    },
    "notify": {
        "store",
        "report",
        "aws",
        "tables",
        "regions",
        "retry_after",
        "findings",
        "standing",
        "verdicts",
        "frozen",
        "errors",
    },
    "web": {"store", "report", "findings", "standing", "verdicts", "frozen", "errors"},
    "hook_scripts": set(),
    "installer": {"atomic", "hook_scripts", "git", "frozen", "errors"},
    "receive": {"report", "suppress", "sources", "config", "settings", "findings", "frozen", "errors"},
    "hook": {"receive", "report", "suppress", "sources", "config", "settings", "findings", "errors"},
    "cli": {
        "regions",
        "account",
        "atomic",
        "installer",
        "cache",
        "sweep",
        "store",
        "standing",
        "notify",
        "web",
        "aws",
        "purge",
        "verdicts",
        "report",
        "suppress",
        "sources",
        "config",
        "settings",
        "git",
        "detect",
        "tables",
        "findings",
        "frozen",
        "errors",
    },
    "__main__": {"hook", "cli"},
    "__init__": {"detect", "findings"},
}
"""Layer to the layers below it that it may import; `__version__` is open to all."""

IO_MODULES = {
    "asyncio",
    "fileinput",
    "ftplib",
    "glob",
    "http",
    "linecache",
    "logging",
    "mmap",
    "multiprocessing",
    "pathlib",
    "select",
    "selectors",
    "shutil",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "urllib",
}
PURE_OS_NAMES = {"fsencode", "fsdecode"}
IO_BUILTINS = {"open", "print", "input", "breakpoint"}

NEVER_IN_A_HOOK = {
    "alembic",
    "asyncio",
    "boto3",
    "botocore",
    "click",
    "dask",
    "deflate",
    "distributed",
    "dulwich",
    "git",
    "github",
    "gitlab",
    "http.client",
    "jinja2",
    "multiprocessing",
    "keysweep.report.weak",
    "keysweep.sources.machine",
    "numpy",
    "psutil",
    "requests",
    "rich",
    "socket",
    "sqlalchemy",
    "ssl",
    "starlette",
    "urllib.request",
    "uvicorn",
}
NEVER_IN_A_CLEAN_HOOK = NEVER_IN_A_HOOK | {
    "dataclasses",
    "hyperscan",
    "keysweep.config",
    "keysweep.detect.scanner",
    "keysweep.findings",
    "keysweep.report",
    "regex",
    "subprocess",
    "tomllib",
    "typing",
}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), os.fspath(path))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    """`keysweep.detect.rules` belongs to `detect`; the package itself is `__init__`."""
    return [*module.split("."), "__init__"][1]


NAMES = {name_of(path) for path in MODULES}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports, by statement or by its name in a string."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively: write the full name"
            assert node.module
            full = {f"{node.module}.{alias.name}" for alias in node.names} - {"keysweep.__version__"}
            yield from ((node.lineno, each) for each in {each if each in NAMES else node.module for each in full})
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in NAMES - {"keysweep"}:
            yield node.lineno, node.value


def in_words(path: Path, line: int, text: str) -> str:
    return f"{path.relative_to(PACKAGE.parent.parent)}:{line} {text}"


def test_every_part_of_the_package_has_a_layer() -> None:
    without = {layer_of(name) for name in NAMES} - set(MAY_IMPORT)
    assert not without, f"say in MAY_IMPORT what these may import: {sorted(without)}"


def test_imports_go_down_only() -> None:
    broken = []
    for path in MODULES:
        layer = layer_of(name_of(path))
        for line, imported in imports(path):
            if imported.split(".")[0] != "keysweep":
                continue
            other = layer_of(imported)
            if other not in {layer, *MAY_IMPORT.get(layer, ())}:
                broken.append(in_words(path, line, f"{layer} may not import {other} ({imported})"))
    assert not broken, "\n".join(broken)


HISTORY_MAY_IMPORT = {
    "opening": set[str](),
    "objects": set[str](),
    "placing": {"objects"},
    "rescans": {"objects", "placing"},
    "part": {"placing"},
}
"""Rooms of `sources/history`; what stands beside them brings them together."""


def test_the_rooms_of_history_import_one_way_only() -> None:
    top = "keysweep.sources.history."
    broken = []
    for path in MODULES:
        room = name_of(path).removeprefix(top).split(".")[0]
        if not name_of(path).startswith(top) or room not in HISTORY_MAY_IMPORT:
            continue
        for line, imported in imports(path):
            if not imported.startswith(top):
                continue
            other = imported.removeprefix(top).split(".")[0]
            if other not in {room, *HISTORY_MAY_IMPORT[room]}:
                broken.append(in_words(path, line, f"{room} may not import {other} ({imported})"))
    assert not broken, "\n".join(broken)


def test_the_table_of_layers_has_no_circle() -> None:
    placed: set[str] = set()
    left = dict(MAY_IMPORT)
    while ready := {layer for layer, below in left.items() if below <= placed}:
        placed |= ready
        left = {layer: below for layer, below in left.items() if layer not in ready}
    assert not left, f"these import one another: {sorted(left)}"


def test_no_import_is_allowed_that_nothing_uses() -> None:
    used: dict[str, set[str]] = {layer: set() for layer in MAY_IMPORT}
    for path in MODULES:
        layer = layer_of(name_of(path))
        used[layer] |= {layer_of(each) for _, each in imports(path) if each.split(".")[0] == "keysweep"} - {layer}
    assert used == MAY_IMPORT, "MAY_IMPORT allows more or less than the code needs"


def test_detection_does_no_input_or_output() -> None:
    broken = []
    for path in MODULES:
        if layer_of(name_of(path)) != "detect":
            continue
        for line, imported in imports(path):
            if imported.split(".")[0] in IO_MODULES or imported == "keysweep.git":
                broken.append(in_words(path, line, f"detect may not import {imported}"))
        broken += [in_words(path, line, f"detect may not use {what}") for line, what in effects(path)]
    assert not broken, "\n".join(broken)


def effects(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of what reaches outside of the process without an import of its own."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Name) and node.id in IO_BUILTINS:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr not in PURE_OS_NAMES:
                yield node.lineno, f"os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from ((node.lineno, f"os.{each.name}") for each in node.names if each.name not in PURE_OS_NAMES)


def test_only_one_module_starts_processes_of_git() -> None:
    starts = re.compile(r"\bimport subprocess\b|\bfrom subprocess\b|posix_spawn|os\.(system|popen|exec|fork)")
    starting = {name_of(path) for path in MODULES if starts.search(path.read_text(encoding="utf-8"))}
    assert starting == {"keysweep.git", "keysweep.sweep.engines.apart"}, "the second one starts keysweep alone"


def test_only_clones_are_left_to_gitpython() -> None:
    """It is imported where a clone begins, so that nothing else pays for it."""
    using = {name_of(path) for path in MODULES for _, imported in imports(path) if imported.split(".")[0] == "git"}
    assert using == {"keysweep.sources.history.opening.remote"}
    top = parsed(PACKAGE / "sources" / "history" / "opening" / "clone.py").body
    assert not any(isinstance(node, ast.ImportFrom) and node.module == "git" for node in top)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_says_what_it_is_and_leaves_nothing_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MOST_LINES
    assert ast.get_docstring(parsed(path))
    assert not re.search(r"\b(TODO|FIXME|HACK)\b", text)


def imported_by_the_hook(repository: Repository) -> tuple[int, set[str]]:
    """Exit code of the real hook process, and every module it ever imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keysweep", "hook", "pre-commit"],
        cwd=repository.path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done.returncode, {line.rsplit("|", 1)[-1].strip() for line in lines}


def test_the_hook_loads_almost_nothing_for_a_clean_change(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("src/app.py", "import os\n\nprint(os.environ['HOME'])\n" * 50)
    repository.stage("image.bin", random.Random(1).randbytes(50_000))
    code, loaded = imported_by_the_hook(repository)
    assert code == 0
    assert "keysweep.sources.staged" in loaded
    assert not loaded & NEVER_IN_A_CLEAN_HOOK


def test_the_hook_loads_no_network_and_no_command_line_to_refuse_a_change(tmp_path: Path) -> None:
    rng = random.Random(2)
    repository = Repository(tmp_path / "r")
    repository.stage("k.ini", f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {secret(rng)}\n")
    code, loaded = imported_by_the_hook(repository)
    assert code == 1
    assert "keysweep.report.text" in loaded
    assert not loaded & NEVER_IN_A_HOOK
