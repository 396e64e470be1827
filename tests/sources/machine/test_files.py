"""Which files of a home are scanned: those of the table, bounded, and nothing that is no file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from keysweep.findings import INTERRUPTED, ProblemCode, ScanResult
from keysweep.sources.machine.files import Bounds, Search
from keysweep.sources.machine.globs import roots, spelled_out
from keysweep.sources.machine.places import PLACES, Place
from keysweep.sources.machine.scan import scan_machine
from keysweep.sources.progress import Progress
from tests.homes import NOBODY, Home

PLACED = {
    ".aws/credentials": "AWS credentials file",
    ".aws/config": "AWS config file",
    ".aws/credentials.bak": "other files in ~/.aws",
    ".aws/sso/cache/0a.json": "cache of the AWS CLI",
    ".boto": "boto configuration",
    ".s3cfg": "s3cmd and s3fs configuration",
    ".config/rclone/rclone.conf": "rclone configuration",
    "Library/Application Support/Cyberduck/x.plist": "configuration of an S3 client",
    ".restic-env": "configuration of a backup",
    "prod.tfvars": "Terraform and Packer configuration",
    "spark/conf/spark-defaults.conf": "Hadoop and Spark configuration",
    ".m2/settings.xml": "settings of a package manager",
    ".netrc": "password file",
    ".ssh/config": "settings of a client",
    ".env.local": "file of environment variables",
    ".config/fish/conf.d/aws.fish": "shell start-up file",
    ".config/systemd/user/backup.service": "service or timer of yours",
    ".zsh_history": "shell history",
    "AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine/ConsoleHost_history.txt": "shell history",
    ".python_history": "history of a console",
    ".notes.txt.swp": "leftover of vim, emacs or nano",
    ".config/Code/User/History/-1f/abcd.py": "settings or leftover of VS Code and its kin",
    "AppData/Roaming/Cursor/User/settings.json": "settings or leftover of VS Code and its kin",
    ".cache/JetBrains/PyCharm2025.1/LocalHistory/changes.storageData": "settings or leftover of another editor",
    "work/.ipynb_checkpoints/a-checkpoint.ipynb": "notebook",
    "Downloads/me_accessKeys.csv": "key file from the AWS console",
    ".docker/config.json": "Docker configuration",
    ".kube/config": "Kubernetes configuration",
    ".kube/cache/http/0a": "caches and tools of Kubernetes",
    ".gitlab-runner/config.toml": "configuration of CI",
}


def where(result: ScanResult) -> set[str]:
    return {each.origin.path for each in result.findings}


def problems(result: ScanResult) -> list[tuple[ProblemCode, str]]:
    return [(each.code, each.message) for each in result.problems]


def test_keys_are_found_where_the_table_says_and_each_says_what_that_is(home: Home) -> None:
    for name in PLACED:
        home.write(name, home.pair())
    home.write("projects/app/settings.ini", home.pair())
    result = home.scanned()
    found = {os.path.relpath(each.origin.path, home.path): each.origin.what for each in result.findings}
    assert found == PLACED
    assert not result.problems


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.what)
def test_every_glob_of_the_table_is_spelled_as_a_glob(home: Home, place: Place) -> None:
    known = roots(os.fspath(home.path), {"USER": "me"})
    for glob in place.globs:
        for base, names in spelled_out(glob, known):
            assert names, glob
            assert os.path.isabs(base)
            assert not set("".join(names)) & set("{}$"), glob


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("AWS_SHARED_CREDENTIALS_FILE", "AWS credentials file"),
        ("KUBECONFIG", "Kubernetes configuration"),
        ("HISTFILE", "shell history"),
    ],
)
def test_a_file_that_a_variable_names_is_scanned_wherever_it_is(
    home: Home, tmp_path: Path, variable: str, what: str
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.write_text(home.pair())
    (finding,) = home.scanned(variables={variable: os.fspath(elsewhere)}).findings
    assert finding.origin.what == f"{what}, as {variable} says"


def test_a_variable_may_name_several_files_and_the_home(home: Home, tmp_path: Path) -> None:
    paths = [home.write(".kubes/a", home.pair()), home.write(".kubes/b", home.pair())]
    named = os.pathsep.join(["~/.kubes/a", os.fspath(paths[1]), os.fspath(tmp_path / "not there")])
    assert where(home.scanned(variables={"KUBECONFIG": named})) == set(map(os.fspath, paths))


def test_directories_of_the_desktop_are_where_its_variables_say_if_these_are_absolute(home: Home) -> None:
    path = home.write("settings/rclone/rclone.conf", home.pair())
    assert where(home.scanned(variables={"XDG_CONFIG_HOME": os.fspath(home.path / "settings")})) == {
        os.fspath(path)
    }
    assert not home.scanned(variables={"XDG_CONFIG_HOME": "settings"}).findings


def test_a_home_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    home = Home(tmp_path / "h[o]*me{a,b}", seed=82)
    home.write("notes/.ipynb_checkpoints/a.ipynb", home.pair())
    home.write(".env", home.pair())
    assert len(home.scanned().findings) == 2


def test_a_directory_in_the_place_of_a_file_is_scanned_whole(home: Home) -> None:
    path = home.write(".aws/credentials/team/a", home.pair())
    (finding,) = home.scanned().findings
    assert (finding.origin.path, finding.origin.what) == (os.fspath(path), "AWS credentials file")


def test_a_link_is_followed_and_says_so(home: Home) -> None:
    path = home.write("dotfiles/aws-credentials", home.pair())
    (home.path / ".aws").mkdir()
    (home.path / ".aws" / "credentials").symlink_to(path)
    result = home.scanned()
    (finding,) = result.findings
    assert finding.origin.path == os.fspath(path)
    assert finding.origin.what == f"AWS credentials file, by the link {home.path}/.aws/credentials"
    assert not result.notes[:-1]


def test_a_link_that_leads_out_to_things_of_others_is_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who the home belongs to is put in another's place: only root could give the file away."""
    shared = tmp_path / "shared.json"
    shared.write_text(home.pair())
    (home.path / ".docker").mkdir()
    (home.path / ".docker" / "config.json").symlink_to(shared)
    assert not home.scanned().notes
    owner, status = os.getuid(), os.stat

    def of_another(path: str, **how: Any) -> os.stat_result:
        says = status(path, **how)
        return os.stat_result((*says[:4], owner + 1, *says[5:])) if path == os.fspath(home.path) else says

    monkeypatch.setattr(os, "stat", of_another)
    (note,) = home.scanned().notes
    said = f"{home.path}/.docker/config.json leads to {shared}, which belongs to user {owner}: it was scanned too"
    assert note == said


