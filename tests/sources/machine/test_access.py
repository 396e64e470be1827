"""Who else gets to a file, by real permissions in real directories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from keysweep.sources.machine.access import Access, access_to
from tests.homes import Home


@pytest.fixture
def secret_file(passable: Home) -> Path:
    """A file of the user's alone, in directories that everybody may pass."""
    path = passable.write("keep/secret", "x")
    path.parent.chmod(0o755)
    return path


def looked(path: Path, home: Home) -> Access:
    return access_to(os.fspath(path), os.fspath(home.path))


@pytest.mark.parametrize(
    ("mode", "readers", "writers"),
    [
        (0o600, "", ()),
        (0o400, "", ()),
        (0o644, "everybody", ()),
        (0o604, "everybody", ()),
        (0o602, "", ("everybody may write it",)),
        (0o666, "everybody", ("everybody may write it",)),
        (0o640, "", ()),
        (0o660, "", ()),
    ],
)
def test_the_mode_of_a_file_says_who_gets_to_it(
    secret_file: Path, passable: Home, mode: int, readers: str, writers: tuple[str, ...]
) -> None:
    secret_file.chmod(mode)
    assert looked(secret_file, passable) == Access(readers, writers)


def otherwise(monkeypatch: pytest.MonkeyPatch, path: Path, number: int, value: int) -> None:
    """Have the system say something else of a file: only root could give it away, or to a group."""
    status, changed = os.stat, os.fspath(path)

    def told(path: str, **how: Any) -> os.stat_result:
        says = status(path, **how)
        return os.stat_result((*says[:number], value, *says[number + 1 :])) if path == changed else says

    monkeypatch.setattr(os, "stat", told)


OF_USER, OF_GROUP = 4, 5


def test_a_group_counts_unless_it_is_the_one_of_the_user_alone(
    secret_file: Path, passable: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file.chmod(0o660)
    otherwise(monkeypatch, secret_file, OF_GROUP, 54321)
    assert looked(secret_file, passable) == Access("group 54321", ("group 54321 may write it",))


def test_a_directory_that_nobody_else_can_pass_keeps_all_in_it(secret_file: Path, passable: Home) -> None:
    secret_file.chmod(0o666)
    for directory in (secret_file.parent, passable.path):
        directory.chmod(0o700)
        assert looked(secret_file, passable) == Access()
        directory.chmod(0o711)
        assert looked(secret_file, passable).readers == "everybody"


def test_who_may_write_a_directory_above_may_put_another_file_there(secret_file: Path, passable: Home) -> None:
    for where in (secret_file.parent, passable.path):
        where.chmod(0o777)
        its = looked(secret_file, passable)
        assert its.writers == (f"everybody may write {where}, and put another in its place",)
        assert its.directories == (os.fspath(where),)
        where.chmod(0o1777)
        assert looked(secret_file, passable) == Access()
        where.chmod(0o755)


def test_a_file_of_somebody_else_in_the_home_is_theirs(
    secret_file: Path, passable: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    otherwise(monkeypatch, secret_file, OF_USER, 54321)
    assert looked(secret_file, passable).owner == "user 54321"
    assert access_to(os.fspath(secret_file), os.fspath(secret_file.parent / "x")) == Access()


def test_a_file_of_root_in_the_home_is_open_to_nobody_who_has_not_all(
    secret_file: Path, passable: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    otherwise(monkeypatch, passable.path, OF_USER, 54321)
    assert looked(secret_file, passable).owner == ("" if os.getuid() == 0 else f"user {os.getuid()}")


@pytest.mark.parametrize("name", ["Dropbox", "Dropbox (Personal)", "OneDrive - Acme", "Nextcloud", "google drive"])
def test_a_synchronised_folder_is_known_by_its_name(home: Home, name: str) -> None:
    path = home.write(f"{name}/keys/aws", "x")
    assert looked(path, home).synchronised == f"{home.path}/{name}"


def test_a_folder_of_syncthing_is_known_by_what_it_leaves_there(home: Home) -> None:
    path = home.write("stuff/keys/aws", "x")
    assert looked(path, home).synchronised == ""
    home.write("stuff/.stfolder/x", "")
    assert looked(path, home).synchronised == f"{home.path}/stuff"


def test_a_work_tree_of_git_is_known_up_to_the_home(home: Home, tmp_path: Path) -> None:
    path = home.write("dotfiles/aws/credentials", "x")
    (tmp_path / ".git").mkdir()
    assert looked(path, home).work_tree == ""
    (home.path / ".git").write_text("gitdir: elsewhere\n")
    assert looked(path, home).work_tree == os.fspath(home.path)
    (home.path / "dotfiles" / ".git").mkdir()
    assert looked(path, home).work_tree == f"{home.path}/dotfiles"


def test_what_is_gone_is_open_to_nobody(home: Home) -> None:
    assert looked(home.path / "gone", home) == Access()
