"""Which commits are selected: ranges as people and CI systems give them, dates, refs, and what is refused."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from keysweep.errors import IncompleteError, UsageError
from keysweep.sources.history.part.selection import Narrowing, Selection, select
from tests.repositories import Repository, environment

ZERO = "0" * 40
GONE = "1" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Four commits on main, tagged c1 to c4, and two on a side branch from c2, tagged s1 and s2."""
    repository = Repository(tmp_path / "r")
    for number in range(1, 5):
        commit(repository, f"c{number}")
    repository.git("checkout", "-q", "-b", "side", "c2")
    for number in range(1, 3):
        commit(repository, f"s{number}")
    repository.git("checkout", "-q", "main")
    return repository


def commit(repository: Repository, name: str) -> None:
    repository.stage(name, f"{name}\n")
    repository.commit(name)
    repository.git("tag", name)


def selection(
    repository: Repository, *ranges: str, since: str | None = None, refs: tuple[str, ...] = ()
) -> Selection:
    return select(os.fspath(repository.path), Narrowing(ranges, since, refs))


def names(repository: Repository, *ranges: str, since: str | None = None, refs: tuple[str, ...] = ()) -> str:
    """The selected commits by their subjects."""
    chosen = selection(repository, *ranges, since=since, refs=refs).commits
    return " ".join(
        sorted(
            repository.git("--no-replace-objects", "log", "-1", "--format=%s", each).decode().strip()
            for each in chosen
        )
    )


def full(repository: Repository, name: str) -> str:
    return repository.git("rev-parse", name).decode().strip()


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (("c2..c4",), "c3 c4"),
        (("c2..HEAD",), "c3 c4"),
        (("main..side",), "s1 s2"),
        (("main...side",), "c3 c4 s1 s2"),
        (("main~1..refs/heads/main",), "c4"),
        (("main^..main",), "c4"),
        (("c2",), "c1 c2"),
        (("side", "^c2"), "s1 s2"),
        (("^c2", "side"), "s1 s2"),
        (("c2..side", "c3..main"), "c4 s1 s2"),
        (("^c2",), "c3 c4 s1 s2"),
        (("main..main",), ""),
        (("main..c1",), ""),
        ((f"main..{ZERO}",), ""),
    ],
)
def test_ranges_mean_what_they_mean_to_git(repository: Repository, ranges: tuple[str, ...], expected: str) -> None:
    assert names(repository, *ranges) == expected


def test_whole_and_short_ids_and_annotated_tags_are_revisions(repository: Repository) -> None:
    repository.git("tag", "-a", "v1", "-m", "annotated", "c2")
    assert names(repository, f"{full(repository, 'c2')}..{full(repository, 'c4')}") == "c3 c4"
    assert names(repository, f"{full(repository, 'c2')[:12]}..{full(repository, 'c4')[:12]}") == "c3 c4"
    assert names(repository, "v1..main") == "c3 c4"
    assert names(repository, "v1^{}..main") == "c3 c4"


@pytest.mark.parametrize(
    "given",
    ["", "..", "...", "c2..", "..c4", "...c4", "^", "c2...", "--all", "-n1", "--output=x", " ", "c2 c4", "^^c2"],
)
def test_what_is_no_range_is_refused_and_never_an_option(repository: Repository, given: str) -> None:
    with pytest.raises(UsageError, match="--range"):
        selection(repository, given)
    assert not (repository.path / "x").exists()


@pytest.mark.parametrize(
    "name",
    [
        "nowhere",
        "--all",
        "$(touch x)",
        "main:c1",
        "main^{tree}",
        "HEAD@{bogus}",
        "\x1b[31m",
        "a\nb",
        "é",
        "\udcff",
    ],
)
@pytest.mark.parametrize("form", ["{}..main", "main..{}", "main...{}", "{}"])
def test_what_names_no_commit_is_one_sentence(repository: Repository, name: str, form: str) -> None:
    with pytest.raises(UsageError) as failure:
        selection(repository, form.format(name))
    assert "is no commit here" in str(failure.value)


def test_an_end_that_is_not_here_is_an_error(repository: Repository) -> None:
    with pytest.raises(UsageError, match="no commit here: check how it is written, or fetch it"):
        selection(repository, f"main..{GONE}")
    blob = full(repository, "main:c1")
    with pytest.raises(UsageError, match="no commit here"):
        selection(repository, f"{blob}..main")


def test_a_name_that_could_mean_two_commits_is_refused(repository: Repository) -> None:
    """A tag that hides the branch would empty the range."""
    repository.git("update-ref", "refs/remotes/origin/main", "c2")
    assert names(repository, "origin/main..main") == "c3 c4"
    repository.git("update-ref", "refs/tags/origin/main", "main")
    with pytest.raises(UsageError, match="refs/remotes/origin/main or refs/tags/origin/main: write its full name"):
        selection(repository, "origin/main..main")
    assert names(repository, "refs/remotes/origin/main..main") == "c3 c4"
    repository.git("update-ref", "refs/tags/origin/main", "c2")
    assert names(repository, "origin/main~1..main") == "c2 c3 c4"