def test_links_that_lead_in_circles_and_nowhere_end(home: Home) -> None:
    (home.path / ".aws").symlink_to(home.path / ".aws")
    (home.path / ".netrc").symlink_to(home.path / "gone")
    (home.path / "loop").symlink_to(home.path)
    (home.path / ".cdk").symlink_to(home.path)
    (home.path / ".serverless").symlink_to("/")
    (home.path / ".kube").mkdir()
    (home.path / ".kube" / "up").symlink_to(home.path / ".kube")
    (home.path / ".kube" / "loop").symlink_to("loop")
    path = home.write(".kube/config", home.pair())
    result = home.scanned()
    assert [(each.origin.path, each.origin.what) for each in result.findings] == [
        (os.fspath(path), "Kubernetes configuration")
    ]
    assert not result.problems


@pytest.mark.parametrize("name", ["/proc/self", "/proc/self/environ", "/sys"])
def test_a_link_to_what_is_on_no_disk_is_not_followed_and_told(home: Home, name: str) -> None:
    (home.path / ".env").symlink_to(name)
    result = home.scanned()
    real = os.path.realpath(name)
    assert result.notes == (f"{home.path}/.env leads to {real}, which is no place on a disk: it was not scanned",)
    assert not result.problems


def test_a_pipe_in_the_place_of_a_file_is_not_opened_and_is_a_problem(home: Home) -> None:
    (home.path / ".aws").mkdir()
    os.mkfifo(home.path / ".aws" / "credentials")
    ((code, message),) = problems(home.scanned())
    assert code is ProblemCode.UNREADABLE
    assert message.startswith("is a pipe in the place of the AWS credentials file: it was not opened")


def test_a_history_that_is_thrown_away_is_no_problem(home: Home) -> None:
    (home.path / ".bash_history").symlink_to("/dev/null")
    (home.path / ".kube").mkdir()
    os.mkfifo(home.path / ".kube" / "pipe")
    assert not home.scanned().problems


