"""The repositories of submodules lie in a repository's git directory, and are scanned with it."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.findings import Finding, ProblemCode, ScanResult
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.whole import scan_source
from tests.repositories import Repository

RNG = random.Random(81)
IDS = [key_id(RNG) for _ in range(3)]
SECRETS = [secret(RNG) for _ in range(3)]
PAIRS = [
    f"aws_access_key_id = {one}\naws_secret_access_key = {two}\n" for one, two in zip(IDS, SECRETS, strict=True)
]
ALLOWED = ("-c", "protocol.file.allow=always")


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    """A clean repository with a submodule that has a key, and in it another one that has one."""
    inner = Repository(tmp_path / "inner")
    inner.stage("in/ner.ini", PAIRS[1])
    inner.commit("inner")
    library = Repository(tmp_path / "library")
    library.stage("key.ini", PAIRS[0])
    library.commit("with a key")
    library.git("rm", "-q", "key.ini")
    library.git(*ALLOWED, "submodule", "add", "-q", os.fspath(inner.path), "deep/inner")
    library.commit("without it")
    project = Repository(tmp_path / "project")
    project.git(*ALLOWED, "submodule", "add", "-q", os.fspath(library.path), "libs/one")
    project.git(*ALLOWED, "submodule", "update", "-q", "--init", "--recursive")
    project.commit("clean")
    return project


def scanned(path: Path) -> ScanResult:
    return scan_source(os.fspath(path), scan_history)


def by_id(result: ScanResult) -> dict[str | None, Finding]:
    return {finding.key_id: finding for finding in result.findings}


def modules(project: Repository) -> Path:
    return project.path / ".git/modules"


def test_leaks_in_submodules_are_told_under_their_names(project: Repository) -> None:
    result = scanned(project.path)
    found = by_id(result)
    assert set(found) == {IDS[0], IDS[1]}
    one, two = found[IDS[0]], found[IDS[1]]
    assert one.origin.path == one.exposures[0].path == "libs/one/key.ini"
    assert two.origin.path == two.exposures[0].path == "libs/one/deep/inner/in/ner.ini"
    assert (one.exposures[0].introduced[0].subject, one.exposures[0].removed[0].subject) == (
        "with a key",
        "without it",
    )
    assert result.problems == ()


def test_every_object_of_every_submodule_is_accounted_for(project: Repository) -> None:
    stores = (".git", ".git/modules/libs/one", ".git/modules/libs/one/modules/deep/inner")
    count = sum(
        len(
            project.git(
                "--git-dir", os.fspath(project.path / each), "cat-file", "--batch-all-objects", "--batch-check"
            ).splitlines()
        )
        for each in stores
    )
    result = scanned(project.path)
    assert result.objects
    assert (result.objects.listed, result.objects.scanned, result.objects.skipped) == (count, count, 0)
    assert result.scanned_items == count


def test_a_submodule_that_no_commit_names_any_more_is_scanned(project: Repository) -> None:
    project.git("rm", "-q", "-f", "libs/one")
    project.commit("remove it")
    shutil.rmtree(project.path / "libs", ignore_errors=True)
    assert set(by_id(scanned(project.path))) == {IDS[0], IDS[1]}


@pytest.mark.parametrize("where", [".git", ".git/modules/libs/one", "libs/one"])
def test_git_directories_and_submodules_can_be_named(project: Repository, where: str) -> None:
    assert set(by_id(scanned(project.path / where))) == {IDS[0], IDS[1]}


def test_submodules_of_further_work_trees_are_scanned(project: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.stage("x.ini", PAIRS[2])
    other.commit()
    project.git("worktree", "add", "-q", os.fspath(tmp_path / "tree"), "-b", "side")
    tree = Repository(tmp_path / "tree")
    tree.git(*ALLOWED, "submodule", "add", "-q", os.fspath(other.path), "third")
    for path in (project.path, tree.path):
        assert by_id(scanned(path))[IDS[2]].origin.path == "third/x.ini"


def test_a_name_that_is_the_beginning_of_another_hides_nothing(project: Repository, tmp_path: Path) -> None:
    for name in ("libs/objects", "libs/refs", "libs/HEAD"):
        shutil.copytree(modules(project) / "libs/one", modules(project) / name)
    paths = [finding.origin.path for finding in scanned(project.path).findings if finding.key_id == IDS[0]]
    assert sorted(paths) == [f"libs/{name}/key.ini" for name in ("HEAD", "objects", "one", "refs")]


@pytest.mark.parametrize("lost", ["HEAD", "objects", "config"])
def test_a_broken_submodule_is_a_problem_and_hides_nothing(project: Repository, lost: str) -> None:
    project.stage("own.ini", PAIRS[2])
    project.commit()
    place = modules(project) / "libs/one" / lost
    if lost == "config":
        place.write_text("[core\n")
    elif place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    result = scanned(project.path)
    assert {IDS[1], IDS[2]} == set(by_id(result))
    assert all(not finding.origin.path.startswith("libs/one/own") for finding in result.findings)
    (problem,) = result.problems
    assert (problem.code, problem.origin and problem.origin.path) == (ProblemCode.DAMAGED, "libs/one")


def test_damage_in_a_submodule_is_told_under_its_name(project: Repository) -> None:
    objects = modules(project) / "libs/one/objects"
    for path in objects.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"damage")
    result = scanned(project.path)
    places = {problem.origin.path.partition("/(object ")[0] for problem in result.problems if problem.origin}
    assert places == {"libs/one"}
    assert result.objects
    assert result.objects.listed == result.objects.scanned + result.objects.skipped
    assert result.objects.skipped == len(result.problems) > 0


def test_links_out_of_the_repository_are_not_followed(project: Repository, tmp_path: Path) -> None:
    outside = Repository(tmp_path / "outside")
    outside.stage("x.ini", PAIRS[2])
    outside.commit()
    (modules(project) / "linked").symlink_to(outside.path / ".git")
    store = modules(project) / "half"
    shutil.copytree(outside.path / ".git", store)
    shutil.rmtree(store / "objects")
    (store / "objects").symlink_to(outside.path / ".git/objects")
    result = scanned(project.path)
    assert set(by_id(result)) == {IDS[0], IDS[1]}
    (problem,) = result.problems
    assert problem.origin
    assert problem.origin.path == "half"
    assert "leads out of the repository" in problem.message


def test_neither_gitmodules_nor_the_configuration_of_a_submodule_runs_anything(
    project: Repository, tmp_path: Path
) -> None:
    marker, program = tmp_path / "marker", tmp_path / "trap"
    program.write_text(f"#!/bin/sh\necho run >> {marker}\n")
    program.chmod(0o755)
    store = os.fspath(modules(project) / "libs/one")
    for key in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.alternateRefsCommand", "core.pager"):
        project.git("--git-dir", store, "config", key, os.fspath(program))
    project.git("--git-dir", store, "config", "core.worktree", "/nonexistent")
    project.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = ext::{program}\n\tupdate = !{program}\n')
    result = scanned(project.path)
    assert set(by_id(result)) == {IDS[0], IDS[1]}
    assert result.problems == ()
    assert not marker.exists()


def test_an_interrupt_keeps_what_earlier_repositories_held(project: Repository) -> None:
    project.stage("own.ini", PAIRS[2])
    project.commit()

    def scan(repository: str, *, cached: bool) -> ScanResult:
        if repository.endswith("one"):
            raise KeyboardInterrupt
        return scan_history(repository, cached=cached)

    result = scan_source(os.fspath(project.path), scan)
    assert set(by_id(result)) == {IDS[2]}
    assert [problem.code for problem in result.problems] == [ProblemCode.INTERRUPTED]
