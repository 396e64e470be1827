"""`keysweep hook` as git runs it: a process in a real repository, judged by its exit code and what it prints."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.repositories import Repository, environment

RNG = random.Random(21)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ZEROS = "0" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def hook(cwd: Path, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "hook", *(arguments or ("pre-commit",))],
        cwd=cwd,
        env=environment() | {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"} | variables,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert done.stdout == ""
    return done


def pushed(repository: Repository) -> str:
    """The line git gives to a pre-push hook for a new branch."""
    head = repository.git("rev-parse", "HEAD").decode().strip()
    return f"refs/heads/main {head} refs/heads/main {ZEROS}\n"


def one_sentence(text: str) -> bool:
    return text.startswith("keysweep: ") and text.endswith((".\n", "?\n")) and text.count("\n") == 1


def test_a_clean_change_goes_through_without_a_word(repository: Repository) -> None:
    repository.stage("a.txt", "nothing here\n")
    done = hook(repository.path)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_staged_goes_through_without_a_word(repository: Repository) -> None:
    done = hook(repository.path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pair_is_refused_with_what_where_why_and_what_to_do(repository: Repository) -> None:
    repository.stage("conf/prod.ini", PAIR)
    done = hook(repository.path)
    assert done.returncode == 1
    for part in ("conf/prod.ini:1:21", ID, f"{SECRET[:4]}…", "why", "refused this", "Take it out", "Rotate it"):
        assert part in done.stderr


def test_a_lone_key_id_is_shown_and_let_through(repository: Repository) -> None:
    repository.stage("a.txt", f"see {ID}\n")
    done = hook(repository.path)
    assert done.returncode == 0
    assert ID in done.stderr
    assert "refused" not in done.stderr


def test_a_lone_key_id_is_refused_where_the_configuration_says_so(repository: Repository) -> None:
    repository.stage("keysweep.toml", 'fail-on = "low"\n')
    repository.stage("a.txt", f"see {ID}\n")
    done = hook(repository.path)
    assert done.returncode == 1
    assert "refused" in done.stderr


def test_a_file_that_cannot_be_scanned_stops_the_commit_and_is_named(repository: Repository) -> None:
    repository.stage("a.txt", f"see {ID}\n")
    blob = repository.git("rev-parse", ":a.txt").decode().strip()
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    done = hook(repository.path)
    assert done.returncode == 3
    assert "incomplete  a.txt" in done.stderr
    assert "incomplete" in done.stderr


def test_findings_win_over_what_could_not_be_scanned(repository: Repository) -> None:
    repository.stage("a.txt", f"see {ID}\n")
    repository.stage("k.ini", PAIR)
    blob = repository.git("rev-parse", ":a.txt").decode().strip()
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    done = hook(repository.path)
    assert done.returncode == 1
    assert "incomplete  a.txt" in done.stderr
    assert "k.ini:1:21" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("keysweep.toml", "fail-on = \n", "keysweep.toml is no valid TOML"),
        ("keysweep.toml", 'fail-on = "never"\n', "`fail-on` has to be one of"),
        ("keysweep.toml", "exlude = []\n", "did you mean `exclude`"),
        ("keysweep.toml", b"\xff\xfe", "keysweep.toml is not UTF-8"),
        ("keysweep.toml", '[[rules]]\nname = "r"\npattern = "("\n', "no regular expression"),
        ("pyproject.toml", "[tool.keysweep]\nfail-on = 3\n", "pyproject.toml: `fail-on`"),
        ("keysweep.toml/inside", "", "keysweep.toml cannot be read"),
    ],
)
@pytest.mark.parametrize("content", ["clean\n", PAIR], ids=["clean", "leak"])
def test_a_broken_configuration_is_one_sentence_and_exit_2(
    repository: Repository, name: str, text: str | bytes, said: str, content: str
) -> None:
    repository.write(name, text)
    repository.stage("a.txt", content)
    done = hook(repository.path)
    assert done.returncode == 2
    assert said in done.stderr
    assert one_sentence(done.stderr)


def test_a_configuration_that_links_out_of_the_repository_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.toml").write_text('fail-on = "critical"\n')
    (repository.path / "keysweep.toml").symlink_to(tmp_path / "elsewhere.toml")
    repository.stage("k.ini", PAIR)
    done = hook(repository.path)
    assert done.returncode == 2
    assert "link out of its directory" in done.stderr


def test_outside_a_repository_the_hook_says_so_in_one_sentence(tmp_path: Path) -> None:
    done = hook(tmp_path)
    assert done.returncode == 3
    assert "this is not a git repository" in done.stderr
    assert one_sentence(done.stderr)


@pytest.mark.parametrize("arguments", [("",), ("post-commit",), ("commit-msg",), ("--help",)])
def test_a_stage_that_does_not_exist_is_exit_2_and_names_those_that_do(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    done = hook(repository.path, *arguments)
    assert done.returncode == 2
    assert "pre-commit, commit-msg FILE, or pre-push" in done.stderr
    assert one_sentence(done.stderr)


def test_without_git_the_hook_refuses_and_says_what_is_missing(repository: Repository, tmp_path: Path) -> None:
    repository.stage("k.ini", PAIR)
    done = hook(repository.path, PATH=os.fspath(tmp_path))
    assert done.returncode == 3
    assert "git was not found on the PATH" in done.stderr


def test_a_hostile_file_name_reaches_the_terminal_harmless(repository: Repository) -> None:
    repository.stage(b"./evil\x1b[2J\n\xff\xe2\x80\xae.ini", PAIR)
    done = hook(repository.path)
    assert done.returncode == 1
    assert "evil\\x1b[2J\\n\\xff\\u202e.ini:1:21" in done.stderr
    assert all(line.isprintable() for line in done.stderr.split("\n"))


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"CI": "true"}])
def test_a_log_gets_no_colour(repository: Repository, variables: dict[str, str]) -> None:
    repository.stage("k.ini", PAIR)
    assert "\x1b" not in hook(repository.path, **variables).stderr


def test_colour_can_be_forced(repository: Repository) -> None:
    repository.stage("k.ini", PAIR)
    assert "\x1b[1;31m" in hook(repository.path, FORCE_COLOR="1").stderr


def test_a_message_with_a_pair_is_refused_and_a_clean_one_is_not(repository: Repository, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_text(f"Add login\n\n{PAIR}")
    refused = hook(repository.path, "commit-msg", os.fspath(message))
    assert refused.returncode == 1
    assert "commit message:3:21" in refused.stderr
    message.write_text("Add login\n")
    clean = hook(repository.path, "commit-msg", os.fspath(message))
    assert (clean.returncode, clean.stderr) == (0, "")


def test_a_message_that_cannot_be_read_stops_the_commit(repository: Repository) -> None:
    done = hook(repository.path, "commit-msg", "nowhere")
    assert done.returncode == 3
    assert "nowhere cannot be read" in done.stderr
    assert one_sentence(done.stderr)


def test_a_push_of_a_pair_is_refused_and_names_the_commit(repository: Repository) -> None:
    repository.stage("a", "a\n")
    repository.commit()
    clean = hook(repository.path, "pre-push", "origin", "url", stdin=pushed(repository))
    assert (clean.returncode, clean.stderr) == (0, "")
    repository.stage("k.ini", PAIR)
    leak = repository.commit("leak")
    refused = hook(repository.path, "pre-push", "origin", "url", stdin=pushed(repository))
    assert refused.returncode == 1
    assert f"(commit {leak[:12]})" in refused.stderr


def test_lines_that_git_never_writes_are_refused(repository: Repository) -> None:
    done = hook(repository.path, "pre-push", "origin", "url", stdin="--upload-pack=touch x y z\n")
    assert done.returncode == 2
    assert one_sentence(done.stderr)


def everything_below(directory: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Every entry with its mode, size, time of change and content."""
    seen = {}
    for path in (directory, *sorted(directory.rglob("*"))):
        about = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        seen[os.fspath(path)] = (about.st_mode, about.st_size, about.st_mtime_ns, content)
    return seen


