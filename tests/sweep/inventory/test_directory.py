"""Repositories on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keysweep.sweep.inventory.filters import Filters
from tests.repositories import Repository
from tests.sweep.inventory.host import listing


@pytest.fixture
def mirrors(tmp_path: Path) -> Path:
    root = tmp_path / "mirrors"
    Repository(root / "acme" / "web.git", options=("--bare",))
    Repository(root / "acme" / "tree").stage("vendor/a", "x")
    Repository(root / "acme" / "tree" / "vendor" / "inner")
    Repository(root / "plain.git", options=("--bare",))
    (root / "empty" / "deep").mkdir(parents=True)
    (root / "README").write_text("no repository")
    return root


def test_every_repository_is_found_also_in_the_work_tree_of_another(mirrors: Path) -> None:
    told = listing(os.fspath(mirrors))
    assert told.names == ["acme/tree", "acme/tree/vendor/inner", "acme/web.git", "plain.git"]
    assert not told.problems
    assert told.listed[2].url == os.fspath(mirrors / "acme" / "web.git")
    assert told.listed[2].identity == os.path.realpath(mirrors / "acme" / "web.git")


def test_a_repository_by_itself_is_all_there_is(mirrors: Path) -> None:
    path = os.fspath(mirrors / "plain.git")
    assert [each.url for each in listing(path).listed] == [path]


def test_a_work_tree_with_a_file_that_leads_to_its_repository_is_found(mirrors: Path) -> None:
    source = Repository(mirrors.parent / "source")
    source.commit()
    source.git("worktree", "add", "-q", os.fspath(mirrors / "more"))
    assert "more" in listing(os.fspath(mirrors)).names


def test_links_are_followed_but_not_in_circles_and_not_twice(mirrors: Path) -> None:
    (mirrors / "again").symlink_to(mirrors)
    (mirrors / "acme" / "up").symlink_to("..")
    (mirrors / "same.git").symlink_to(mirrors / "plain.git")
    (mirrors / "broken").symlink_to("nowhere")
    Repository(mirrors.parent / "elsewhere" / "far.git", options=("--bare",))
    (mirrors / "zzz").symlink_to(mirrors.parent / "elsewhere")
    told = listing(os.fspath(mirrors))
    assert told.names == ["acme/tree", "acme/tree/vendor/inner", "acme/web.git", "plain.git", "zzz/far.git"]
    assert not told.problems


def test_patterns_hold_for_paths(mirrors: Path) -> None:
    told = listing(os.fspath(mirrors), Filters(exclude=("acme/*",)))
    assert told.names == ["plain.git"]
    assert told.left_out == ["excluded"] * 3


def test_a_mirror_says_how_large_it_is(mirrors: Path) -> None:
    repository = Repository(mirrors / "big")
    repository.stage("a", os.urandom(20_000))
    repository.commit()
    repository.git("repack", "-adq")
    sizes = {each.name: each.size_bytes for each in listing(os.fspath(mirrors)).listed}
    assert (sizes["big"] or 0) > 20_000
    assert sizes["plain.git"] is None


def test_a_directory_that_cannot_be_read_is_told(mirrors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mirrors / "empty")
    for _ in range(20):  # to a path that is longer than any that the system takes
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    told = listing(os.fspath(mirrors))
    assert told.names == ["acme/tree", "acme/tree/vendor/inner", "acme/web.git", "plain.git"]
    assert len(told.problems) == 1
    assert told.problems[0].startswith(f"the directory {mirrors}/empty/ddd")
    assert told.problems[0].endswith("cannot be read (File name too long)")
