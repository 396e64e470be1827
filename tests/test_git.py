"""Git runs hardened: a hostile repository runs no code and changes no output."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep import git
from keysweep.errors import GitError
from keysweep.sources.staged import scan_staged
from tests.repositories import Repository

RNG = random.Random(6)
PAIR = f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("core.fsmonitor", "{trap}"),
        ("diff.external", "{trap}"),
        ("core.pager", "{trap}"),
        ("diff.trap.textconv", "{trap}"),
        ("diff.trap.command", "{trap}"),
        ("filter.trap.clean", "{trap}"),
        ("filter.trap.smudge", "{trap}"),
        ("filter.trap.process", "{trap}"),
        ("core.sshCommand", "{trap}"),
        ("core.hooksPath", "{directory}"),
        ("alias.diff", "!{trap}"),
        ("core.alternateRefsCommand", "{trap}"),
        ("diff.orderFile", "/nonexistent"),
        ("diff.relative", "true"),
        ("diff.noprefix", "true"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("diff.ignoreSubmodules", "all"),
        ("diff.renames", "copies"),
        ("core.attributesFile", "{directory}/attributes"),
    ],
)
def test_a_repository_setting_runs_no_code_and_hides_nothing(tmp_path: Path, setting: str, value: str) -> None:
    repository = Repository(tmp_path / "r")
    marker, trap = tmp_path / "marker", tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho run >> {marker}\n")
    trap.chmod(0o755)
    for hook in ("post-index-change", "pre-commit", "fsmonitor-watchman"):
        (tmp_path / hook).write_text(trap.read_text())
        (tmp_path / hook).chmod(0o755)
    (tmp_path / "attributes").write_text("* -diff binary\n")
    repository.stage("sub/a.ini", PAIR)
    repository.stage(".gitattributes", "* diff=trap filter=trap -text\n")
    repository.git("config", setting, value.format(trap=trap, directory=tmp_path))
    marker.unlink(missing_ok=True)
    assert len(scan_staged(cwd=os.fspath(repository.path / "sub")).findings) == 1
    assert not marker.exists()


def test_a_missing_object_of_a_partial_clone_is_never_fetched(tmp_path: Path) -> None:
    origin = Repository(tmp_path / "origin")
    origin.stage("a.ini", PAIR)
    origin.commit()
    origin.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    origin.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{origin.path}", os.fspath(clone))
    blob = origin.git("rev-parse", "HEAD:a.ini").decode().strip()
    with git.Objects(os.fspath(clone)) as objects:
        try:
            kind, _ = objects.read(blob, 1 << 20)
        except GitError:
            kind = git.MISSING
    assert kind == git.MISSING
    assert not list((clone / ".git" / "objects").glob(f"{blob[:2]}/*"))


def test_an_object_above_the_limit_is_drained_and_the_next_one_still_read(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("large", b"x" * 3_000_000)
    repository.stage("small", b"small")
    with git.Objects(os.fspath(repository.path)) as objects:
        large = repository.git("rev-parse", ":large").decode().strip()
        small = repository.git("rev-parse", ":small").decode().strip()
        assert objects.read(large, 1000) == (git.TOO_LARGE, b"")
        assert objects.read("0" * 40, 1000) == (git.MISSING, b"")
        assert objects.read(small, 1000) == ("blob", b"small")


def test_a_failure_is_one_sentence_without_control_characters(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    with pytest.raises(GitError) as failure:
        git.run(("rev-parse", "--verify", "no\x1b[31msuch"), os.fspath(repository.path))
    assert "\x1b" not in str(failure.value)
    assert str(failure.value).count(".") <= 2


def test_without_git_on_the_path_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="install git"):
        git.run(("version",))


def test_a_damaged_index_is_an_error_and_not_a_clean_scan(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("a.ini", PAIR)
    (repository.path / ".git" / "index").write_bytes(b"DIRC\0\0\0\2\0\0\0\1 broken")
    with pytest.raises(GitError, match="git fsck"):
        scan_staged(cwd=os.fspath(repository.path))


def test_a_git_that_ends_before_it_has_read_everything_is_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path / "r")
    before = set(threading.enumerate())
    for _ in range(20):
        git.run(("rev-parse", "--git-dir"), os.fspath(repository.path), b"x" * 100_000)
    for thread in set(threading.enumerate()) - before:
        thread.join(1)
    assert capfd.readouterr().err == ""


def test_what_was_sent_is_let_go_of_when_git_has_ended(tmp_path: Path) -> None:
    for _ in range(30):
        content = bytearray(1 << 20)
        view = memoryview(content)
        assert git.answer(("rev-parse", "--is-inside-work-tree"), str(tmp_path), view) is None
        view.release()
        content.append(0)  # refuses while anybody still holds what was sent
