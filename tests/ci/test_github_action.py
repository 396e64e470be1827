"""action.yml, run step by step as a runner does: on real checkouts, with the payloads of real events."""

from __future__ import annotations

import copy
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from keysweep import Origin, scan
from tests.ci.forge import CLEAN, ID, LEAK, PAIR, SECRET, ZERO, Forge, planted
from tests.ci.github import ACTION, ROOT, STEPS, Done, Runner
from tests.published import published
from tests.report.schemas import sarif_validator
from tests.report.test_github import commands

UPLOAD = "github/codeql-action/upload-sarif"
FINGERPRINT = scan(PAIR.encode(), Origin("a")).findings[0].fingerprint


def pull_request(forge: Forge, head: str, repository: str | None = "team/app") -> dict[str, Any]:
    source = {"repo": {"full_name": repository} if repository else None, "ref": head, "sha": forge.at(head)}
    base = {"ref": "main", "sha": forge.main}
    return {"pull_request": {"number": 7, "base": base, "head": source}, "before": ZERO, "after": ZERO}


def review(forge: Forge, tmp_path: Path, head: str, **options: Any) -> Runner:
    """The job of a pull request, on what GitHub merged for it."""
    depth = options.pop("depth", 0)
    name = options.pop("name", "pull_request")
    merge = forge.merged(head)
    clone = forge.checkout(tmp_path / "clone", merge, depth=depth)
    event = pull_request(forge, head, **options)
    return Runner(tmp_path, clone.path, name, event, ref="refs/pull/7/merge", sha=merge)


def push(forge: Forge, tmp_path: Path, branch: str, before: str) -> Runner:
    head = forge.at(branch)
    clone = forge.checkout(tmp_path / "clone", head)
    event = {"before": before, "after": head, "repository": {"default_branch": "main"}}
    return Runner(tmp_path, clone.path, "push", event, ref=f"refs/heads/{branch}", sha=head)


def history(forge: Forge, tmp_path: Path, name: str, branch: str, *, depth: int = 0) -> Runner:
    clone = forge.checkout(tmp_path / "clone", forge.at(branch), depth=depth)
    event = {"repository": {"default_branch": "main"}}
    return Runner(tmp_path, clone.path, name, event, ref=f"refs/heads/{branch}", sha=forge.at(branch))


def test_the_action_is_one_by_the_published_schema() -> None:
    action = copy.deepcopy(ACTION)
    for step in action["runs"]["steps"]:
        step.pop(
            "continue-on-error", None
        )  # GitHub took it into these steps later than the package has the schema
    published("/github-action.json").validate(action)


