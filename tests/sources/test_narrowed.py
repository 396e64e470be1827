"""Narrowed scans of history: what a selected commit adds is found, and nothing else, whatever shape history has."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.errors import UsageError
from keysweep.findings import ProblemCode, ScanResult, Source
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.part.narrowed import scan_narrowed
from keysweep.sources.history.part.selection import Narrowing
from tests.repositories import Repository, environment

RNG = random.Random(71)


def pair() -> tuple[str, str]:
    """A new key: its ID, and a file with it."""
    one = key_id(RNG)
    return one, f"aws_access_key_id = {one}\naws_secret_access_key = {secret(RNG)}\n"


OLD, OLD_PAIR = pair()
NEW, NEW_PAIR = pair()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One commit, `base`, in which an old key stands."""
    repository = Repository(tmp_path / "r")
    repository.stage("old.ini", OLD_PAIR)
    repository.commit("base")
    repository.git("tag", "base")
    return repository


def narrowed(repository: Repository, *ranges: str, paths: tuple[str, ...] = ()) -> ScanResult:
    return scan_narrowed(os.fspath(repository.path), Narrowing(ranges, paths=paths))


def found(repository: Repository, *ranges: str, paths: tuple[str, ...] = ()) -> set[str | None]:
    result = narrowed(repository, *ranges, paths=paths)
    assert result.problems == ()
    return {finding.key_id for finding in result.findings}


def merge(repository: Repository, *others: str, write: str = "") -> str:
    """A merge commit made by hand, so that any resolution can stand in it."""
    repository.git("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", *others)
    repository.git("checkout", "-q", others[-1], "--", ".")
    if write:
        repository.stage("evil.ini", write)
    return repository.commit("merge")


def linear(repository: Repository) -> None:
    repository.stage("a", NEW_PAIR)
    repository.commit()


def removed_again(repository: Repository) -> None:
    linear(repository)
    repository.git("rm", "-q", "a")
    repository.commit()


def clean_merge(repository: Repository) -> None:
    """The branch was made before the old key was touched, and brings the new one."""
    repository.git("checkout", "-q", "-b", "side")
    linear(repository)
    repository.git("checkout", "-q", "main")
    repository.stage("other", "nothing")
    repository.commit()
    repository.git("merge", "-q", "--no-ff", "side")


def evil_merge(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("b", "nothing")
    repository.commit()
    repository.git("checkout", "-q", "main")
    merge(repository, "side", write=NEW_PAIR)


def octopus(repository: Repository) -> None:
    for name in ("one", "two"):
        repository.git("checkout", "-q", "-b", name, "base")
        repository.stage(name, NEW_PAIR if name == "two" else "nothing")
        repository.commit()
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "one", "two")


def squash(repository: Repository) -> None:
    repository.git("checkout", "-q", "-b", "side")
    removed_again(repository)
    repository.stage("b", NEW_PAIR)
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--squash", "side")
    repository.commit()


def criss_cross(repository: Repository) -> None:
    for name in ("one", "two"):
        repository.git("checkout", "-q", "-b", name, "base")
        repository.stage(name, NEW_PAIR if name == "two" else "nothing")
        repository.commit(name)
        repository.git("tag", f"{name}-1")
    for name, other in (("one", "two-1"), ("two", "one-1")):
        repository.git("checkout", "-q", name)
        repository.git("merge", "-q", "--no-ff", other)
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "one")
    repository.git("merge", "-q", "--no-ff", "two")


def second_root(repository: Repository) -> None:
    repository.git("checkout", "-q", "--orphan", "root")
    repository.stage("root", NEW_PAIR)
    repository.git("rm", "-q", "--cached", "old.ini")
    repository.commit("another root")
    repository.git("checkout", "-q", "-f", "main")
    repository.git("merge", "-q", "--allow-unrelated-histories", "--no-ff", "root")


def in_a_message(repository: Repository) -> None:
    repository.commit(f"deployed\n\n{NEW_PAIR}")


def in_a_tag(repository: Repository) -> None:
    repository.stage("b", "nothing")
    repository.commit()
    repository.git("tag", "-a", "v1", "-m", NEW_PAIR)


