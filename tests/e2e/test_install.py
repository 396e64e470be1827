"""Hooks set up by `keysweep install`, driven by real commits and pushes."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.repositories import Repository, environment

RNG = random.Random(8)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


class Shell:
    """A user's shell in a repository, with a home of its own."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.environment = environment() | {
            "HOME": os.fspath(self.home),
            "XDG_CONFIG_HOME": os.fspath(self.home / ".config"),
            "GIT_CONFIG_GLOBAL": os.fspath(self.home / ".gitconfig"),
            "NO_COLOR": "1",
        }
        self.repository = Repository(tmp_path / "repository")

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd or self.repository.path,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def keysweep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "keysweep", *arguments)

    def hook(self, name: str, text: str = "#!/bin/sh\n", directory: str = ".git/hooks") -> Path:
        path = self.repository.write(f"{directory}/{name}", text)
        path.chmod(0o755)
        return path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_commit_that_adds_a_pair_is_refused_with_what_where_why_and_what_to_do(shell: Shell) -> None:
    assert shell.keysweep("install").returncode == 0
    shell.repository.stage("conf/prod.ini", PAIR)
    refused = shell.run("git", "commit", "-m", "leak")
    assert refused.returncode != 0
    for part in ("conf/prod.ini:1:21", ID, "account 123456789012", "why", "Take it out", "Rotate it", "allow = ["):
        assert part in refused.stderr
    assert SECRET not in refused.stderr + refused.stdout


def test_a_clean_commit_and_a_lone_key_id_go_through(shell: Shell) -> None:
    shell.keysweep("install")
    shell.repository.stage("a.txt", "clean\n")
    assert shell.run("git", "commit", "-m", "clean").returncode == 0
    shell.repository.stage("b.txt", f"see {ID}\n")
    shown = shell.run("git", "commit", "-m", "an ID")
    assert shown.returncode == 0
    assert ID in shown.stderr


@pytest.mark.parametrize(
    "command", [("commit", "-a"), ("commit", "--only", "a.ini"), ("commit", "--include", "a.ini")]
)
def test_every_way_to_commit_is_covered(shell: Shell, command: tuple[str, ...]) -> None:
    shell.repository.stage("a.ini", "x = 1\n")
    shell.repository.commit()
    shell.keysweep("install")
    shell.repository.write("a.ini", PAIR)
    assert shell.run("git", *command[:2], "-m", "leak", *command[2:]).returncode != 0
    assert shell.repository.git("rev-list", "--count", "HEAD") == b"1\n"


def test_a_message_with_a_pair_is_refused(shell: Shell) -> None:
    shell.keysweep("install")
    refused = shell.run("git", "commit", "--allow-empty", "-m", f"login with {ID} and secret {SECRET}")
    assert refused.returncode != 0
    assert "of the message" in refused.stderr