def test_all_that_it_uses_is_pinned_to_a_commit_and_says_which_version_that_is() -> None:
    lines = re.findall(r"^.*\buses:.*$", (ROOT / "action.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == len([step for step in STEPS if "uses" in step])
    for line in lines:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_no_expression_becomes_part_of_a_script_and_the_scripts_are_those_of_the_tested_file() -> None:
    for step in STEPS:
        if "run" in step:
            assert step["run"] == f'sh "$GITHUB_ACTION_PATH/ci/github-action.sh" {step["id"]}'


def test_every_input_is_described_and_goes_somewhere() -> None:
    steps = json.dumps(STEPS)
    for name, said in ACTION["inputs"].items():
        assert said["description"]
        assert f"inputs.{name} " in steps


def test_a_pull_request_with_a_leak_fails_at_the_line_with_a_report_and_a_summary(
    forge: Forge, tmp_path: Path
) -> None:
    done = review(forge, tmp_path, LEAK).run()
    assert done.code == 1
    errors = [(said, text) for name, said, text in commands(done.log) if name == "error"]
    assert [said.get("file") for said, _ in errors] == [None, "conf/key.ini"]
    assert done.outputs["exit-code"] == "1"
    assert done.outputs["findings"] == "1"
    sarif = json.loads(Path(done.outputs["sarif-file"]).read_text())
    sarif_validator().validate(sarif)
    assert len(sarif["runs"][0]["results"]) == 1
    assert "conf/key.ini" in done.summary
    assert SECRET not in done.log + done.summary
    assert not forge.repository.git("-C", os.fspath(tmp_path / "clone"), "status", "--porcelain")


def test_a_clean_pull_request_passes(forge: Forge, tmp_path: Path) -> None:
    done = review(forge, tmp_path, CLEAN).run()
    assert done.code == 0
    assert done.outputs["exit-code"] == "0"
    assert done.outputs["findings"] == "0"
    assert [name for name, _, _ in commands(done.log)] == ["notice"]


def test_what_main_got_since_the_request_was_opened_is_not_told_of_it(forge: Forge, tmp_path: Path) -> None:
    """The event still names the base of that day, and the branch has merged the later main."""
    forge.add("main", {"old.ini": PAIR})
    forge.repository.git("checkout", "-q", CLEAN)
    forge.repository.git("merge", "-q", "--no-edit", "main")
    forge.add(CLEAN, {"new": "nothing\n"})
    assert review(forge, tmp_path, CLEAN).run().code == 0


def test_what_main_accepts_since_the_request_was_opened_is_accepted(forge: Forge, tmp_path: Path) -> None:
    forge.add("main", {"keysweep.toml": f'allow = ["{FINGERPRINT}"]\n'})
    assert review(forge, tmp_path, LEAK).run().code == 0


def test_where_the_head_is_checked_out_the_base_is_the_one_that_the_event_names(
    forge: Forge, tmp_path: Path
) -> None:
    clone = forge.checkout(tmp_path / "clone", forge.at(LEAK))
    done = Runner(tmp_path, clone.path, "pull_request", pull_request(forge, LEAK), sha="1" * 40).run()
    assert done.code == 1
    assert f"are those of {forge.main[:12]}" in done.log


def test_a_merge_queue_is_judged_by_its_range(forge: Forge, tmp_path: Path) -> None:
    clone = forge.checkout(tmp_path / "clone", forge.at(LEAK))
    event = {"merge_group": {"base_sha": forge.main, "head_sha": forge.at(LEAK)}}
    assert Runner(tmp_path, clone.path, "merge_group", event, sha=forge.at(LEAK)).run().code == 1


def test_a_shallow_checkout_is_never_clean_and_says_what_to_do(forge: Forge, tmp_path: Path) -> None:
    done = review(forge, tmp_path, CLEAN, depth=1).run(upload_sarif="true")
    assert done.code == 3
    assert "fetch-depth: 0" in done.log
    assert done.outputs == {"exit-code": "3", "findings": "", "sarif-file": ""}
    assert "exit code 3" in commands(done.log)[-1][2]
    assert UPLOAD not in done.used


def test_nor_is_the_history_of_a_shallow_one(forge: Forge, tmp_path: Path) -> None:
    forge.add("main", {"b": "more\n"})
    done = history(forge, tmp_path, "schedule", "main", depth=1).run()
    assert done.code == 3
    assert done.outputs["exit-code"] == "3"
    assert any("fetch-depth: 0" in text for name, _, text in commands(done.log) if name == "warning")


@pytest.mark.parametrize(("branch", "code"), [(CLEAN, 0), (LEAK, 1)])
def test_a_first_push_is_judged_by_what_no_other_branch_has(
    forge: Forge, tmp_path: Path, branch: str, code: int
) -> None:
    forge.repository.git("update-ref", "refs/heads/twin", branch)  # what was pushed with it does not hide it
    assert push(forge, tmp_path, branch, ZERO).run().code == code


def test_a_push_is_judged_by_what_it_adds(forge: Forge, tmp_path: Path) -> None:
    assert push(forge, tmp_path, LEAK, forge.at(LEAK)).run().code == 0


def test_a_forced_push_over_what_is_gone_is_judged_as_a_first_push(forge: Forge, tmp_path: Path) -> None:
    done = push(forge, tmp_path, LEAK, "1" * 40).run()
    assert done.code == 1
    assert "a forced push?" in done.log
    assert "nothing was taken that silences findings" in done.log


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch", "release"])
def test_what_is_about_no_change_scans_all_of_history(forge: Forge, tmp_path: Path, event: str) -> None:
    done = history(forge, tmp_path, event, "main").run()
    assert done.code == 1
    assert "conf/key.ini" in done.summary


@pytest.mark.parametrize(
    ("branch", "strict", "code"),
    [("main", "base", 0), ("main", "always", 1), ("main", "never", 0), (CLEAN, "base", 1), (CLEAN, "never", 0)],
)
def test_history_takes_what_the_default_branch_accepts_and_no_other(
    forge: Forge, tmp_path: Path, branch: str, strict: str, code: int
) -> None:
    forge.add(branch, {"keysweep.toml": f'allow = ["{FINGERPRINT}"]\n'})
    assert history(forge, tmp_path, "workflow_dispatch", branch).run(strict=strict).code == code


@pytest.mark.parametrize(("strict", "code"), [("base", 1), ("always", 1), ("never", 0)])
def test_a_change_cannot_silence_itself_unless_the_workflow_lets_it(
    forge: Forge, tmp_path: Path, strict: str, code: int
) -> None:
    forge.add(LEAK, {"keysweep.toml": f'allow = ["{FINGERPRINT}"]\n'})
    assert review(forge, tmp_path, LEAK).run(strict=strict).code == code


@pytest.mark.parametrize(("strict", "code"), [("base", 0), ("always", 1)])
def test_what_the_base_accepts_is_accepted(forge: Forge, tmp_path: Path, strict: str, code: int) -> None:
    forge.main = forge.add("main", {"keysweep.toml": f'allow = ["{FINGERPRINT}"]\n'})
    assert review(forge, tmp_path, LEAK).run(strict=strict).code == code


def test_a_configuration_from_elsewhere_holds_and_one_of_the_tree_is_refused(forge: Forge, tmp_path: Path) -> None:
    text = f'allow = ["{FINGERPRINT}"]\n'
    (tmp_path / "policy.toml").write_text(text)
    forge.add(LEAK, {"ci/own.toml": text})
    runner = review(forge, tmp_path, LEAK)
    assert runner.run(config=os.fspath(tmp_path / "policy.toml")).code == 0
    refused = runner.run(config="ci/own.toml")
    assert refused.code == 2
    assert "a change could silence itself" in refused.log
    assert runner.run(config="ci/own.toml", strict="never").code == 0


@pytest.mark.parametrize(
    ("repository", "name", "uploads"),
    [
        ("team/app", "pull_request", True),
        ("stranger/app", "pull_request", False),
        (None, "pull_request", False),
        ("team/app", "pull_request_target", False),
    ],
    ids=["own", "fork", "fork that is gone", "target"],
)
def test_alerts_are_uploaded_where_that_is_permitted_and_the_exit_code_is_the_same(
    forge: Forge, tmp_path: Path, repository: str | None, name: str, uploads: bool
) -> None:
    done = review(forge, tmp_path, LEAK, repository=repository, name=name).run(upload_sarif="true")
    assert done.code == 1
    assert (UPLOAD in done.used) is uploads
    if uploads:
        assert done.used[UPLOAD]["sarif_file"] == done.outputs["sarif-file"]
    else:
        assert "SARIF is not uploaded" in done.log
    assert next(step for step in STEPS if UPLOAD in step.get("uses", ""))["continue-on-error"] is True


def test_nothing_is_uploaded_that_nobody_asked_for(forge: Forge, tmp_path: Path) -> None:
    assert UPLOAD not in review(forge, tmp_path, LEAK).run().used


@pytest.mark.parametrize(
    "name",
    [
        "$(touch${IFS}ran)",
        "`touch${IFS}ran`",
        "a';touch${IFS}ran;'",
        'a"|touch${IFS}ran|"',
        "-rf",
        "%0A,error,x",
    ],
)
def test_the_name_of_a_branch_commands_nothing(forge: Forge, tmp_path: Path, name: str) -> None:
    forge.repository.git("update-ref", f"refs/heads/{name}", LEAK)
    runner = push(forge, tmp_path, f"refs/heads/{name}", forge.main)
    done = runner.run(range=f"refs/remotes/origin/main..refs/remotes/origin/{name}")
    assert done.code == 1
    assert not list(tmp_path.rglob("ran"))
    assert_only_findings(done)


@pytest.mark.parametrize(
    "given",
    [
        {"range": "$(touch ran)..HEAD"},
        {"range": "--output=ran"},
        {"history": "$(touch ran)"},
        {"strict": "`touch ran`"},
        {"fail_on": "; touch ran"},
        {"config": "$(touch ran)"},
        {"sarif_file": "a\nexit-code=0"},
        {"upload_sarif": "$(touch ran)"},
        {"args": "$(touch ran)\n`touch ran`\n--nothing\n*\n"},
        {"range": "a..b", "history": "true"},
    ],
    ids=str,
)
def test_an_input_that_makes_no_sense_is_wrong_usage_and_commands_nothing(
    forge: Forge, tmp_path: Path, given: dict[str, str]
) -> None:
    done = review(forge, tmp_path, CLEAN).run(**given)
    assert done.code == 2
    assert done.outputs["exit-code"] == "2"
    assert done.outputs["sarif-file"] == ""
    assert not list(tmp_path.rglob("ran"))
    assert commands(done.log)[-1][0] == "error"


def test_more_arguments_are_passed_on_one_a_line(forge: Forge, tmp_path: Path) -> None:
    done = review(forge, tmp_path, LEAK).run(
        args=f"--report\njunit={tmp_path}/a b.xml\n\n--paths=docs", fail_on="low"
    )
    assert done.code == 2  # nothing under docs is in the range
    assert "--paths" in done.log


def test_a_further_report_is_written_where_the_arguments_say(forge: Forge, tmp_path: Path) -> None:
    done = review(forge, tmp_path, LEAK).run(args=f"--report\njunit={tmp_path}/a b.xml\n", fail_on="critical")
    assert done.code == 0
    assert done.outputs["findings"] == "1"
    assert "<testsuite" in (tmp_path / "a b.xml").read_text()


def test_what_is_planted_in_the_tree_is_not_run(forge: Forge, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    planted(forge, mark)
    runner = review(forge, tmp_path, LEAK)
    runner.environment |= {"PYTHONPATH": "."}
    assert runner.run().code == 1
    assert not mark.exists()


def test_it_installs_itself_into_an_environment_of_its_own(forge: Forge, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    planted(forge, mark)
    runner = review(forge, tmp_path, LEAK)
    runner.environment |= {"PYTHONPATH": "."}
    runner.installs = True
    done = runner.run(python=sys.executable)
    assert done.code == 1, done.log
    assert done.outputs["findings"] == "1"
    assert not mark.exists()
    assert not forge.repository.git("-C", os.fspath(tmp_path / "clone"), "status", "--porcelain")
    assert list(runner.temporary.glob("keysweep.*/bin/keysweep"))


def assert_only_findings(done: Done) -> None:
    for name, said, _ in commands(done.log):
        assert name in {"error", "warning", "notice"}
        assert said["title"].startswith("keysweep")
    assert ID in done.log