def in_a_tag_of_a_tag(repository: Repository) -> None:
    repository.stage("b", "nothing")
    repository.commit()
    repository.git("tag", "-a", "inner", "-m", NEW_PAIR)
    repository.git("tag", "-a", "outer", "-m", "nothing", "inner")
    repository.git("tag", "-d", "inner")


def in_a_name(repository: Repository) -> None:
    repository.stage(f"dir/{NEW}.txt", "nothing")
    repository.commit()


def beside_the_old_one(repository: Repository) -> None:
    repository.stage("old.ini", OLD_PAIR + NEW_PAIR)
    repository.commit()


def under_a_path_that_is_no_text(repository: Repository) -> None:
    repository.stage(b"caf\xe9/\xff\n.ini", NEW_PAIR)
    repository.commit()


def beside_a_submodule(repository: Repository) -> None:
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repository.git("commit", "-q", "-m", "submodule")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'2' * 40},sub")
    repository.git("commit", "-q", "-m", "moved on")
    repository.git("rm", "-q", "--cached", "sub")
    repository.stage("sub", NEW_PAIR)
    repository.commit("a file in its place")


ADDED = (
    linear,
    removed_again,
    clean_merge,
    evil_merge,
    octopus,
    squash,
    criss_cross,
    second_root,
    in_a_message,
    in_a_tag,
    in_a_tag_of_a_tag,
    in_a_name,
    beside_the_old_one,
    under_a_path_that_is_no_text,
    beside_a_submodule,
)


@pytest.mark.parametrize("shape", ADDED, ids=lambda shape: shape.__name__)
def test_what_the_range_adds_is_found_and_what_was_there_is_not(
    repository: Repository, shape: Callable[[Repository], None]
) -> None:
    shape(repository)
    assert found(repository, "base..HEAD") == {NEW}
    assert found(repository, "base...HEAD") == {NEW}
    assert found(repository, "HEAD") == {NEW, OLD}
    assert found(repository, "HEAD", "^base") == {NEW}
    everything = {finding.fingerprint for finding in scan_history(os.fspath(repository.path)).findings}
    assert {finding.fingerprint for finding in narrowed(repository, "HEAD").findings} <= everything


def touched(repository: Repository) -> None:
    repository.stage("old.ini", "# a comment\n" + OLD_PAIR)
    repository.commit()


def taken_out(repository: Repository) -> None:
    repository.git("rm", "-q", "old.ini")
    repository.commit()


def merged_from_what_the_base_has(repository: Repository) -> None:
    """The merge has both sides' files and adds nothing to them."""
    repository.git("checkout", "-q", "-b", "side")
    touched(repository)
    repository.git("tag", "-f", "base")
    repository.git("checkout", "-q", "main")
    repository.stage("b", "nothing")
    repository.commit()
    repository.git("merge", "-q", "--no-ff", "side")


def only_permissions(repository: Repository) -> None:
    repository.git("update-index", "--chmod=+x", "old.ini")
    repository.commit()


@pytest.mark.parametrize(
    "shape",
    [touched, taken_out, merged_from_what_the_base_has, only_permissions],
    ids=lambda shape: shape.__name__,
)
def test_what_the_base_had_already_is_not_told_again(
    repository: Repository, shape: Callable[[Repository], None]
) -> None:
    shape(repository)
    assert found(repository, "base..HEAD") == set()


def test_a_key_that_moves_to_another_path_is_told_because_a_commit_adds_it_there(repository: Repository) -> None:
    repository.git("mv", "old.ini", "moved.ini")
    repository.commit()
    (finding,) = narrowed(repository, "base..HEAD").findings
    assert (finding.key_id, [each.path for each in finding.exposures]) == (OLD, ["moved.ini"])


def test_a_key_that_was_removed_and_is_brought_back_is_told_with_both(repository: Repository) -> None:
    taken_out(repository)
    removed = repository.git("rev-parse", "HEAD").decode().strip()
    repository.git("revert", "--no-edit", "HEAD")
    back = repository.git("rev-parse", "HEAD").decode().strip()
    (finding,) = narrowed(repository, "base..HEAD").findings
    (exposure,) = finding.exposures
    assert ([each.id for each in exposure.introduced], [each.id for each in exposure.removed]) == (
        [back],
        [removed],
    )
    assert finding.origin.commit == back