@pytest.mark.parametrize("content", ["clean\n", PAIR], ids=["clean", "leak"])
def test_the_hook_writes_nothing_into_the_repository(repository: Repository, tmp_path: Path, content: str) -> None:
    repository.stage("old", "old\n")
    repository.commit()
    repository.stage("new.ini", content)
    repository.write("untracked", "x")
    os.utime(repository.path / "old", (1, 1))  # a stale index entry, which a careless git would refresh
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    before = everything_below(tmp_path)
    variables = {"HOME": os.fspath(home), "TMPDIR": os.fspath(temporary), "XDG_CACHE_HOME": os.fspath(home)}
    hook(repository.path, **variables)
    hook(repository.path, "pre-push", "origin", "url", stdin=pushed(repository), **variables)
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize(("content", "code"), [("clean\n", 0), (PAIR, 1)], ids=["clean", "leak"])
def test_the_hook_opens_no_socket(repository: Repository, tmp_path: Path, content: str, code: int) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith(('socket.', 'urllib.', 'http.', 'ftplib.', 'smtplib.')):\n"
        f"        open({os.fspath(marker)!r}, 'a').write(event)\n"
        "        raise SystemExit(99)\n"
        "sys.addaudithook(refuse)\n"
    )
    variables = {"PYTHONPATH": os.fspath(tmp_path)}
    probe = "import socket; socket.socket()"
    probed = subprocess.run([sys.executable, "-c", probe], env=environment() | variables, check=False)
    assert probed.returncode == 99
    marker.unlink()
    repository.stage("a.ini", content)
    assert hook(repository.path, **variables).returncode == code
    message = repository.write("message", content)
    assert hook(repository.path, "commit-msg", os.fspath(message), **variables).returncode == code
    repository.commit()
    done = hook(repository.path, "pre-push", "origin", "url", stdin=pushed(repository), **variables)
    assert done.returncode == code
    assert not marker.exists()