def test_a_first_push_selects_what_no_other_branch_of_a_remote_has(repository: Repository) -> None:
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.git("update-ref", "refs/remotes/origin/side", "side")
    assert names(repository, f"{ZERO}..side") == "s1 s2"
    assert names(repository, f"{ZERO}...side") == "s1 s2"
    assert selection(repository, f"{ZERO}..side").notes
    assert names(repository, f"^{ZERO}", "side") == "s1 s2"


def test_branches_that_are_pushed_together_do_not_hide_one_another(repository: Repository) -> None:
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    for name in ("side", "same"):
        repository.git("update-ref", f"refs/remotes/origin/{name}", "side")
    assert names(repository, f"{ZERO}..side") == "s1 s2"
    repository.git("update-ref", "refs/remotes/origin/below", "s1")
    assert names(repository, f"{ZERO}..s1", f"{ZERO}..side") == "s1 s2"
    assert names(repository, f"{ZERO}..s1") == "s1"


def test_a_first_push_without_another_branch_selects_everything(repository: Repository) -> None:
    assert names(repository, f"{ZERO}..side") == "c1 c2 s1 s2"
    assert names(repository, f"{'0' * 64}..side") == "c1 c2 s1 s2"


def test_a_forced_push_over_what_is_not_here_selects_what_no_other_branch_has(repository: Repository) -> None:
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    chosen = selection(repository, f"{GONE}..side")
    assert len(chosen.commits) == 2
    assert chosen.notes == (
        "111111111111 is not here (a forced push?): scanned is what no other remote branch has",
    )


def test_a_forced_push_over_what_is_here_selects_what_is_new(repository: Repository) -> None:
    old = full(repository, "side")
    repository.git("checkout", "-q", "side")
    repository.git("reset", "-q", "--hard", "s1", "--")
    commit(repository, "rewritten")
    assert names(repository, f"{old}..side") == "rewritten"


def shallow(repository: Repository, path: Path, depth: int) -> Repository:
    command = ["git", "clone", "-q", f"--depth={depth}", f"file://{repository.path}", os.fspath(path)]
    subprocess.run(command, env=environment(), check=True)
    return Repository(path)


def test_a_shallow_clone_without_an_end_of_the_range_says_what_to_fetch(
    repository: Repository, tmp_path: Path
) -> None:
    clone = shallow(repository, tmp_path / "clone", 1)
    with pytest.raises(IncompleteError, match="fetch-depth: 0"):
        selection(clone, f"{full(repository, 'c3')}..HEAD")
    with pytest.raises(IncompleteError, match="fetch-depth: 0"):
        selection(clone, f"HEAD..{full(repository, 'side')}")
    with pytest.raises(UsageError, match="fetch-depth: 0"):
        selection(clone, "origin/side..HEAD")
    with pytest.raises(UsageError, match="fetch-depth: 0"):
        selection(clone, "HEAD~1..HEAD")


def test_commits_at_the_edge_of_a_shallow_clone_are_told_apart(repository: Repository, tmp_path: Path) -> None:
    clone = shallow(repository, tmp_path / "clone", 2)
    assert selection(clone, "HEAD~1..HEAD").cut == ()
    assert selection(clone, "HEAD").cut == (full(repository, "c3"),)


def test_refs_are_meant_by_their_names_their_beginnings_or_globs(repository: Repository) -> None:
    repository.git("update-ref", "refs/pull/7/head", "side")
    repository.git("update-ref", "refs/heads/release/1.0", "c1")
    assert names(repository, refs=("side",)) == "c1 c2 s1 s2"
    assert names(repository, refs=("refs/heads/si*",)) == "c1 c2 s1 s2"
    assert names(repository, refs=("refs/pull/*",)) == "c1 c2 s1 s2"
    assert names(repository, refs=("release",)) == "c1"
    assert names(repository, refs=("release/", "c2")) == "c1 c2"
    assert names(repository, refs=("HEAD",)) == "c1 c2 c3 c4"


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("man", "refs/heads/main"),
        ("feature/side", "refs/heads/side"),
        ("refs/heads/sid", "refs/heads/side"),
        ("xyzzy", "git for-each-ref"),
        ("", "git for-each-ref"),
        ("--all", "git for-each-ref"),
    ],
)
def test_a_pattern_that_matches_no_ref_names_near_ones(repository: Repository, pattern: str, near: str) -> None:
    with pytest.raises(UsageError, match="matches no ref") as failure:
        selection(repository, refs=(pattern,))
    assert near in str(failure.value)


def test_a_ref_that_leads_to_no_commit_selects_nothing(repository: Repository) -> None:
    repository.git("tag", "blob", full(repository, "main:c1"))
    assert names(repository, refs=("blob",)) == ""


