"""A runner of GitHub Actions, as far as action.yml needs one: it evaluates expressions and runs the steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from keysweep.frozen import frozen
from tests.repositories import environment

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
_TOKEN = re.compile(r"\s*(\|\||&&|==|!cancelled\(\)|'[^']*'|[\w.-]+)")


@frozen
class Done:
    """What a run of the action left behind."""

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str
    used: Mapping[str, Mapping[str, str]]
    """The actions that ran, without their versions, with what they were given."""


class Runner:
    """One job. `event` is the payload, and `inputs` what the workflow gives the action."""

    def __init__(
        self, tmp_path: Path, workspace: Path, name: str, event: Mapping[str, Any], **github: str
    ) -> None:
        self.temporary = tmp_path / "temp"
        self.temporary.mkdir()
        files = {part: self.temporary / f"_{part}" for part in ("output", "step_summary", "event_path")}
        for file in files.values():
            file.touch()
        files["event_path"].write_text(json.dumps(event))
        self._output, self._summary = files["output"], files["step_summary"]
        self._github = {"event_name": name, "repository": "team/app", "ref": "refs/heads/main", "sha": ""} | github
        self._event = event
        self.installs = False
        self._workspace = workspace
        self.environment = environment() | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": os.fspath(ROOT),
            "GITHUB_WORKSPACE": os.fspath(workspace),
            "GITHUB_OUTPUT": os.fspath(files["output"]),
            "GITHUB_STEP_SUMMARY": os.fspath(files["step_summary"]),
            "GITHUB_EVENT_PATH": os.fspath(files["event_path"]),
            "RUNNER_TEMP": os.fspath(self.temporary),
            **{f"GITHUB_{each.upper()}": value for each, value in self._github.items()},
        }

    def run(self, **inputs: str) -> Done:
        """Run every step of action.yml, but for the installation: keysweep is the one under test, unless `installs`."""
        given = {each: said.get("default", "") for each, said in ACTION["inputs"].items()}
        given |= {each.replace("_", "-"): value for each, value in inputs.items()}
        steps: dict[str, dict[str, str]] = {"python": {"python-path": sys.executable}}
        if not self.installs:
            steps["install"] = {"python": sys.executable}
        contexts = {"github": self._github | {"event": self._event}, "inputs": given}
        code, log, used = 0, "", {}
        for step in STEPS:
            known = contexts | {"steps": {each: {"outputs": said} for each, said in steps.items()}}
            condition = step.get("if", "")
            if (code and "cancelled()" not in condition) or (condition and not filled(condition, known)):
                continue
            if "uses" in step:
                used[step["uses"].partition("@")[0]] = {
                    each: filled(value, known) for each, value in step.get("with", {}).items()
                }
            elif step["id"] not in steps:
                variables = {each: filled(value, known) for each, value in step["env"].items()}
                done = self._shell(step, variables)
                log += done.stdout
                code = code or done.returncode
                steps[step["id"]] = self._outputs()
        known = contexts | {"steps": {each: {"outputs": said} for each, said in steps.items()}}
        outputs = {each: filled(said["value"], known) for each, said in ACTION["outputs"].items()}
        return Done(code, log, outputs, self._summary.read_text(encoding="utf-8"), used)

    def _shell(self, step: Mapping[str, Any], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        script = self.temporary / "_step.sh"
        script.write_text(step["run"])
        return subprocess.run(
            [step["shell"], "-e", script],
            cwd=self._workspace,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )

    def _outputs(self) -> dict[str, str]:
        lines = self._output.read_text(encoding="utf-8").splitlines()
        self._output.write_text("")
        return dict(line.split("=", 1) for line in lines)


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A value of YAML with its expressions evaluated; what is false is empty."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: evaluated(match[1], contexts), str(text))


def evaluated(expression: str, contexts: Mapping[str, Any]) -> str:
    """What an expression comes to, of those that action.yml uses: `||` over `&&` over `==` over names and texts."""
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == "".join(expression.split()), f"the tests know no such expression: {expression}"
    for operator in ("||", "&&", "=="):
        if operator in tokens:
            at = tokens.index(operator)
            left, right = (evaluated(" ".join(part), contexts) for part in (tokens[:at], tokens[at + 1 :]))
            if operator == "==":
                return "true" if left == right else ""
            return (left or right) if operator == "||" else left and right
    (token,) = tokens
    if token == "!cancelled()":
        return "true"
    if token.startswith("'"):
        return str(token[1:-1])
    value: Any = contexts
    for name in token.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)