class Trap:
    """A program that leaves a mark when anything runs it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = directory / "mark"
        self.program = self.named("trap")

    def named(self, name: str) -> Path:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\necho run >> '{self.mark}'\n")
        path.chmod(0o755)
        return path


HOSTILE_SETTINGS = {
    "core.fsmonitor": "{trap}",
    "core.pager": "{trap}",
    "pager.diff": "{trap}",
    "core.editor": "{trap}",
    "core.askPass": "{trap}",
    "core.sshCommand": "{trap}",
    "core.gitProxy": "{trap}",
    "core.alternateRefsCommand": "{trap}",
    "core.hooksPath": "{directory}",
    "diff.external": "{trap}",
    "diff.trap.command": "{trap}",
    "diff.trap.textconv": "{trap}",
    "diff.trap.binary": "true",
    "filter.trap.clean": "{trap}",
    "filter.trap.smudge": "{trap}",
    "filter.trap.process": "{trap}",
    "filter.trap.required": "true",
    "merge.trap.driver": "{trap}",
    "credential.helper": "{trap}",
    "gpg.program": "{trap}",
    "log.showSignature": "true",
    "interactive.diffFilter": "{trap}",
    "alias.diff": "!{trap}",
    "alias.cat-file": "!{trap}",
    "uploadpack.packObjectsHook": "{trap}",
    "core.attributesFile": "{directory}/attributes",
}


def test_a_hostile_repository_runs_no_code_in_any_stage_and_hides_nothing(
    repository: Repository, tmp_path: Path
) -> None:
    trap = Trap(tmp_path)
    for name in ("pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        trap.named(name)
        (repository.path / ".git" / "hooks" / name).write_text(trap.program.read_text())
        (repository.path / ".git" / "hooks" / name).chmod(0o755)
    (tmp_path / "attributes").write_text("* -diff filter=trap\n")
    repository.stage("old.ini", "x = 1\n")
    repository.commit()
    repository.stage("old.ini", PAIR)
    repository.stage(".gitattributes", "* diff=trap filter=trap merge=trap -text\n")
    repository.write(".git/info/attributes", "* diff=trap filter=trap merge=trap\n")
    message = repository.write("message", PAIR)
    repository.commit()
    line = pushed(repository)
    repository.git("reset", "-q", "--soft", "HEAD~1")
    for name, value in HOSTILE_SETTINGS.items():
        repository.git("config", name, value.format(trap=trap.program, directory=tmp_path))
    trap.mark.unlink(missing_ok=True)
    for arguments, stdin in (
        (("pre-commit",), ""),
        (("commit-msg", os.fspath(message)), ""),
        (("pre-push", "origin", "url"), line),
    ):
        done = hook(repository.path, *arguments, stdin=stdin)
        assert done.returncode == 1, done.stderr
        assert ID in done.stderr
        assert not trap.mark.exists(), arguments


def test_the_traps_of_that_test_do_catch_a_git_that_is_not_hardened(
    repository: Repository, tmp_path: Path
) -> None:
    trap = Trap(tmp_path)
    repository.stage("a.ini", PAIR)
    repository.git("config", "diff.external", os.fspath(trap.program))
    repository.git("diff", "--cached")
    assert trap.mark.exists()


def test_a_missing_object_of_a_hostile_partial_clone_runs_no_transport(
    repository: Repository, tmp_path: Path
) -> None:
    trap = Trap(tmp_path)
    repository.stage("a.ini", PAIR)
    blob = repository.git("rev-parse", ":a.ini").decode().strip()
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "evil",
        "remote.evil.promisor": "true",
        "remote.evil.url": f"ext::{trap.program}",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
    }.items():
        repository.git("config", name, value)
    done = hook(repository.path)
    assert done.returncode == 3
    assert "not in this repository" in done.stderr
    assert not trap.mark.exists()


@pytest.mark.parametrize("variable", ["GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS"])
def test_programs_named_in_the_environment_are_not_run(
    repository: Repository, tmp_path: Path, variable: str
) -> None:
    trap = Trap(tmp_path)
    repository.stage("a.ini", PAIR)
    assert hook(repository.path, **{variable: os.fspath(trap.program)}).returncode == 1
    assert not trap.mark.exists()


def test_a_trace_asked_for_in_the_environment_is_not_written(repository: Repository, tmp_path: Path) -> None:
    repository.stage("a.ini", PAIR)
    hook(repository.path, GIT_TRACE=os.fspath(tmp_path / "trace"), GIT_TRACE2_EVENT=os.fspath(tmp_path / "events"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository"]