def dated(tmp_path: Path) -> Repository:
    """Commits of 2020, 2022, 2019 (a clock that was wrong) and 2024, each named after its year."""
    repository = Repository(tmp_path / "dated")
    for number, year in enumerate((2020, 2022, 2019, 2024)):
        when = f"{year}-06-01T12:00:00Z"
        repository.git("checkout", "-q", "--orphan", "x") if number == 0 else None
        tree = repository.git("write-tree").decode().strip()
        parents = ("-p", "HEAD") if number else ()
        made = subprocess.run(
            ["git", "-C", os.fspath(repository.path), "commit-tree", tree, *parents, "-m", str(year)],
            env=environment() | {"GIT_COMMITTER_DATE": when}, check=True, capture_output=True,
        ).stdout.decode().strip()  # fmt: skip
        repository.git("update-ref", "HEAD", made)
    return repository


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2024-06-01", "2024"),
        ("2024-06-01T12:00:00Z", "2024"),
        ("2024-06-01T14:00:00+02:00", "2024"),
        ("2024-06-01 12:00:01", ""),
        ("2021-01-01", "2022 2024"),
        ("2018-01-01", "2019 2020 2022 2024"),
        ("@1577836800", "2020 2022 2024"),
        ("100 years ago", "2019 2020 2022 2024"),
        ("99999 weeks ago", "2019 2020 2022 2024"),
        ("2.weeks.ago", ""),
        ("1 year 2 months", ""),
        ("yesterday", ""),
    ],
)
def test_since_selects_by_the_date_of_commit_whatever_stands_between(
    tmp_path: Path, since: str, expected: str
) -> None:
    assert names(dated(tmp_path), since=since) == expected


def test_an_age_counts_from_now(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    when = {"GIT_COMMITTER_DATE": f"@{int(time.time()) - 3 * 86_400} +0000"}
    subprocess.run(
        ["git", "-C", os.fspath(repository.path), "commit", "-q", "--allow-empty", "-m", "old"],
        env=environment() | when, check=True,
    )  # fmt: skip
    assert names(repository, since="4 days ago") == "old"
    assert names(repository, since="2 days ago") == ""


@pytest.mark.parametrize(
    "since",
    ["", "nonsense", "a week ago", "last summer", "2024-13-01", "--all", "2 weeks hence", "12", "now", "5"],
)
def test_a_date_that_is_none_is_refused_instead_of_taken_for_now(repository: Repository, since: str) -> None:
    with pytest.raises(UsageError, match="is no date"):
        selection(repository, since=since)


def test_a_date_in_the_future_is_refused(repository: Repository) -> None:
    with pytest.raises(UsageError, match="lies in the future"):
        selection(repository, since="2999-01-01")


def test_conditions_hold_together(repository: Repository) -> None:
    assert names(repository, "c1..main", refs=("c3",)) == "c2 c3"
    assert names(repository, "^c1", refs=("side",)) == "c2 s1 s2"
    assert names(repository, "c1..main", since="2023-01-01", refs=("c3",)) == "c2 c3"
    assert names(repository, "c1..main", since="2024-02-01") == ""


def test_without_a_range_what_a_ref_reaches_is_selected(repository: Repository) -> None:
    repository.git("update-ref", "refs/odd", "side")
    repository.git("branch", "-q", "-D", "side")
    assert names(repository, since="2000-01-01") == "c1 c2 c3 c4 s1 s2"


def test_an_empty_repository_has_nothing_to_select(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    assert selection(repository, since="2000-01-01").commits == ()


def test_annotated_tags_are_selected_with_the_commit_that_they_lead_to(repository: Repository) -> None:
    repository.git("tag", "-a", "inside", "-m", "x", "c3")
    repository.git("tag", "-a", "around", "-m", "x", "inside")
    repository.git("tag", "-a", "before", "-m", "x", "c1")
    repository.git("tag", "-a", "other", "-m", "x", "c4")
    unnamed = full(repository, "other")
    repository.git("tag", "-d", "other")
    inside, around = full(repository, "inside"), full(repository, "around")
    assert set(selection(repository, "c2..main").tags) == {inside, around}
    assert set(selection(repository, f"c2..{unnamed}").tags) == {inside, around, unnamed}


def test_grafts_do_not_hide_commits(repository: Repository) -> None:
    graft = repository.path / ".git/info/grafts"
    graft.parent.mkdir(exist_ok=True)
    graft.write_text(f"{full(repository, 'c4')} {full(repository, 'c1')}\n")
    assert names(repository, "c1..main") == "c2 c3 c4"


def test_a_commit_graph_that_lies_does_not_hide_commits(repository: Repository) -> None:
    """The file that saves git from reading commits says of each of them that it has no parent."""
    repository.git("commit-graph", "write", "--reachable")
    path = repository.path / ".git/objects/info/commit-graph"
    content = bytearray(path.read_bytes())
    begin = content.index(b"CDAT")
    begin = int.from_bytes(content[begin + 4 : begin + 12], "big")
    for number in range(len(repository.git("rev-list", "--all").split())):
        content[begin + number * 36 + 20 : begin + number * 36 + 28] = b"\x70\0\0\0" * 2
    path.chmod(0o600)
    path.write_bytes(content)
    assert len(repository.git("rev-list", "main").split()) == 1
    assert names(repository, "c1..main") == "c2 c3 c4"


def test_replaced_commits_do_not_hide_what_they_replace(repository: Repository) -> None:
    repository.git("replace", "c4", "c1")
    assert names(repository, "c2..main") == "c3 c4"