def test_a_merge_of_what_another_branch_took_out_does_not_take_it_again(repository: Repository) -> None:
    repository.stage("a", "1\n" * 9 + NEW_PAIR)
    repository.commit("add it")
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("a", "2\n" + "1\n" * 8 + NEW_PAIR)
    repository.commit("touch it")
    repository.git("checkout", "-q", "main")
    repository.stage("a", "1\n" * 9)
    taken = repository.commit("take it out")
    repository.git("merge", "-q", "-s", "ours", "--no-commit", "side")
    repository.stage("a", "2\n" + "1\n" * 8)
    repository.commit("merge")
    (finding,) = narrowed(repository, "base..HEAD").findings
    assert [each.id for each in finding.exposures[0].removed] == [taken]


def test_a_second_place_for_an_old_key_in_the_same_file_is_told(repository: Repository) -> None:
    repository.stage("old.ini", OLD_PAIR + "\n" * 50 + OLD_PAIR)
    repository.commit()
    (finding,) = narrowed(repository, "base..HEAD").findings
    assert (finding.key_id, [each.path for each in finding.exposures]) == (OLD, ["old.ini"])


def test_a_leak_has_the_story_that_the_selection_tells(repository: Repository) -> None:
    repository.stage("conf/a.ini", "# comment\n" + NEW_PAIR)
    brought = repository.commit("add configuration")
    repository.stage("conf/a.ini", "# two\n# comments\n" + NEW_PAIR)
    repository.commit("touch it")
    repository.git("branch", "feature")
    repository.git("rm", "-q", "conf/a.ini")
    taken = repository.commit("remove it")
    (finding,) = narrowed(repository, "base..HEAD").findings
    (whole,) = (each for each in scan_history(os.fspath(repository.path)).findings if each.key_id == NEW)
    assert finding == whole
    assert (finding.origin.source, finding.origin.path, finding.place.line) == (Source.HISTORY, "conf/a.ini", 2)
    (exposure,) = finding.exposures
    assert [each.id for each in exposure.introduced] == [brought]
    assert [each.id for each in exposure.removed] == [taken]
    assert exposure.refs == ("refs/heads/feature",)


def test_a_ref_that_has_the_key_in_a_version_behind_the_range_is_named(repository: Repository) -> None:
    linear(repository)
    repository.git("tag", "end")
    repository.stage("a", "# later\n" + NEW_PAIR)
    repository.commit()
    (finding,) = narrowed(repository, "base..end").findings
    assert finding.exposures[0].refs == ("HEAD", "refs/heads/main", "refs/tags/end")


def test_one_version_under_two_paths_is_told_where_it_was_added(repository: Repository) -> None:
    """The old file is touched, so that its new version is seen, and then copied as it is."""
    touched(repository)
    repository.stage("copy.ini", (repository.path / "old.ini").read_bytes())
    repository.commit()
    (finding,) = narrowed(repository, "base..HEAD").findings
    assert [each.path for each in finding.exposures] == ["copy.ini"]


@pytest.mark.parametrize(
    ("paths", "keys"),
    [
        (("src",), {NEW}),
        (("src/",), {NEW}),
        (("./src/app",), {NEW}),
        (("src/app/a.ini",), {NEW}),
        (("docs",), set()),
        (("docs", "src"), {NEW}),
        (("*.ini",), {NEW}),
        (("src/*.ini",), {NEW}),
        (("src/**/a.ini",), {NEW}),
        (("src/**/app/a.ini",), {NEW}),
        (("s[a-z]c",), {NEW}),
        (("[id]",), set()),
        ((".",), {NEW}),
    ],
)
def test_paths_are_names_from_the_top_or_globs(
    repository: Repository, paths: tuple[str, ...], keys: set[str]
) -> None:
    repository.stage("src/app/a.ini", NEW_PAIR)
    repository.stage("docs/page", "nothing")
    repository.stage("[id]", "nothing")
    repository.commit()
    assert found(repository, "base..HEAD", paths=paths) == keys


def test_paths_narrow_files_and_not_messages(repository: Repository) -> None:
    in_a_message(repository)
    repository.stage("src/a", "nothing")
    repository.commit()
    assert found(repository, "base..HEAD", paths=("src",)) == {NEW}