def test_a_push_of_a_key_that_was_removed_again_is_refused(shell: Shell, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    shell.repository.git("init", "-q", "--bare", os.fspath(remote))
    shell.repository.git("remote", "add", "origin", os.fspath(remote))
    shell.repository.stage("a", "a\n")
    shell.repository.commit()
    shell.keysweep("install")
    assert shell.run("git", "push", "-q", "origin", "main").returncode == 0
    shell.repository.stage("k.ini", PAIR)
    leak = shell.repository.commit("leak")
    shell.repository.git("rm", "-q", "k.ini")
    shell.repository.commit("remove")
    refused = shell.run("git", "push", "origin", "main")
    assert refused.returncode != 0
    assert leak[:12] in refused.stderr
    assert "git rebase -i" in refused.stderr
    forced = shell.run("git", "push", "--force", "origin", "HEAD~1:refs/heads/other")
    assert forced.returncode != 0
    assert shell.run("git", "push", "-q", "origin", ":main").returncode == 0


def test_a_hook_that_was_there_still_runs_with_its_arguments_and_input(shell: Shell, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    shell.repository.git("init", "-q", "--bare", os.fspath(remote))
    shell.hook("pre-push", '#!/bin/sh\necho "old $1"; cat\n')
    shell.hook("pre-commit", "#!/bin/sh\necho checked; exit 7\n")
    assert "runs after it" in shell.keysweep("install").stdout
    shell.repository.stage("a", "a\n")
    stopped = shell.run("git", "commit", "-m", "x")
    assert stopped.returncode != 0
    assert "checked" in stopped.stdout + stopped.stderr
    shell.repository.commit()
    pushed = shell.run("git", "push", os.fspath(remote), "main")
    assert f"old {remote}" in pushed.stdout + pushed.stderr
    assert "refs/heads/main" in pushed.stdout + pushed.stderr


def test_uninstall_puts_everything_back_as_it_was(shell: Shell) -> None:
    before = shell.hook("pre-commit", "#!/bin/sh\nexit 0\n# mine\n")
    before.chmod(0o700)
    text = before.read_bytes()
    shell.keysweep("install")
    shell.keysweep("install")
    assert before.read_bytes() != text
    assert shell.keysweep("uninstall").returncode == 0
    assert before.read_bytes() == text
    assert stat.S_IMODE(before.stat().st_mode) == 0o700
    left = {path.name for path in (shell.repository.path / ".git" / "hooks").iterdir()}
    assert {name for name in left if not name.endswith(".sample")} == {"pre-commit"}


def test_uninstall_leaves_a_hook_that_somebody_else_put_there(shell: Shell) -> None:
    shell.keysweep("install")
    foreign = shell.hook("pre-commit", "#!/bin/sh\n# another tool\n")
    assert "left alone" in shell.keysweep("uninstall").stdout
    assert "another tool" in foreign.read_text()


def test_a_hooks_path_of_the_repository_is_respected(shell: Shell) -> None:
    shell.repository.git("config", "core.hooksPath", ".husky")
    shell.hook("pre-commit", "#!/bin/sh\necho husky\n", ".husky")
    shell.keysweep("install")
    assert (shell.repository.path / ".husky" / "pre-commit.before-keysweep").exists()
    shell.repository.stage("k.ini", PAIR)
    assert shell.run("git", "commit", "-m", "leak").returncode != 0


def test_a_linked_worktree_shares_the_hooks(shell: Shell, tmp_path: Path) -> None:
    shell.repository.commit()
    linked = tmp_path / "linked"
    shell.repository.git("worktree", "add", "-q", os.fspath(linked))
    done = shell.run(sys.executable, "-m", "keysweep", "install", cwd=linked)
    assert done.returncode == 0
    assert (shell.repository.path / ".git" / "hooks" / "pre-commit").exists()


def test_installed_globally_it_covers_every_repository_and_passes_their_own_hooks_on(shell: Shell) -> None:
    shell.hook("pre-commit", "#!/bin/sh\necho own pre-commit\n")
    shell.hook("post-commit", "#!/bin/sh\necho own post-commit\n")
    assert shell.keysweep("install", "--global").returncode == 0
    shell.repository.stage("a", "a\n")
    committed = shell.run("git", "commit", "-m", "x")
    assert committed.returncode == 0, committed.stderr
    assert "own pre-commit" in committed.stdout + committed.stderr
    assert "own post-commit" in committed.stdout + committed.stderr
    shell.repository.stage("k.ini", PAIR)
    assert shell.run("git", "commit", "-m", "leak").returncode != 0
    assert shell.keysweep("uninstall", "--global").returncode == 0
    assert shell.run("git", "config", "--global", "core.hooksPath").stdout == ""
    assert shell.run("git", "commit", "-m", "leak").returncode == 0


def test_a_hook_whose_python_is_gone_refuses_and_says_why(shell: Shell) -> None:
    shell.keysweep("install")
    hook = shell.repository.path / ".git" / "hooks" / "pre-commit"
    hook.write_text(hook.read_text().replace(sys.executable, "/nonexistent/python"))
    shell.environment["PATH"] = "/usr/bin:/bin"
    shell.repository.stage("a", "a\n")
    refused = shell.run("git", "commit", "-m", "x")
    assert refused.returncode != 0
    assert "run 'keysweep install' again" in refused.stderr


def test_outside_a_repository_install_says_what_to_do(shell: Shell, tmp_path: Path) -> None:
    outside = shell.run(sys.executable, "-m", "keysweep", "install", cwd=tmp_path)
    assert outside.returncode == 3
    assert "not a git repository" in outside.stderr
    assert "Traceback" not in outside.stderr


def bare(shell: Shell) -> Path:
    path = shell.home / "app.git"
    shell.repository.git("init", "-q", "--bare", os.fspath(path))
    return path


def test_uninstalled_from_a_server_everything_is_as_before(shell: Shell) -> None:
    server = bare(shell)
    theirs = server / "hooks" / "pre-receive"
    theirs.write_text("#!/bin/sh\n# theirs\n")
    theirs.chmod(0o700)
    before = {path.name: path.read_bytes() for path in (server / "hooks").iterdir()}
    assert "runs after it" in shell.keysweep("install", "--server", os.fspath(server)).stdout
    assert theirs.read_bytes() != before["pre-receive"]
    assert "is back" in shell.keysweep("uninstall", "--server", os.fspath(server)).stdout
    assert {path.name: path.read_bytes() for path in (server / "hooks").iterdir()} == before
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o700
    assert "left alone" in shell.keysweep("uninstall", "--server", os.fspath(server)).stdout


def test_installed_on_a_server_it_holds_what_it_is_called_with_and_nothing_runs_of_it(shell: Shell) -> None:
    server = bare(shell)
    contact = "$(touch ran) `touch ran` 'it\"s\n"
    (shell.home / "a b.toml").write_text("")
    options = ("--contact", contact, "--config", "../home/a b.toml", "--timeout", "30", "--pragmas")
    assert shell.keysweep("install", "--server", os.fspath(server), *options).returncode == 0
    shell.repository.stage("k.ini", PAIR)
    shell.repository.commit()
    refused = shell.run("git", "push", os.fspath(server), "main")
    assert refused.returncode != 0
    assert "refuses this push" in refused.stderr
    assert "touch ran" in refused.stderr
    assert not (server / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--server", "."), "is no bare repository"),
        (("--server", "nowhere"), "is no directory"),
        (("--server", "{bare}", "--global"), "leave out --global"),
        (("--server", "{bare}", "--stage", "pre-push"), "leave out --global and --stage"),
        (("--contact", "me"), "go with --server"),
        (("--server", "{bare}", "--config", "gone.toml"), "gone.toml cannot be read"),
    ],
)
def test_what_cannot_be_installed_on_a_server_is_said_at_once(
    shell: Shell, arguments: tuple[str, ...], said: str
) -> None:
    server = bare(shell)
    before = set((server / "hooks").iterdir())
    done = shell.keysweep("install", *(each.format(bare=server) for each in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert set((server / "hooks").iterdir()) == before


def test_a_server_whose_hooks_git_would_not_run_is_no_place_to_install_them(shell: Shell) -> None:
    server = bare(shell)
    assert shell.keysweep("install", "--global").returncode == 0
    refused = shell.keysweep("install", "--server", os.fspath(server))
    assert refused.returncode == 2
    command = refused.stderr.split("`")[1]
    assert shell.run("sh", "-c", command).returncode == 0
    assert shell.keysweep("install", "--server", os.fspath(server)).returncode == 0
    shell.repository.stage("k.ini", PAIR)
    shell.repository.commit()
    assert "refuses this push" in shell.run("git", "push", "--no-verify", os.fspath(server), "main").stderr
