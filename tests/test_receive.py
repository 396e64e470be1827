"""`keysweep hook pre-receive` as git runs it on a server: what it refuses, why, and what it needs for that."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.pushing import Pusher, Server, keysweep
from tests.repositories import environment
from tests.test_hook import HOSTILE_SETTINGS, Trap, everything_below

RNG = random.Random(78)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ZEROS = "0" * 40


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "app.git")


@pytest.fixture
def pusher(tmp_path: Path) -> Pusher:
    return Pusher(tmp_path / "pusher")


def judged(
    server: Server, new: str, *options: str, ref: str = "refs/heads/main", **variables: str
) -> subprocess.CompletedProcess[str]:
    """The hook's answer to a push of `new`, whose objects are in the server already, but no ref of it is."""
    stdin = f"{ZEROS} {new} {ref}\n"
    done = keysweep("hook", "pre-receive", *options, cwd=server.path, stdin=stdin, GIT_DIR=".", **variables)
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert done.stdout == ""
    return done


def sent(pusher: Pusher, server: Server) -> str:
    """The newest commit, once the server has it without a ref."""
    assert pusher.push(server, "HEAD:refs/heads/passing").returncode == 0
    server.git("update-ref", "-d", "refs/heads/passing")
    return pusher.git("rev-parse", "HEAD").decode().strip()


def committed(pusher: Pusher, server: Server, **files: str | bytes) -> str:
    for name, content in files.items():
        pusher.stage(f"{name}.ini", content)
    pusher.commit()
    return sent(pusher, server)


