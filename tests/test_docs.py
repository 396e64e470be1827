"""The pages tell the truth: generated tables, examples that run, links that lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import yaml

import keysweep
from docs.generate import PAGES, TABLES, filled
from docs.proof import held_by
from keysweep.account.judging.rules import RULES
from keysweep.account.practices import PRACTICES
from keysweep.cli.main import keysweep as command_line
from keysweep.config import load
from keysweep.findings import Kind
from keysweep.frozen import fields
from keysweep.settings import Settings

ROOT = Path(__file__).parents[1]
PACKAGE = Path(keysweep.__file__).parent
ALL_PAGES = (*PAGES, ROOT / "CHANGELOG.md", ROOT / "bench" / "README.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_tables_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == filled(text), "run `python -m docs.generate`"


def test_every_generated_table_stands_in_some_page() -> None:
    marked = set(re.findall(r"<!-- table: (\w+) -->", "".join(page.read_text(encoding="utf-8") for page in PAGES)))
    assert marked == set(TABLES)


def test_the_example_of_the_configuration_can_be_read_and_shows_every_setting(tmp_path: Path) -> None:
    (example,) = code_blocks(text_of("docs/configuration.md"), "toml")
    (tmp_path / "keysweep.toml").write_text(example, encoding="utf-8")
    settings = load(tmp_path)
    assert settings.rules
    assert settings.allow
    assert set(tomllib.loads(example)) == {name.replace("_", "-") for name in fields(Settings)}


def test_the_allowance_in_the_readme_can_be_read(tmp_path: Path) -> None:
    (example,) = code_blocks(text_of("README.md"), "toml")
    (tmp_path / "keysweep.toml").write_text(example, encoding="utf-8")
    assert load(tmp_path).allow


def test_every_kind_of_finding_is_described() -> None:
    for kind in Kind:
        assert f"`{kind.value}`" in text_of("docs/detection.md")


def test_every_module_has_its_place_in_the_picture_of_the_architecture() -> None:
    picture = text_of("docs/architecture.md")
    for path in PACKAGE.rglob("*.py"):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        assert re.search(rf"\b{re.escape(name)}\b", picture), path


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_shows_is_one(page: Path) -> None:
    for block in code_blocks(page.read_text(encoding="utf-8"), "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for called in re.findall(r"(?:^|[\s/])keysweep (.*)", line.split("#")[0]):
                words = shlex.split(called)
                command: click.Command | None = command_line
                while isinstance(command, click.Group):
                    command = command.get_command(click.Context(command), words.pop(0))
                assert command is not None, line
                known = {name for parameter in command.params for name in parameter.opts}
                assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_troubleshooting_quotes_what_is_printed() -> None:
    source = " ".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    source = re.sub(r'"\s*f?"', "", source)
    for quoted in re.findall(r'"([^"`|]{12,})"', text_of("docs/troubleshooting.md")):
        assert quoted in source, quoted


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_every_snippet_of_a_configuration_can_be_parsed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in code_blocks(text, "toml"):
        tomllib.loads(block)
    for block in code_blocks(text, "yaml"):
        assert yaml.safe_load(block)
    for block in code_blocks(text, "json"):
        assert json.loads(block)


def test_every_practice_is_answered_by_a_rule_or_a_command_and_held_by_tests() -> None:
    held = held_by()
    for each in PRACTICES:
        assert each.commands or any(each.number in rule.practices for rule in RULES), each.name
        assert held[each.number], each.name
    assert held.keys() == {each.number for each in PRACTICES}
