"""`keysweep init` in real repositories, at a terminal and without one, and where somebody laid traps."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import pytest
import yaml

from fixtures.keys import key_id, secret
from keysweep import installer
from keysweep.cli.pre_commit_entry import HOOKS
from keysweep.cli.starting import STARTER
from keysweep.config import load
from keysweep.settings import Settings
from keysweep.suppress.baseline import load as load_baseline
from tests.cli.terminal import CTRL_C, Terminal
from tests.cli.test_hostile_files import without_override
from tests.cli.test_scan import keysweep
from tests.repositories import Repository

RNG = random.Random(808)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
CONFIGURATION = "repos:\n- repo: https://git.example.net/black\n  rev: 1.0.0\n  hooks:\n  - id: black\n"
FROM = ("--repo", "https://git.example.net/keysweep.git")
NAME, HOOK_FILE = "keysweep.toml", ".pre-commit-config.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "r")


def hooks(repository: Repository) -> set[str]:
    directory = repository.path / os.fsdecode(repository.git("rev-parse", "--git-path", "hooks").strip())
    return {each.name for each in directory.iterdir()} & set(installer.STAGES) if directory.exists() else set()


def snapshot(directory: Path) -> dict[str, bytes | None]:
    """Every file, with its content where it is a regular one."""
    return {
        os.fspath(each.relative_to(directory)): each.read_bytes() if each.is_file() else None
        for each in sorted(directory.rglob("*"))
    }


def test_the_starter_configuration_changes_nothing_by_itself(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(STARTER)
    read = load(tmp_path)
    assert (read.fail_on, read.exclude, dict(read.allow or {})) == (Settings().fail_on, (), {})


def test_without_a_terminal_it_says_what_it_would_do_and_changes_nothing(repository: Repository) -> None:
    repository.write("a.ini", PAIR)
    before = snapshot(repository.path)
    done = keysweep(repository.path, "init")
    assert done.returncode == 0
    assert "would write keysweep.toml" in done.stdout
    assert "would install git hooks: pre-commit, commit-msg, pre-push" in done.stdout
    assert "nothing was changed" in done.stdout
    assert snapshot(repository.path) == before


def test_yes_writes_the_configuration_installs_hooks_and_scans_once(repository: Repository) -> None:
    done = keysweep(repository.path, "init", "--yes")
    assert done.returncode == 0
    assert "keysweep.toml: written" in done.stdout
    assert ".git/hooks/pre-push: installed" in done.stdout
    assert "no leaked AWS keys found" in done.stdout
    assert (repository.path / NAME).read_text() == STARTER
    assert hooks(repository) == set(installer.STAGES)
    before = snapshot(repository.path)
    again = keysweep(repository.path, "init", "--yes")
    assert again.returncode == 0
    assert "keysweep.toml is there already" in again.stdout
    assert "git hooks of keysweep are installed already" in again.stdout
    assert snapshot(repository.path) == before


def test_findings_are_shown_and_triage_is_named_but_no_baseline_is_made(repository: Repository) -> None:
    for number in range(7):
        repository.write(f"{number}.ini", PAIR.replace(ID, key_id(RNG)).replace(SECRET, secret(RNG)))
    done = keysweep(repository.path, "init", "--yes")
    assert done.returncode == 1
    assert "7 findings in" in done.stdout
    assert "0.ini:1:21" in done.stdout
    assert "and 2 more: keysweep scan" in done.stdout
    assert "keysweep triage" in done.stdout
    assert not (repository.path / ".keysweep-baseline").exists()


def test_a_baseline_is_made_where_it_is_asked_for_with_a_reason(repository: Repository) -> None:
    repository.write("a.ini", PAIR)
    about = ("--baseline", "--reason", "before keysweep", "--owner", "me", "--until", "2099-01-31")
    done = keysweep(repository.path, "init", "--yes", *about)
    assert done.returncode == 0
    (entry,) = load_baseline(repository.path / ".keysweep-baseline").values()
    assert (entry.reason, entry.owner, entry.until, entry.path) == ("before keysweep", "me", "2099-01-31", "a.ini")
    again = keysweep(repository.path, "init", "--yes")
    assert (again.returncode, "1 suppressed" in again.stdout) == (0, True)


def test_from_a_directory_below_it_sets_up_the_whole_repository(repository: Repository) -> None:
    repository.write("sub/a.ini", PAIR)
    repository.write("other/b.ini", PAIR.replace(ID, key_id(RNG)).replace(SECRET, secret(RNG)))
    about = ("--baseline", "--reason", "x", "--owner", "me")
    done = keysweep(repository.path / "sub", "init", "--yes", *about)
    assert done.returncode == 0
    assert (repository.path / NAME).exists()
    assert hooks(repository) == set(installer.STAGES)
    paths = {each.path for each in load_baseline(repository.path / ".keysweep-baseline").values()}
    assert paths == {"sub/a.ini", "other/b.ini"}
    assert keysweep(repository.path, "scan").returncode == 0


def test_a_terminal_is_asked_before_each_change(repository: Repository) -> None:
    repository.write("a.ini", PAIR)
    repository.git("config", "user.email", "me@example.net")
    with Terminal(repository.path, "init") as person:
        assert 'fail-on = "medium"' in person.answer_line("Write that? [Y/n]: ", "y")
        person.wait_for("keysweep.toml: written")
        assert "Install git hooks" in person.answer_line("? [Y/n]: ", "n")
        person.wait_for("not done: install git hooks")
        assert "those that are live too" in person.answer_line("Accept it unseen? [y/N]: ", "")
        code, end = person.end()
    assert (code, "keysweep triage" in end) == (1, True)
    assert hooks(repository) == set()
    with Terminal(repository.path, "init", "--no-hook") as person:
        person.answer_line("Accept it unseen? [y/N]: ", "y")
        person.answer_line("Why may they stay?: ", "before keysweep")
        assert person.end()[0] == 0
    (entry,) = load_baseline(repository.path / ".keysweep-baseline").values()
    assert (entry.reason, entry.owner) == ("before keysweep", "me@example.net")


def test_ctrl_c_at_a_question_leaves_what_was_done_and_nothing_half(repository: Repository) -> None:
    with Terminal(repository.path, "init") as person:
        person.answer_line("Write that? [Y/n]: ", "y")
        person.answer(CTRL_C, "? [Y/n]: ")
        code, end = person.end()
    assert (code, "Traceback" in end) == (3, False)
    assert (repository.path / NAME).read_text() == STARTER
    assert hooks(repository) == set()


def test_an_entry_is_added_to_the_configuration_of_pre_commit(repository: Repository) -> None:
    repository.write(HOOK_FILE, CONFIGURATION)
    (repository.path / HOOK_FILE).chmod(0o640)
    done = keysweep(repository.path, "init", "--yes", *FROM)
    assert done.returncode == 0
    assert "pre-commit install -t pre-commit -t commit-msg -t pre-push" in done.stdout
    text = (repository.path / HOOK_FILE).read_text()
    assert text.startswith(CONFIGURATION)
    ours = yaml.safe_load(text)["repos"][-1]
    assert (ours["repo"], ours["rev"]) == (FROM[1], "v0.1.0")
    assert [each["id"] for each in ours["hooks"]] == list(HOOKS)
    assert (repository.path / HOOK_FILE).stat().st_mode & 0o777 == 0o640
    assert hooks(repository) == set()
    before = snapshot(repository.path)
    assert "has keysweep's hooks already" in keysweep(repository.path, "init", "--yes").stdout
    assert snapshot(repository.path) == before


@pytest.mark.parametrize(
    "content",
    [
        "repos: [{repo: local, hooks: []}]\n", "repos:\n\t- repo: local\n", "repos: &a\n- repo: local\n",
        "repos:\r\n- repo: local\n", "x: 'a\nrepos:\n- b'\n",
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_edited_safely_is_left_and_the_lines_are_told(
    repository: Repository, content: str
) -> None:
    repository.write(HOOK_FILE, content.encode())
    done = keysweep(repository.path, "init", "--yes", *FROM)
    assert done.returncode == 0
    assert "add this below `repos:` yourself" in done.stdout
    assert f"  - repo: {FROM[1]}\n    rev: v0.1.0\n" in done.stdout
    assert (repository.path / HOOK_FILE).read_bytes() == content.encode()


@pytest.mark.parametrize("trap", ["link", "dangling", "pipe", "directory"])
def test_a_configuration_of_pre_commit_that_is_no_file_is_left(
    repository: Repository, tmp_path: Path, trap: str
) -> None:
    lay(repository.path / HOOK_FILE, trap, tmp_path / "outside", CONFIGURATION)
    done = keysweep(repository.path, "init", "--yes", *FROM)
    assert "add this below `repos:` yourself" in done.stdout
    outside = tmp_path / "outside"
    assert not outside.exists() or outside.read_text() == CONFIGURATION


def test_where_some_hooks_are_missing_they_are_named(repository: Repository) -> None:
    repository.write(HOOK_FILE, CONFIGURATION + "- repo: ../keysweep\n  rev: v1\n  hooks:\n  - id: keysweep\n")
    before = (repository.path / HOOK_FILE).read_text()
    done = keysweep(repository.path, "init", "--yes")
    assert "but not all of its hooks: add these yourself.\n- id: keysweep-commit-msg\n" in done.stdout
    assert (repository.path / HOOK_FILE).read_text() == before


def test_with_hook_pre_commit_a_configuration_is_made_and_with_hook_git_none_is_touched(
    repository: Repository,
) -> None:
    assert keysweep(repository.path, "init", "--yes", "--hook", "pre-commit", *FROM).returncode == 0
    made = yaml.safe_load((repository.path / HOOK_FILE).read_text())
    assert made["repos"][0]["repo"] == FROM[1]
    assert hooks(repository) == set()
    before = (repository.path / HOOK_FILE).read_bytes()
    assert keysweep(repository.path, "init", "--yes", "--hook", "git").returncode == 0
    assert hooks(repository) == set(installer.STAGES)
    assert (repository.path / HOOK_FILE).read_bytes() == before


def test_hooks_that_are_there_keep_running(repository: Repository, tmp_path: Path) -> None:
    hook = repository.path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    done = keysweep(repository.path, "init", "--yes")
    assert "pre-commit: installed; the hook that was there runs after it" in done.stdout
    repository.git("commit", "-q", "--allow-empty", "-m", "x")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["worktree", "submodule"])
def test_worktrees_and_submodules_are_set_up_like_others(
    repository: Repository, tmp_path: Path, kind: str
) -> None:
    repository.commit()
    inner = tmp_path / "inner"
    if kind == "worktree":
        repository.git("worktree", "add", "-q", os.fspath(inner))
    else:
        outer = Repository(tmp_path / "outer")
        outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", os.fspath(repository.path), "sub")
        inner = outer.path / "sub"
    done = keysweep(inner, "init", "--yes")
    assert done.returncode == 0
    assert (inner / NAME).read_text() == STARTER
    (inner / "a.ini").write_text(PAIR)
    other = Repository.__new__(Repository)
    other.path = inner
    other.git("add", "a.ini")
    other.git("commit", "-qm", "leak", check=False)
    assert other.git("log", "--format=%s", "--", "a.ini") == b"", "the hook refuses it there"


def test_what_is_no_work_tree_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    bare = Repository(tmp_path / "bare", options=("--bare",))
    inside = Repository(tmp_path / "r").path / ".git"
    for directory, said in (
        (plain, "not a git repository"),
        (bare.path, "bare repository"),
        (inside, "work tree"),
    ):
        before = snapshot(directory)
        done = keysweep(directory, "init", "--yes")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr
        assert snapshot(directory) == before


def lay(path: Path, trap: str, outside: Path, content: str) -> None:
    """Put something at `path` that is no plain file."""
    if trap == "link":
        outside.write_text(content)
        path.symlink_to(outside)
    elif trap == "dangling":
        path.symlink_to(outside)
    elif trap == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


@pytest.mark.parametrize("trap", ["link", "dangling", "pipe", "directory"])
@pytest.mark.parametrize("name", [NAME, ".keysweep-baseline"])
def test_traps_in_place_of_what_is_read_stop_it_before_anything_is_changed(
    repository: Repository, tmp_path: Path, trap: str, name: str
) -> None:
    lay(repository.path / name, trap, tmp_path / "outside", "x" if name == NAME else "")
    done = keysweep(repository.path, "init", "--yes", "--baseline", "--reason", "x", "--owner", "me")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert name in done.stderr
    assert hooks(repository) == set()
    assert not (tmp_path / "outside").exists() or (tmp_path / "outside").read_text() in ("x", "")


def test_settings_in_pyproject_are_enough(repository: Repository) -> None:
    repository.write("pyproject.toml", '[tool.keysweep]\nfail-on = "high"\n')
    done = keysweep(repository.path, "init", "--yes")
    assert "pyproject.toml is there already" in done.stdout
    assert not (repository.path / NAME).exists()


def test_where_nothing_may_be_written_it_says_so_and_leaves_nothing_half(repository: Repository) -> None:
    repository.path.chmod(0o555)
    try:
        done = without_override(repository.path, "init", "--yes")
    finally:
        repository.path.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "keysweep.toml cannot be written (Permission denied)" in done.stderr
    assert sorted(each.name for each in repository.path.iterdir()) == [".git"]


def test_a_scan_that_is_not_complete_is_not_clean(repository: Repository) -> None:
    repository.write("damaged.gz", b"\x1f\x8b\x08\x00" + bytes(6) + b"\x4b\x4c")
    done = keysweep(repository.path, "init", "--yes")
    assert done.returncode == 3
    assert "the scan is incomplete" in done.stdout


def test_a_hostile_name_of_a_file_does_not_act_on_the_terminal(repository: Repository) -> None:
    repository.write("x\x1b]0;owned\x07\x1b[2J\r.ini", PAIR)
    done = keysweep(repository.path, "init", "--yes", "--no-hook")
    assert "\\x1b" in done.stdout
    assert all(each.isprintable() or each == "\n" for each in done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--hook", "git", "--no-hook"), "exclude each other"),
        (("--baseline",), "--baseline needs --reason"),
        (("--reason", "x"), "go with --baseline"),
        (("--baseline", "--reason", "x", "--owner", "me", "--until", "2020-01-01"), "no day to come"),
        (("--hook", "pre-commit", "--repo", "-x"), "--repo is empty, begins with a dash"),
        (("--hook", "pre-commit", "--repo", "a\x1bb"), "control characters"),
        (("--hook", "pre-commit", "--repo", "https://me:token@git.example.net/k"), "leave it out"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(
    repository: Repository, arguments: tuple[str, ...], said: str
) -> None:
    before = snapshot(repository.path)
    done = keysweep(repository.path, "init", "--yes", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert "token" not in done.stderr.replace("a token", "")
    assert snapshot(repository.path) == before


def installed_from(tmp_path: Path, noted: object) -> str:
    """The path of modules with which keysweep counts as installed in the way that is noted."""
    info = tmp_path / "noted" / "keysweep-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: keysweep\nVersion: 0.1.0\n")
    if noted is not None:
        (info / "direct_url.json").write_text(json.dumps(noted))
    return os.pathsep.join((os.fspath(info.parent), *filter(None, sys.path)))


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("noted", "repo", "rev"),
    [
        (
            {"url": "https://user:tok@git.example.net/k.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            "https://git.example.net/k.git",
            COMMIT,
        ),
        ({"url": "file://CLONE", "dir_info": {}}, "CLONE", "HEAD"),
    ],
)
def test_the_address_is_the_one_that_keysweep_was_installed_from(
    repository: Repository, tmp_path: Path, noted: dict[str, object], repo: str, rev: str
) -> None:
    clone = Repository(tmp_path / "a clone")
    clone.stage(".pre-commit-hooks.yaml", "[]\n")
    head = clone.commit()
    noted = {**noted, "url": str(noted["url"]).replace("CLONE", os.fspath(clone.path).replace(" ", "%20"))}
    modules = installed_from(tmp_path, noted)
    done = keysweep(repository.path, "init", "--yes", "--hook", "pre-commit", PYTHONPATH=modules)
    assert done.returncode == 0
    (ours,) = yaml.safe_load((repository.path / HOOK_FILE).read_text())["repos"]
    assert ours["repo"] == repo.replace("CLONE", os.fspath(clone.path))
    assert ours["rev"] == rev.replace("HEAD", head)
    assert ("is a path of this machine" in done.stdout) == (rev == "HEAD")


@pytest.mark.parametrize(
    "noted",
    [
        None,
        [],
        {"url": "file:///nowhere", "dir_info": {}},
        {"url": "https://x/k.whl", "archive_info": {}},
        {"url": 1},
    ],
)
def test_where_nothing_tells_the_address_it_has_to_be_given(
    repository: Repository, tmp_path: Path, noted: object
) -> None:
    modules = installed_from(tmp_path, noted)
    done = keysweep(repository.path, "init", "--yes", "--hook", "pre-commit", PYTHONPATH=modules)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "give --repo ADDRESS" in done.stderr
    assert sorted(each.name for each in repository.path.iterdir()) == [".git"]
