"""Which tests hold which practice: those that say so by `pytest.mark.practice(NUMBER, ...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_TESTS = Path(__file__).parent.parent / "tests"


def held_by() -> dict[int, list[str]]:
    """Numbers of practices, each with the tests as pytest names them."""
    found: dict[int, list[str]] = {}
    for path in sorted(_TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for number in _numbers(node):
                name = f"{path.relative_to(_TESTS.parent).as_posix()}::{getattr(node, 'name', '')}"
                found.setdefault(number, []).append(name)
    return found


def _numbers(node: ast.stmt) -> Iterator[int]:
    for each in getattr(node, "decorator_list", ()):
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.practice":
            yield from map(ast.literal_eval, each.args)