def test_a_path_that_nobody_touched_is_clean_and_one_that_there_never_was_is_an_error(
    repository: Repository,
) -> None:
    repository.stage("src/a", NEW_PAIR)
    repository.commit()
    assert found(repository, "base..HEAD", paths=("old.ini",)) == set()
    with pytest.raises(UsageError, match="'scr' is nothing that a selected commit has"):
        narrowed(repository, "base..HEAD", paths=("src", "scr"))


@pytest.mark.parametrize("path", ["", "/etc", "../up", "src/../../up"])
def test_what_cannot_be_a_path_of_a_repository_is_refused(repository: Repository, path: str) -> None:
    with pytest.raises(UsageError, match="--paths"):
        narrowed(repository, "base..HEAD", paths=(path,))


def cloned(repository: Repository, path: Path, *options: str) -> Repository:
    command = ["git", "clone", "-q", *options, f"file://{repository.path}", os.fspath(path)]
    subprocess.run(command, env=environment(), check=True)
    return Repository(path)


def test_a_range_inside_of_a_shallow_clone_is_exact(repository: Repository, tmp_path: Path) -> None:
    linear(repository)
    linear(repository)
    clone = cloned(repository, tmp_path / "clone", "--depth=2")
    assert found(clone, "HEAD~1..HEAD") == set()


def test_a_range_that_reaches_the_edge_of_a_shallow_clone_is_incomplete(
    repository: Repository, tmp_path: Path
) -> None:
    linear(repository)
    clone = cloned(repository, tmp_path / "clone", "--depth=1")
    result = narrowed(clone, "HEAD")
    (problem,) = result.problems
    assert (result.findings, problem.code) == ((), ProblemCode.MISSING_OBJECT)
    assert "fetch-depth: 0" in problem.message


def test_blobs_that_a_partial_clone_lacks_are_problems_and_are_not_fetched(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    linear(repository)
    clone = cloned(repository, tmp_path / "clone", "--no-checkout", "--filter=blob:none")
    before = clone.git("cat-file", "--batch-all-objects", "--batch-check")
    result = narrowed(clone, "origin/main~1..origin/main")
    (problem,) = result.problems
    assert (problem.code, problem.origin and problem.origin.path) == (ProblemCode.MISSING_OBJECT, "a")
    assert result.objects
    assert result.objects.skipped == 1
    assert clone.git("cat-file", "--batch-all-objects", "--batch-check") == before


def test_trees_that_a_partial_clone_lacks_are_problems(repository: Repository, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    for number in range(150):
        repository.stage("a", f"{number}\n")
        repository.commit()
    clone = cloned(repository, tmp_path / "clone", "--no-checkout", "--filter=tree:0")
    result = narrowed(clone, "origin/main")
    assert result.problems
    assert all(problem.code is ProblemCode.MISSING_OBJECT for problem in result.problems)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_large_selection_gives_the_same_with_workers(tmp_path: Path, jobs: int) -> None:
    repository = Repository(tmp_path / "r")
    rng = random.Random(72)
    keys = set()
    stream = []
    for number in range(1, 4002):
        text = f"{rng.random()} "
        if number % 500 == 0:
            keys.add(one := key_id(rng))
            text += f"aws_access_key_id = {one}\naws_secret_access_key = {secret(rng)}\n"
        stream.append(b"blob\nmark :%d\ndata %d\n%s\n" % (number, len(text), text.encode()))
        stream.append(b"commit refs/heads/main\ncommitter A <a@example.net> %d +0000\ndata 1\nx\n" % number)
        stream.append(b"M 100644 :%d f%d\n" % (number, number % 50))
    repository.git("fast-import", "--quiet", stdin=b"".join(stream))
    result = scan_narrowed(os.fspath(repository.path), Narrowing(("main",)), jobs=jobs)
    assert ({finding.key_id for finding in result.findings}, result.problems) == (keys, ())
    assert [len(each.introduced) + len(each.removed) for each in result.findings[0].exposures] == [2]
    assert result.objects
    assert (result.objects.listed, result.objects.skipped) == (8002, 0)