def told_of(server: Server, new: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in the server that is told of a new branch, as git tells it."""
    return subprocess.run(
        command,
        cwd=server.path,
        env=environment(),
        input=f"{ZEROS} {new} refs/heads/main\n",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def in_one_line(said: str) -> str:
    return " ".join(said.split())


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("", "and got none: pass standard input on"),
        ("a b c\n", "got something else"),
        (f"{ZEROS} --all refs/heads/main\n", "got something else"),
        (f"{ZEROS} {'1' * 40}\n", "got something else"),
    ],
)
def test_lines_that_git_never_writes_let_nothing_in(server: Server, stdin: str, said: str) -> None:
    done = keysweep("hook", "pre-receive", cwd=server.path, stdin=stdin)
    assert done.returncode == 2
    assert said in in_one_line(done.stderr)


@pytest.mark.parametrize(
    "options", [("--force",), ("--config",), ("--timeout", "0"), ("--timeout=soon",), ("--timeout", "9" * 5000)]
)
def test_an_option_that_is_none_lets_nothing_in(server: Server, options: tuple[str, ...]) -> None:
    done = judged(server, "1" * 40, *options)
    assert done.returncode == 2
    assert "could not judge it" in done.stderr
    assert len(done.stderr) < 6000


def test_outside_of_a_repository_it_refuses_and_says_so(tmp_path: Path) -> None:
    done = keysweep("hook", "pre-receive", cwd=tmp_path, stdin=f"{ZEROS} {'1' * 40} refs/heads/main\n")
    assert done.returncode == 3
    assert "not a git repository" in in_one_line(done.stderr)


def test_only_deletions_need_no_look(server: Server) -> None:
    assert judged(server, ZEROS).returncode == 0


def test_what_a_framework_says_of_another_push_counts_for_nothing(server: Server, pusher: Pusher) -> None:
    clean = committed(pusher, server, a="clean\n")
    new = committed(pusher, server, k=PAIR)
    assert judged(server, new, PRE_COMMIT_TO_REF=clean, PRE_COMMIT_FROM_REF=clean).returncode == 1


def test_objects_in_quarantine_are_read_in_that_quarantine_only(
    server: Server, pusher: Pusher, tmp_path: Path
) -> None:
    pusher.stage("k.ini", PAIR)
    pusher.commit()
    run = f"exec {sys.executable} -m keysweep hook pre-receive\n"
    server.hook(f"#!/bin/sh\nunset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY\n{run}")
    refused = pusher.push(server)
    assert refused.returncode != 0
    assert "which is pushed, cannot be read" in in_one_line(refused.stderr).replace("remote: ", "")
    other = Server(tmp_path / "other.git")
    new = sent(pusher, other)
    done = judged(server, new, GIT_OBJECT_DIRECTORY=os.fspath(other.path / "objects"))
    assert done.returncode == 3
    assert "is no quarantine of" in in_one_line(done.stderr)
    beside = os.fspath(server.path / "objects")
    objects = {"GIT_OBJECT_DIRECTORY": os.fspath(other.path / "objects")}
    assert judged(server, new, GIT_ALTERNATE_OBJECT_DIRECTORIES=beside, **objects).returncode == 1


def test_no_other_command_reads_objects_from_where_the_environment_says(pusher: Pusher, tmp_path: Path) -> None:
    pusher.stage("k.ini", PAIR)
    (tmp_path / "empty").mkdir()
    variables = {"GIT_OBJECT_DIRECTORY": os.fspath(tmp_path / "empty"), "GIT_QUARANTINE_PATH": os.fspath(tmp_path)}
    for command in (("hook", "pre-commit"), ("scan", "--staged")):
        done = keysweep(*command, cwd=pusher.path, **variables)
        assert done.returncode == 1, done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("fail-on = \n", "no valid TOML"), ('allow = ["x"]\n', "fingerprints"), ('baseline = "gone"\n', "not there")],
)
def test_a_mistake_of_the_administrator_lets_nothing_in_and_names_whom_to_ask(
    server: Server, pusher: Pusher, text: str, said: str
) -> None:
    server.write("keysweep.toml", text)
    done = judged(server, committed(pusher, server, a="clean\n"), "--contact", "the admins")
    assert done.returncode == 2
    assert said in in_one_line(done.stderr)
    assert "ask the admins" in done.stderr
    missing = judged(server, ZEROS, "--config", "/nowhere/keysweep.toml")
    assert missing.returncode == 2


def test_what_cannot_be_read_is_refused_and_named_and_findings_win(server: Server, pusher: Pusher) -> None:
    new = committed(pusher, server, a="some text\n")
    blob = pusher.git("rev-parse", "HEAD:a.ini").decode().strip()
    (server.path / "objects" / blob[:2] / blob[2:]).unlink()
    done = judged(server, new)
    assert done.returncode == 3
    assert "some of it could not be scanned" in done.stderr
    assert f"a.ini (commit {new[:12]})" in done.stderr
    pusher.stage("k.ini", PAIR)
    pusher.git("commit", "-q", "-m", "leak")
    new = pusher.git("rev-parse", "HEAD").decode().strip()
    pack = pusher.git("pack-objects", "--stdout", "--revs", stdin=f"{new}\n^{new}~1\n".encode())
    command = ["git", "-C", os.fspath(server.path), "unpack-objects", "-q"]
    subprocess.run(command, env=environment(), input=pack, check=True)
    both = judged(server, new)
    assert both.returncode == 1
    assert "k.ini:1:21" in both.stderr
    assert "Some of it could not be scanned" in both.stderr


def test_a_damaged_tree_is_refused(server: Server, pusher: Pusher) -> None:
    new = committed(pusher, server, a="some text\n")
    tree = pusher.git("rev-parse", "HEAD^{tree}").decode().strip()
    path = server.path / "objects" / tree[:2] / tree[2:]
    path.chmod(0o600)
    path.write_bytes(b"\x78\x9c damaged")
    done = judged(server, new)
    assert done.returncode == 3
    assert "commit (commit " in done.stderr


def test_a_limit_that_is_reached_is_refused_until_the_administrator_excludes_the_path(
    server: Server, pusher: Pusher
) -> None:
    server.write("keysweep.toml", "[limits]\nmember-bytes = 1000\n")
    new = committed(pusher, server, packed=gzip.compress(b"some text\n" * 1000))
    done = judged(server, new)
    assert done.returncode == 3
    assert "packed.ini" in done.stderr
    assert "Nothing was let in" in done.stderr
    server.write("keysweep.toml", 'exclude = ["packed.ini"]\n[limits]\nmember-bytes = 1000\n')
    excluded = judged(server, new)
    assert excluded.returncode == 0
    assert "1 suppressed by configuration" in excluded.stderr


def test_a_push_that_takes_too_long_is_refused(server: Server, tmp_path: Path) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 5\n")
    slow.chmod(0o755)
    path = f"{slow.parent}:{os.environ['PATH']}"
    done = judged(server, "1" * 40, "--timeout", "1", PATH=path)
    assert done.returncode == 3
    assert "it took longer than 1 s" in in_one_line(done.stderr)


def test_a_tree_with_more_files_than_there_is_memory_for_is_refused(server: Server, pusher: Pusher) -> None:
    entry = pusher.git("hash-object", "-w", "--stdin", stdin=b"boo\n").decode().strip()
    kind = "100644 blob"
    for _ in range(8):
        lines = "".join(f"{kind} {entry}\t{number}\n" for number in range(10))
        entry, kind = pusher.git("mktree", stdin=lines.encode()).decode().strip(), "040000 tree"
    new = pusher.git("commit-tree", "-m", "a bomb", entry).decode().strip()
    pusher.git("update-ref", "refs/heads/main", new)
    assert sent(pusher, server) == new
    command = f"ulimit -v 400000; exec {sys.executable} -m keysweep hook pre-receive"
    done = told_of(server, new, "sh", "-c", command)
    assert done.returncode == 3, done.stderr
    assert "refuses this push" in done.stderr


@pytest.mark.parametrize("content", ["clean\n", PAIR], ids=["clean", "leak"])
def test_nothing_is_written_into_the_repository(server: Server, pusher: Pusher, content: str) -> None:
    new = committed(pusher, server, a=content)
    before = everything_below(server.path)
    judged(server, new)
    assert everything_below(server.path) == before


def test_no_setting_of_the_repository_runs_code_or_hides_a_key(
    server: Server, pusher: Pusher, tmp_path: Path
) -> None:
    pusher.stage(".gitattributes", "* -diff filter=trap\n")
    new = committed(pusher, server, k=PAIR)
    trap = Trap(tmp_path)
    for name, value in HOSTILE_SETTINGS.items():
        server.git("config", name, value.format(trap=trap.program, directory=tmp_path))
    assert judged(server, new).returncode == 1
    assert not trap.mark.exists()


def test_names_from_outside_reach_the_pushers_terminal_harmless(server: Server, pusher: Pusher) -> None:
    pusher.stage(b"evil\x1b[2J\n\xff\xe2\x80\xae.ini", PAIR)
    pusher.stage("./::error::x.ini", f"{PAIR} again\n")
    pusher.commit()
    done = judged(server, sent(pusher, server), ref="refs/heads/\x1b]0;evil\x07", FORCE_COLOR="1")
    assert done.returncode == 1
    assert "evil\\x1b[2J\\n\\xff\\u202e.ini:1:21" in done.stderr
    assert all(line.isprintable() for line in done.stderr.split("\n"))
    assert not any(line.strip().startswith("::") for line in done.stderr.split("\n"))


def test_many_leaks_are_told_in_a_few_lines(server: Server, pusher: Pusher) -> None:
    rng = random.Random(5)
    files = {
        f"f{n:02}": f"aws_access_key_id={key_id(rng)}\naws_secret_access_key={secret(rng)}\n" for n in range(25)
    }
    done = judged(server, committed(pusher, server, **files))
    assert done.returncode == 1
    assert "it brings 25 leaked credentials" in done.stderr
    assert "15 more are not shown" in done.stderr
    assert done.stderr.count("\n") < 150


def test_one_leak_in_many_files_is_told_once(server: Server, pusher: Pusher) -> None:
    done = judged(
        server, committed(pusher, server, **{f"f{number}": f"# {number}\n{PAIR}" for number in range(9)})
    )
    assert "it brings 1 leaked credential." in done.stderr
    assert "and 5 more" in done.stderr


def test_a_lone_key_id_is_told_and_let_in_unless_the_administrator_says_otherwise(
    server: Server, pusher: Pusher
) -> None:
    new = committed(pusher, server, a=f"see {ID}\n")
    done = judged(server, new)
    assert done.returncode == 0
    assert "1 finding too light to hold up a push" in done.stderr
    server.write("keysweep.toml", 'fail-on = "low"\n')
    assert judged(server, new).returncode == 1


def test_gitlab_gets_lines_that_it_shows(server: Server, pusher: Pusher) -> None:
    new = committed(pusher, server, k=PAIR)
    lines = judged(server, new, GL_REPOSITORY="project-1").stderr.splitlines()
    assert lines
    assert all(line.startswith("GL-HOOK-ERR: ") for line in lines)


def test_a_clean_push_loads_no_network_and_no_command_line(server: Server, pusher: Pusher) -> None:
    from tests.test_architecture import NEVER_IN_A_HOOK

    new = committed(pusher, server, a="clean\n")
    done = told_of(server, new, sys.executable, "-X", "importtime", "-m", "keysweep", "hook", "pre-receive")
    assert done.returncode == 0
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "keysweep.sources.received" in loaded
    assert not loaded & NEVER_IN_A_HOOK