def test_a_file_that_is_too_large_is_a_problem_and_not_read(home: Home) -> None:
    path = home.write(".aws/credentials", "")
    os.truncate(path, 1 << 30)
    ((code, message),) = problems(home.scanned())
    assert code is ProblemCode.LIMIT
    assert "larger than 256 MiB" in message


def test_more_files_bytes_or_depth_than_the_bounds_are_problems_and_the_rest_is_scanned(home: Home) -> None:
    for number in range(4):
        home.write(f".kube/cache/{number}", home.pair())
    home.write(".kube/a/b/c", home.pair())
    netrc = os.fspath(home.write(".netrc", home.pair()))
    few = home.scanned(bounds=Bounds(files=4))
    assert [message for _, message in problems(few)] == [
        "caches and tools of Kubernetes: there are more than 4 files and directories or 4096 MiB of it, and the rest was not scanned"
    ]
    assert netrc in where(few)
    assert len(few.findings) == 3
    small = home.scanned(bounds=Bounds(place_bytes=200))
    assert problems(small)[0][0] is ProblemCode.LIMIT
    flat = home.scanned(bounds=Bounds(depth=2))
    assert [message for _, message in problems(flat)] == [
        "is nested deeper than 2 directories, and was not scanned"
    ]
    assert len(flat.findings) == 5


def test_a_file_that_vanishes_meanwhile_is_no_problem(home: Home) -> None:
    home.write(".kube/config", home.pair())
    search = Search(os.fspath(home.path), {})
    files = search.files()
    next(files)
    shutil.rmtree(home.path / ".kube")
    assert not [path for path in files if path.startswith(os.fspath(home.path))]
    assert not search.problems


def test_text_that_is_none_stops_nothing(home: Home) -> None:
    home.write(".aws/credentials", b"[default]\n\xff\xfe\x00" + home.pair().encode() + b"\xff[\n= \n:\n")
    home.write(".bash_history", b"\x80\x81 " + home.pair().encode())
    result = home.scanned()
    assert {os.path.basename(each) for each in where(result)} == {"credentials", ".bash_history"}
    assert not result.problems


def test_names_that_are_no_text_and_control_terminals_are_kept_as_they_are(home: Home) -> None:
    name = os.fsdecode(b"\xff\x1b[31m")
    home.write(f".kube/{name}", home.pair())
    (finding,) = home.scanned().findings
    assert os.path.basename(finding.origin.path) == name


def test_archives_and_encodings_are_opened_as_ever(home: Home) -> None:
    import gzip

    home.write(".aws/backup.gz", gzip.compress(home.pair().encode()))
    (finding,) = home.scanned().findings
    assert finding.origin.members == ("backup",)
    assert finding.origin.what == "other files in ~/.aws"


@contextmanager
def unprivileged() -> Iterator[None]:
    """Nobody who may read what others may not: root is somebody else meanwhile."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_is_ones_own_and_cannot_be_read_is_a_problem_and_what_is_the_systems_is_none(
    passable: Home, tmp_path: Path
) -> None:
    passable.scanned()  # loads what it needs, which the other user perhaps may not read
    netrc = passable.write(".netrc", passable.pair(), 0o000)
    named = tmp_path / "pip.conf"
    named.write_text("[global]\n")
    boto = passable.write(".boto", passable.pair(), 0o644)
    (passable.path / ".kube" / "cache").mkdir(parents=True)
    (passable.path / ".kube").chmod(0o755)
    (passable.path / ".kube" / "cache").chmod(0o000)
    (passable.path / ".aws").mkdir(mode=0o000)
    with unprivileged():
        result = passable.scanned(variables={"USER": "root", "PIP_CONFIG_FILE": os.fspath(named)})
    (passable.path / ".kube" / "cache").chmod(0o700)
    assert where(result) == {os.fspath(boto)}
    told = [each.origin.path for each in result.problems if each.origin]
    assert sorted(told) == sorted(
        map(os.fspath, (netrc, named, passable.path / ".kube" / "cache", passable.path / ".aws"))
    )
    assert {each.code for each in result.problems} == {ProblemCode.UNREADABLE}


def test_an_interrupt_keeps_what_was_found(home: Home) -> None:
    home.write(".aws/credentials", home.pair())

    def stop(progress: Progress) -> None:
        if progress.done == len(PLACES) - 1:
            raise KeyboardInterrupt

    result = scan_machine(os.fspath(home.path), {}, NOBODY, jobs=1, on_progress=stop)
    assert INTERRUPTED in result.problems
