"""A server that keysweep guards: real pushes, let in or refused, and what is left of the refused ones."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.pushing import Pusher, Server, served
from tests.repositories import Repository

RNG = random.Random(77)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    server = Server(tmp_path / "srv" / "app.git")
    server.install()
    return server


@pytest.fixture
def pusher(server: Server, tmp_path: Path) -> Pusher:
    """Somebody whose first commit the server has."""
    pusher = Pusher(tmp_path / "pusher")
    pusher.stage("readme", "hello\n")
    pusher.commit("first")
    assert pusher.push(server).returncode == 0
    return pusher


def leak(pusher: Repository, name: str = "conf/prod.ini") -> str:
    pusher.stage(name, PAIR)
    return pusher.commit("add a configuration")


@pytest.mark.parametrize("how", ["path", "file", "git", "http"])
def test_a_clean_push_is_let_in_without_a_word_and_a_key_is_refused(
    server: Server, pusher: Pusher, how: str
) -> None:
    with served(server, how) as address:
        pusher.stage("a", "clean\n")
        clean = pusher.commit("clean")
        done = pusher.push(address)
        assert done.returncode == 0, done.stderr
        assert "keysweep" not in done.stderr
        assert server.refs() == {"refs/heads/main": clean}
        before = server.files()
        leaking = leak(pusher)
        refused = pusher.push(address)
    assert refused.returncode != 0
    assert "(pre-receive hook declined)" in refused.stderr
    assert f"remote:   conf/prod.ini:1:21 (commit {leaking[:12]})  key ID" in refused.stderr
    assert server.refs() == {"refs/heads/main": clean}
    assert not server.has(leaking)
    assert not server.has(pusher.git("rev-parse", "HEAD:conf/prod.ini").decode().strip())
    assert server.files() == before


def test_the_refusal_says_what_where_why_and_what_to_do_and_shows_no_secret(
    server: Server, pusher: Pusher
) -> None:
    leaking = leak(pusher)
    said = pusher.push(server, FORCE_COLOR="1", CI="true").stderr
    for part in (
        "keysweep refuses this push: it brings 1 leaked credential.",
        "HIGH  AWS access key with its secret",
        ID,
        f"conf/prod.ini:2:25 (commit {leaking[:12]})  secret {SECRET[:4]}…(40 characters)",
        "why: ",
        "fingerprint ",
        "Rotate it now: it was sent to this server already",
        "git rebase -i",
        "ask whoever runs this server",
    ):
        assert part in said
    assert SECRET not in said
    told = [line for line in said.split("\n") if line.startswith("remote:")]
    assert len(told) < 30
    assert all(line.removesuffix("\x1b[K").isprintable() for line in told)


def test_a_first_push_to_an_empty_server_is_judged_whole(server: Server, tmp_path: Path) -> None:
    pusher = Pusher(tmp_path / "new")
    leak(pusher)
    pusher.git("rm", "-q", "conf/prod.ini")
    pusher.commit("remove it")
    assert pusher.push(server).returncode != 0
    assert server.refs() == {}
    pusher.git("checkout", "-q", "--orphan", "clean")
    pusher.stage("a", "a\n")
    pusher.commit("clean")
    assert pusher.push(server, "clean").returncode == 0


def test_a_key_that_a_later_commit_of_the_push_removes_is_refused(server: Server, pusher: Pusher) -> None:
    leaking = leak(pusher)
    pusher.git("rm", "-q", "conf/prod.ini")
    pusher.commit("remove it")
    refused = pusher.push(server)
    assert refused.returncode != 0
    assert f"(commit {leaking[:12]})" in refused.stderr
    assert not server.has(leaking)


def test_what_the_server_has_already_holds_up_no_push(server: Server, pusher: Pusher) -> None:
    hook = server.path / "hooks" / "pre-receive"
    hook.chmod(0o644)
    leak(pusher)
    assert pusher.push(server).returncode == 0
    hook.chmod(0o755)
    pusher.stage("conf/prod.ini", f"# still here\n{PAIR}")
    pusher.commit("move a line")
    assert pusher.push(server).returncode == 0
    assert pusher.push(server, "main:refs/heads/other").returncode == 0


def test_a_message_and_the_message_of_a_tag_are_judged(server: Server, pusher: Pusher) -> None:
    pusher.commit(f"log in\n\n{PAIR}")
    refused = pusher.push(server)
    assert "commit message:" in refused.stderr
    assert refused.returncode != 0
    pusher.git("reset", "-q", "--hard", "HEAD~1")
    pusher.git("tag", "-a", "v1", "-m", PAIR)
    tag = pusher.git("rev-parse", "v1").decode().strip()
    refused = pusher.push(server, "v1")
    assert refused.returncode != 0
    assert f"(tag {tag[:12]})" in refused.stderr
    assert not server.has(tag)


def test_a_tag_in_a_tag_and_what_a_tag_or_a_ref_names_beside_commits_is_judged(
    server: Server, pusher: Pusher
) -> None:
    pusher.git("tag", "-a", "inner", "-m", PAIR)
    pusher.git("tag", "-a", "outer", "-m", "clean", "inner")
    assert pusher.push(server, "outer").returncode != 0
    blob = pusher.git("hash-object", "-w", "--stdin", stdin=PAIR.encode()).decode().strip()
    pusher.git("tag", "-a", "of-a-blob", "-m", "clean", blob)
    tree = pusher.git("mktree", stdin=f"100644 blob {blob}\tdeep.ini\n".encode()).decode().strip()
    pusher.git("update-ref", "refs/odd/tree", tree)
    pusher.git("update-ref", "refs/odd/blob", blob)
    for ref, path in (
        ("refs/tags/of-a-blob", "refs/tags/of-a-blob:1:21"),
        ("refs/odd/tree", "deep.ini:1:21"),
        ("refs/odd/blob", "refs/odd/blob:1:21"),
    ):
        refused = pusher.push(server, f"{ref}:{ref}")
        assert refused.returncode != 0, ref
        assert path in refused.stderr
    assert not server.has(blob)
    pusher.git("tag", "-a", "fine", "-m", "clean")
    assert pusher.push(server, "fine").returncode == 0
    assert pusher.push(server, "fine:refs/tags/again").returncode == 0


def test_a_forced_push_is_judged_by_what_it_brings(server: Server, pusher: Pusher) -> None:
    pusher.git("commit", "-q", "--amend", "-m", "another first")
    assert pusher.push(server, "--force", "main").returncode == 0
    now = server.refs()
    leak(pusher)
    pusher.git("reset", "-q", "--soft", "HEAD~1")
    pusher.git("commit", "-q", "--amend", "-m", "with a key")
    assert pusher.push(server, "--force", "main").returncode != 0
    assert server.refs() == now


def test_a_merge_is_judged_for_what_no_parent_had(server: Server, pusher: Pusher) -> None:
    pusher.git("checkout", "-q", "-b", "side")
    pusher.stage("side", "side\n")
    pusher.commit("side")
    pusher.git("checkout", "-q", "main")
    pusher.stage("main", "main\n")
    pusher.commit("main")
    pusher.git("merge", "-q", "--no-ff", "--no-commit", "side")
    pusher.stage("evil.ini", PAIR)
    pusher.commit("merge")
    refused = pusher.push(server)
    assert refused.returncode != 0
    assert "evil.ini:1:21" in refused.stderr


def test_deletions_are_let_in_and_of_several_refs_one_key_refuses_all(server: Server, pusher: Pusher) -> None:
    assert pusher.push(server, "main:refs/heads/old", "main:refs/heads/older").returncode == 0
    assert pusher.push(server, ":old").returncode == 0
    pusher.git("checkout", "-q", "-b", "clean")
    pusher.stage("a", "a\n")
    pusher.commit("clean")
    pusher.git("checkout", "-q", "-b", "leaking")
    leak(pusher)
    before = server.refs()
    assert pusher.push(server, "clean", "leaking", ":older").returncode != 0
    assert server.refs() == before
    assert pusher.push(server, "clean", ":older").returncode == 0
    assert set(server.refs()) == {"refs/heads/main", "refs/heads/clean"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keysweep.toml", 'exclude = ["conf/"]\nfail-on = "critical"\n'),
        ("pyproject.toml", '[tool.keysweep]\nexclude = ["conf/"]\n'),
        (".keysweep-baseline", "{fingerprint}"),
        ("conf/prod.ini", PAIR.replace("\n", "  # keysweep:allow reason: I may\n")),
    ],
    ids=["configuration", "pyproject", "baseline", "pragma"],
)
def test_nothing_that_is_pushed_silences_what_is_pushed(
    server: Server, pusher: Pusher, name: str, text: str
) -> None:
    leak(pusher)
    said = pusher.push(server).stderr
    entry = '{"fingerprint": "%s", "added": "2026-01-01", "owner": "me", "reason": "mine"}\n'
    pusher.stage(name, text.replace("{fingerprint}", entry % fingerprint(said)))
    pusher.git("commit", "-q", "--amend", "-m", "with a word of its own")
    refused = pusher.push(server)
    assert refused.returncode != 0
    assert "refuses this push" in refused.stderr
    if name == "conf/prod.ini":
        assert "it came with what it would allow" in " ".join(refused.stderr.split()).replace("remote: ", "")


def fingerprint(said: str) -> str:
    return said.split("fingerprint ")[1][:32]


def test_what_the_administrator_allows_is_let_in_and_told(server: Server, pusher: Pusher, tmp_path: Path) -> None:
    leak(pusher)
    allowed = fingerprint(pusher.push(server).stderr)
    server.write("keysweep.toml", f'allow = [{{ fingerprint = "{allowed}", reason = "dead" }}]\n')
    done = pusher.push(server)
    assert done.returncode == 0, done.stderr
    assert "keysweep: 1 suppressed by configuration." in done.stderr
    (server.path / "keysweep.toml").unlink()
    entry = f'{{"fingerprint": "{allowed}", "added": "2026-01-01", "owner": "me", "reason": "dead"}}\n'
    server.write(".keysweep-baseline", entry)
    leak(pusher, "again.ini")
    assert "1 suppressed by the baseline" in pusher.push(server).stderr
    (server.path / ".keysweep-baseline").unlink()
    (tmp_path / "of-all.toml").write_text('exclude = ["third.ini"]\n')
    server.install("--config", os.fspath(tmp_path / "of-all.toml"))
    leak(pusher, "third.ini")
    assert pusher.push(server).returncode == 0
    leak(pusher, "fourth.ini")
    assert pusher.push(server).returncode != 0


def test_pragmas_hold_where_the_administrator_says_so_and_a_refusal_names_whom_to_ask(
    server: Server, pusher: Pusher
) -> None:
    server.install("--pragmas", "--contact", "o'brien@example.net \x1b[31m")
    pusher.stage("a.ini", PAIR.replace("\n", "  # keysweep:allow\n"))
    pusher.commit("a fixture")
    assert pusher.push(server).returncode == 0
    leak(pusher)
    refused = pusher.push(server)
    assert refused.returncode != 0
    assert "ask o'brien@example.net \\x1b[31m" in " ".join(refused.stderr.split()).replace("remote: ", "")


def test_a_hook_that_was_there_runs_after_it_with_input_and_push_options_and_comes_back(
    server: Server, pusher: Pusher
) -> None:
    (server.path / "hooks" / "pre-receive").unlink()
    theirs = '#!/bin/sh\ncat > seen\necho "$GIT_PUSH_OPTION_0" >> seen\ncat > rest\n'
    server.hook(theirs)
    server.hook("#!/bin/sh\necho update >> others\n", "update")
    assert "runs after it" in server.install()
    assert "up to date" in server.install()
    pusher.stage("a", "a\n")
    new = pusher.commit("clean")
    old = server.refs()["refs/heads/main"]
    assert pusher.push(server, "--push-option=ci.skip", "main").returncode == 0
    assert (server.path / "seen").read_text() == f"{old} {new} refs/heads/main\nci.skip\n"
    assert (server.path / "rest").read_text() == ""
    assert (server.path / "others").read_text() == "update\n"
    (server.path / "seen").unlink()
    leak(pusher)
    assert pusher.push(server).returncode != 0
    assert not (server.path / "seen").exists()
    server.hook("#!/bin/sh\nexit 7\n", "pre-receive.before-keysweep")
    pusher.git("reset", "-q", "--hard", "HEAD~1")
    pusher.stage("b", "b\n")
    pusher.commit("clean, and refused by the other one")
    assert pusher.push(server).returncode != 0


def test_a_server_that_borrows_objects_from_another_is_judged_by_its_own_refs(
    server: Server, pusher: Pusher, tmp_path: Path
) -> None:
    (server.path / "hooks" / "pre-receive").chmod(0o644)
    leak(pusher)
    assert pusher.push(server).returncode == 0
    fork = Server(tmp_path / "srv" / "fork of it.git")
    (fork.path / "objects" / "info" / "alternates").write_text(f"{server.path}/objects\n")
    fork.install()
    assert pusher.push(fork, "main~1:refs/heads/main").returncode == 0
    refused = pusher.push(fork)
    assert refused.returncode != 0
    assert "conf/prod.ini:1:21" in refused.stderr
    assert list(fork.refs()) == ["refs/heads/main"]


def test_a_push_into_a_repository_with_files_is_judged_too(pusher: Pusher, tmp_path: Path) -> None:
    """Its hook is written by hand, and `keysweep.toml` in the work tree is not the server's."""
    other = Repository(tmp_path / "with files")
    other.git("config", "receive.denyCurrentBranch", "updateInstead")
    other.stage("keysweep.toml", 'exclude = ["conf/"]\n')
    other.commit("its own")
    hook = other.write(
        ".git/hooks/pre-receive", f"#!/bin/sh\nexec {sys.executable} -m keysweep hook pre-receive\n"
    )
    hook.chmod(0o755)
    leak(pusher)
    refused = pusher.push(os.fspath(other.path), "main:refs/heads/in")
    assert refused.returncode != 0
    assert "conf/prod.ini:1:21" in refused.stderr
    assert pusher.push(os.fspath(other.path), "main~1:refs/heads/in").returncode == 0
