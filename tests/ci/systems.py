"""The CI systems of ci/: which commands an event runs there, and the variables that the system sets for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.ci.forge import SECRET, ZERO, Forge
from tests.ci.shells import example, jenkins_scripts, run

REVIEW, PUSH, SCHEDULE = "review", "push", "schedule"
Job = tuple[list[str], dict[str, str]]
"""Commands and variables; `program` among them is where the commands expect keysweep."""


def gitlab(forge: Forge, place: Path, event: str, branch: str, before: str) -> Job:
    variables = {
        "program": os.fspath(place / "bin" / "keysweep"),
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_SHA": forge.at(branch),
        "CI_COMMIT_BEFORE_SHA": before if event == PUSH else ZERO,
        "CI_PIPELINE_SOURCE": "merge_request_event" if event == REVIEW else event,
    }
    more = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": forge.main} if event == REVIEW else {"CI_COMMIT_BRANCH": branch}
    return example("gitlab.yml")["keysweep"]["script"], variables | more


def bitbucket(forge: Forge, place: Path, event: str, branch: str, before: str) -> Job:
    kind = {REVIEW: "pull-requests", PUSH: "branches", SCHEDULE: "custom"}[event]
    (((step,),),) = (example("bitbucket-pipelines.yml")["pipelines"][kind].values(),)
    variables = {"program": os.fspath(place / "bin" / "keysweep"), "BITBUCKET_COMMIT": forge.at(branch)}
    more = {"BITBUCKET_PR_DESTINATION_COMMIT": forge.main[:12]} if event == REVIEW else {}
    return step["step"]["script"], variables | more


def jenkins(forge: Forge, place: Path, event: str, branch: str, before: str) -> Job:
    variables = {
        "program": os.fspath(place / "tmp" / "keysweep" / "bin" / "keysweep"),
        "WORKSPACE_TMP": os.fspath(place / "tmp"),
    }
    if event == REVIEW:
        return jenkins_scripts(), variables | {"CHANGE_TARGET": "main"}
    built = {"GIT_PREVIOUS_SUCCESSFUL_COMMIT": before} if before != ZERO else {}
    primary = {"BRANCH_IS_PRIMARY": "true"} if branch == "main" else {}
    return jenkins_scripts(), variables | built | primary


def azure(forge: Forge, place: Path, event: str, branch: str, before: str) -> Job:
    variables = {
        "program": os.fspath(place / "agent" / "keysweep" / "bin" / "keysweep"),
        "AGENT_TEMPDIRECTORY": os.fspath(place / "agent"),
        "BUILD_REASON": {REVIEW: "PullRequest", PUSH: "IndividualCI", SCHEDULE: "Schedule"}[event],
        "BUILD_SOURCEVERSION": forge.at("refs/pull/7/merge" if event == REVIEW else branch),
    }
    more = {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"} if event == REVIEW else {}
    return [step["bash"] for step in example("azure-pipelines.yml")["steps"] if "bash" in step], variables | more


SYSTEMS: dict[str, Callable[[Forge, Path, str, str, str], Job]] = {
    "gitlab": gitlab,
    "bitbucket": bitbucket,
    "jenkins": jenkins,
    "azure": azure,
}
WITH_BEFORE = ("gitlab", "jenkins")
"""Those that say what was there before a push, or at the last good build."""


def job(
    system: str,
    forge: Forge,
    place: Path,
    event: str,
    branch: str,
    *,
    before: str = ZERO,
    depth: int = 0,
    more: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    """What one event comes to: its checkout, and the commands on it."""
    commit = forge.merged(branch) if event == REVIEW else forge.at(branch)
    clone = forge.checkout(place / "clone", commit, depth=depth)
    lines, variables = SYSTEMS[system](forge, place, event, branch, before)
    done = run(
        lines, clone.path, variables | dict(more), shell="bash" if system in {"bitbucket", "azure"} else "sh"
    )
    assert SECRET not in done.stdout
    return done
