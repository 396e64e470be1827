"""The examples in ci/: valid by the schemas of those systems, and run on real checkouts with their variables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from docs.generate import PAGES
from keysweep import Origin, scan
from tests.ci.forge import CLEAN, LEAK, PAIR, ZERO, Forge
from tests.ci.github import ACTION, filled
from tests.ci.shells import CI, INSTALLS, example, run
from tests.ci.systems import PUSH, REVIEW, SCHEDULE, SYSTEMS, WITH_BEFORE, job
from tests.published import published
from tests.report.schemas import gitlab_validator
from tests.test_docs import code_blocks, text_of

FINGERPRINT = scan(PAIR.encode(), Origin("a")).findings[0].fingerprint
ACCEPTED = {"keysweep.toml": f'allow = ["{FINGERPRINT}"]\n'}
SCHEMAS = {
    "github.yml": "/github-workflow.json",
    "gitlab.yml": "/editor/schema/ci.json",
    "bitbucket-pipelines.yml": "/pipelines-schema.json",
    "azure-pipelines.yml": "/service-schema.json",
}
KNOWN_OTHERWISE = {("gitlab", PUSH), ("jenkins", SCHEDULE)}
"""GitLab says what was there before a push, and for Jenkins a schedule makes a build like any other."""
every_system = pytest.mark.parametrize("system", SYSTEMS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_example_is_valid_by_the_published_schema(name: str) -> None:
    document = example(name)
    if True in document:  # what YAML 1.1 makes of `on`
        document["on"] = document.pop(True)
        del document["on"]["merge_group"]  # GitHub has it since 2022, and the schema in the package is older
    published(SCHEMAS[name]).validate(document)


def test_the_workflow_in_the_readme_is_valid_and_pins_what_the_example_pins() -> None:
    (block,) = [text for text in code_blocks(text_of("README.md"), "yaml") if "jobs:" in text]
    document = yaml.safe_load(block)
    document["on"] = [event for event in document.pop(True) if event != "merge_group"]
    published(SCHEMAS["github.yml"]).validate(document)
    used = [step["uses"] for step in document["jobs"]["keysweep"]["steps"]]
    assert used == [step["uses"] for step in example("github.yml")["jobs"]["keysweep"]["steps"]]


def test_all_that_the_pages_use_is_pinned() -> None:
    for page in PAGES:
        for name, version in re.findall(r"uses: ([\w./-]+)@(.*)", page.read_text(encoding="utf-8")):
            assert name == "OWNER/keysweep" or re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", version), name


def fragment(word: str) -> Any:
    """The steps of a workflow that docs/ci.md shows without the rest of it, by a word in them."""
    (block,) = [
        text for text in code_blocks(text_of("docs/ci.md"), "yaml") if word in text and "jobs:" not in text
    ]
    steps: Any = yaml.safe_load(block)
    job = {"runs-on": "ubuntu-latest", "steps": steps}
    published(SCHEMAS["github.yml"]).validate({"on": "push", "jobs": {"keysweep": job}})
    return steps


def test_the_steps_that_keep_reports_take_what_the_action_puts_out() -> None:
    keeping = fragment("upload-artifact")[-1]["with"]["path"]
    assert set(re.findall(r"steps.keysweep.outputs.([\w-]+)", keeping)) <= set(ACTION["outputs"])


@pytest.mark.parametrize(("branch", "code"), [(CLEAN, 0), (LEAK, 1)])
def test_the_steps_without_the_action_judge_a_pull_request(
    forge: Forge, tmp_path: Path, branch: str, code: int
) -> None:
    install, step = fragment("pipx")
    assert INSTALLS.search(install["run"])
    event = {"pull_request": {"base": {"sha": forge.main}, "head": {"sha": forge.at(branch)}}}
    variables = {name: filled(value, {"github": {"event": event}}) for name, value in step["env"].items()}
    clone = forge.checkout(tmp_path / "clone", forge.merged(branch))
    done = run([step["run"]], clone.path, variables | {"program": str(tmp_path / "bin" / "keysweep")})
    assert done.returncode == code, done.stdout


def test_every_example_is_tested() -> None:
    assert {path.name for path in CI.iterdir()} == {*SCHEMAS, "Jenkinsfile", "github-action.sh"}


def test_the_jenkinsfile_closes_what_it_opens() -> None:
    text = re.sub(r"'''.*?'''|'[^'\n]*'|//[^\n]*", "", (CI / "Jenkinsfile").read_text(), flags=re.DOTALL)
    assert "'" not in text
    open_ones = []
    for sign in re.findall(r"[(){}]", text):
        if sign in "({":
            open_ones.append(sign)
        else:
            assert open_ones.pop() + sign in {"()", "{}"}
    assert not open_ones


@every_system
def test_a_review_of_a_leak_fails_and_is_told_to_the_test_view(forge: Forge, tmp_path: Path, system: str) -> None:
    done = job(system, forge, tmp_path, REVIEW, LEAK)
    assert done.returncode == 1, done.stdout
    assert "conf/key.ini" in done.stdout
    (report,) = tmp_path.rglob("keysweep.xml")
    assert JUnitXml.fromfile(str(report)).failures == 1


@every_system
def test_a_clean_review_passes(forge: Forge, tmp_path: Path, system: str) -> None:
    done = job(system, forge, tmp_path, REVIEW, CLEAN)
    assert done.returncode == 0, done.stdout
    assert "no leaked AWS keys found" in done.stdout


@every_system
def test_a_change_cannot_accept_its_own_leak(forge: Forge, tmp_path: Path, system: str) -> None:
    forge.add(LEAK, ACCEPTED)
    assert job(system, forge, tmp_path, REVIEW, LEAK).returncode == 1


@every_system
def test_what_was_accepted_before_the_change_is(forge: Forge, tmp_path: Path, system: str) -> None:
    forge.main = forge.add("main", ACCEPTED)
    done = job(system, forge, tmp_path, REVIEW, LEAK)
    assert done.returncode == 0
    assert "1 suppressed by configuration" in done.stdout


@every_system
def test_a_shallow_checkout_is_never_clean(forge: Forge, tmp_path: Path, system: str) -> None:
    done = job(system, forge, tmp_path, REVIEW, CLEAN, depth=1)
    assert done.returncode == (3 if system == "gitlab" else 2)
    assert "fetch" in done.stdout


@pytest.mark.parametrize(
    ("system", "event"),
    [(each, event) for each in SYSTEMS for event in (PUSH, SCHEDULE) if (each, event) not in KNOWN_OTHERWISE],
)
def test_nor_is_the_history_of_a_shallow_one(forge: Forge, tmp_path: Path, system: str, event: str) -> None:
    forge.add("main", {"b": "more\n"})
    done = job(system, forge, tmp_path, event, "main", depth=1)
    assert done.returncode == 3
    assert "this clone is shallow" in done.stdout


@pytest.mark.parametrize(
    ("system", "event"),
    [(each, event) for each in SYSTEMS for event in (PUSH, SCHEDULE) if (each, event) not in KNOWN_OTHERWISE],
)
def test_where_nothing_is_known_of_before_main_is_scanned_with_what_it_accepts(
    forge: Forge, tmp_path: Path, system: str, event: str
) -> None:
    forge.repository.git("checkout", "-q", "main")
    forge.repository.git("merge", "-q", "--no-edit", LEAK)
    forge.repository.git("branch", "-D", "-q", LEAK, CLEAN)
    assert job(system, forge, tmp_path / "1", event, "main").returncode == 1
    forge.add("main", ACCEPTED)
    assert job(system, forge, tmp_path / "2", event, "main").returncode == 0


@pytest.mark.parametrize("system", WITH_BEFORE)
@pytest.mark.parametrize("before", [ZERO, "1" * 40], ids=["first", "forced"])
def test_a_first_or_forced_push_is_judged_by_what_is_new(
    forge: Forge, tmp_path: Path, system: str, before: str
) -> None:
    assert job(system, forge, tmp_path / "1", PUSH, LEAK, before=before).returncode == 1
    assert job(system, forge, tmp_path / "2", PUSH, CLEAN, before=before).returncode == 0


@pytest.mark.parametrize("system", WITH_BEFORE)
def test_a_push_is_judged_by_what_it_adds(forge: Forge, tmp_path: Path, system: str) -> None:
    before = forge.at(LEAK)
    assert job(system, forge, tmp_path / "1", PUSH, LEAK, before=before).returncode == 0
    forge.add(LEAK, {"again.ini": PAIR} | ACCEPTED)
    assert job(system, forge, tmp_path / "2", PUSH, LEAK, before=before).returncode == 1


def test_gitlab_scans_all_of_history_strictly_for_a_branch_that_nobody_reviewed(
    forge: Forge, tmp_path: Path
) -> None:
    forge.add(LEAK, ACCEPTED)
    assert job("gitlab", forge, tmp_path, SCHEDULE, LEAK).returncode == 1


def test_gitlab_judges_a_merged_result_by_the_target_that_it_was_merged_into(forge: Forge, tmp_path: Path) -> None:
    base = forge.main
    forge.add("main", {"late.ini": PAIR})
    merge = forge.merged(CLEAN)
    target = {"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": forge.at("main"), "CI_COMMIT_SHA": merge}
    forge.main = base
    assert job("gitlab", forge, tmp_path, REVIEW, CLEAN, more=target).returncode == 0


def test_gitlab_gets_a_report_that_it_takes(forge: Forge, tmp_path: Path) -> None:
    job("gitlab", forge, tmp_path, REVIEW, LEAK)
    reports = example("gitlab.yml")["keysweep"]["artifacts"]["reports"]
    gitlab_validator().validate(json.loads((tmp_path / "clone" / reports["secret_detection"]).read_text()))
    assert (tmp_path / "clone" / reports["junit"]).exists()


@pytest.mark.parametrize(
    ("system", "variable"), [("jenkins", "CHANGE_TARGET"), ("azure", "SYSTEM_PULLREQUEST_TARGETBRANCH")]
)
@pytest.mark.parametrize(
    "name", ["$(touch${IFS}ran)", "`touch${IFS}ran`", 'a"|touch${IFS}ran|"', "a';touch${IFS}ran;'"]
)
def test_the_name_of_a_branch_commands_nothing(
    forge: Forge, tmp_path: Path, system: str, variable: str, name: str
) -> None:
    forge.repository.git("branch", name, "main")
    done = job(system, forge, tmp_path, REVIEW, LEAK, more={variable: name})
    assert done.returncode == 1, done.stdout
    assert not list(tmp_path.rglob("ran"))


def test_azure_finds_nothing_in_the_scripts_that_it_would_fill_in_itself() -> None:
    for step in example("azure-pipelines.yml")["steps"]:
        assert "$(" not in step.get("bash", "")


def test_what_installs_keysweep_runs_no_module_of_the_tree() -> None:
    """`python -m` looks for modules where it stands first, and that is the checkout."""
    for path in CI.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            if INSTALLS.search(line):
                assert " -m " not in line or " -I -m " in line, line
