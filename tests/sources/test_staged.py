"""What a commit would add, in every shape a commit has."""

from __future__ import annotations

import hashlib
import os
import random
import tracemalloc
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.errors import GitError
from keysweep.findings import Kind, ProblemCode, ScanResult
from keysweep.sources.staged import scan_staged
from tests.repositories import Repository

RNG = random.Random(4)
ID, SECRET, ID2, SECRET2 = key_id(RNG), secret(RNG), key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
PAIR2 = f"aws_access_key_id = {ID2}\naws_secret_access_key = {SECRET2}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def staged(repository: Repository, *, whole_files: bool = False) -> ScanResult:
    return scan_staged(cwd=os.fspath(repository.path), whole_files=whole_files)


def places(result: ScanResult) -> list[tuple[str, int, str | None]]:
    assert result.problems == ()
    return [(finding.origin.path, finding.place.line, finding.key_id) for finding in result.findings]


def test_the_first_commit_is_scanned(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    assert places(staged(repository)) == [("a.ini", 1, ID)]


def test_a_repository_of_sha256_objects_is_scanned(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r", options=("--object-format=sha256",))
    repository.stage("a.ini", PAIR)
    assert places(staged(repository)) == [("a.ini", 1, ID)]


def test_the_index_counts_and_not_the_working_tree(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.write("a.ini", "clean\n")
    repository.stage("b.ini", "clean\n")
    repository.write("b.ini", PAIR2)
    assert places(staged(repository)) == [("a.ini", 1, ID)]


def test_a_key_that_was_there_before_is_not_added_again(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.commit()
    repository.stage("a.ini", "# moved down\n\n" + PAIR + "# more\n")
    assert places(staged(repository)) == []
    assert places(staged(repository, whole_files=True)) == [("a.ini", 3, ID)]


def test_a_second_copy_of_a_known_key_is_reported_where_it_was_added(repository: Repository) -> None:
    repository.stage("a.txt", f"first {ID} here\n")
    repository.commit()
    repository.stage("a.txt", f"first {ID} here\nand again {ID} there\n")
    assert places(staged(repository)) == [("a.txt", 2, ID)]


def test_another_key_beside_a_known_one_is_the_only_one_reported(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.commit()
    repository.stage("a.ini", PAIR + "\n[other]\n" + PAIR2)
    assert places(staged(repository)) == [("a.ini", 5, ID2)]


def test_a_new_secret_for_a_known_id_is_a_new_pair(repository: Repository) -> None:
    repository.stage("a.ini", f"aws_access_key_id = {ID}\n")
    repository.commit()
    repository.stage("a.ini", PAIR)
    (finding,) = staged(repository).findings
    assert finding.kind is Kind.PAIR


def test_a_rename_adds_nothing(repository: Repository) -> None:
    repository.stage("a.ini", PAIR + "x = 1\n" * 50)
    repository.commit()
    repository.git("mv", "a.ini", "b.ini")
    assert places(staged(repository)) == []
    repository.stage("b.ini", PAIR + "x = 1\n" * 50 + "[p]\n" + PAIR2)
    assert places(staged(repository)) == [("b.ini", 54, ID2)]


@pytest.mark.parametrize("content", ["x = 1\n" * 50, PAIR + "x = 1\n" * 50])
def test_a_key_in_a_name_is_added_once_and_by_a_rename_too(repository: Repository, content: str) -> None:
    named = f"{ID2}.ini"
    repository.stage("a.ini", content)
    repository.commit()
    repository.git("mv", "a.ini", named)
    assert places(staged(repository)) == [(named, 1, ID2)]
    repository.commit()
    repository.stage(named, content + "y = 2\n")
    assert places(staged(repository)) == []


def test_a_mode_change_and_a_deletion_add_nothing(repository: Repository) -> None:
    repository.stage("a.ini", PAIR)
    repository.stage("b.ini", PAIR2)
    repository.commit()
    repository.git("update-index", "--chmod=+x", "a.ini")
    repository.git("rm", "-q", "b.ini")
    assert places(staged(repository)) == []


def test_a_merge_reports_only_what_the_resolution_adds(repository: Repository) -> None:
    repository.stage("base", "base\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("side.ini", PAIR)
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.stage("main", "main\n")
    repository.commit()
    repository.git("merge", "-q", "--no-ff", "--no-commit", "side")
    assert places(staged(repository)) == []
    repository.stage("resolution.ini", PAIR2)
    assert places(staged(repository)) == [("resolution.ini", 1, ID2)]


def test_both_sides_of_a_conflict_are_scanned(repository: Repository) -> None:
    repository.stage("a.ini", "x = 1\n")
    repository.commit()
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("a.ini", PAIR)
    repository.commit()
    repository.git("checkout", "-q", "main")
    repository.stage("a.ini", "x = 2\n")
    repository.commit()
    repository.git("merge", "-q", "side", check=False)
    assert repository.git("ls-files", "--unmerged")
    (finding,) = staged(repository, whole_files=True).findings
    assert finding.key_id == ID


def test_a_symlink_target_is_scanned_and_never_followed(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(PAIR2)
    os.symlink(tmp_path / "outside", repository.path / "out")
    os.symlink(f"/keys/{ID}", repository.path / "link")
    repository.git("add", "-A")
    assert places(staged(repository)) == [("link", 1, ID)]


def test_a_submodule_is_skipped(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.stage("a.ini", PAIR)
    inner.commit()
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", os.fspath(inner.path), "sub")
    assert places(staged(repository)) == []


def test_intent_to_add_stages_nothing(repository: Repository) -> None:
    repository.write("a.ini", PAIR)
    repository.git("add", "-N", "a.ini")
    assert places(staged(repository)) == []


@pytest.mark.parametrize(
    "name", [b"with\nnewline", b'with "quotes" and \\', b"caf\xc3\xa9", b"latin-\xe9", b" -rf", b":(top)x"]
)
def test_any_file_name_is_reported_as_it_is(repository: Repository, name: bytes) -> None:
    repository.stage(b"./" + name, PAIR)
    assert places(staged(repository)) == [(os.fsdecode(name), 1, ID)]


def test_another_index_file_is_the_one_that_counts(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.stage("a.ini", "clean\n")
    repository.commit()
    repository.stage("a.ini", PAIR)
    index = repository.path / ".git" / "index"
    other = repository.path / ".git" / "other-index"
    other.write_bytes(index.read_bytes())
    repository.git("reset", "-q", "--hard")
    assert places(staged(repository)) == []
    monkeypatch.setenv("GIT_INDEX_FILE", os.fspath(other))
    assert places(staged(repository)) == [("a.ini", 1, ID)]


def test_a_linked_worktree_has_its_own_index(repository: Repository, tmp_path: Path) -> None:
    repository.stage("a", "a\n")
    repository.commit()
    repository.git("worktree", "add", "-q", os.fspath(tmp_path / "linked"))
    linked = Repository.__new__(Repository)
    linked.path = tmp_path / "linked"
    linked.stage("b.ini", PAIR)
    assert places(staged(linked)) == [("b.ini", 1, ID)]
    assert places(staged(repository)) == []


def test_a_sparse_checkout_is_scanned(repository: Repository) -> None:
    repository.stage("in/a", "a\n")
    repository.stage("out/b", "b\n")
    repository.commit()
    repository.git("sparse-checkout", "set", "--sparse-index", "in")
    repository.stage("in/keys.ini", PAIR)
    assert places(staged(repository)) == [("in/keys.ini", 1, ID)]


def test_from_a_subdirectory_the_whole_index_is_scanned(repository: Repository) -> None:
    repository.stage("deep/er/x", "x\n")
    repository.stage("a.ini", PAIR)
    result = scan_staged(cwd=os.fspath(repository.path / "deep" / "er"))
    assert places(result) == [("a.ini", 1, ID)]


def lfs_pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


def test_behind_an_lfs_pointer_the_real_content_is_scanned(repository: Repository) -> None:
    content = PAIR.encode()
    digest = hashlib.sha256(content).hexdigest()
    repository.write(f".git/lfs/objects/{digest[:2]}/{digest[2:4]}/{digest}", content)
    repository.stage("big.bin", lfs_pointer(content))
    assert places(staged(repository)) == [("big.bin", 1, ID)]


def test_an_lfs_object_that_is_not_here_makes_the_scan_incomplete(repository: Repository) -> None:
    repository.stage("big.bin", lfs_pointer(b"elsewhere"))
    (problem,) = staged(repository).problems
    assert problem.code is ProblemCode.MISSING_OBJECT


def test_a_large_clean_change_is_not_held_at_once(repository: Repository) -> None:
    for number in range(40):
        repository.write(f"{number}.txt", f"line {number}\n" * 100_000)
    repository.stage("k.ini", PAIR)
    repository.git("add", "-A")
    tracemalloc.start()
    result = staged(repository)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert places(result) == [("k.ini", 1, ID)]
    assert peak < 20 << 20


def test_a_pair_split_over_two_staged_files_is_joined(repository: Repository) -> None:
    repository.stage("keys/id.txt", f"{ID}\n")
    repository.stage("keys/secret.txt", f"aws_secret_access_key={SECRET}\n")
    (finding,) = staged(repository).findings
    assert finding.kind is Kind.PAIR
    assert finding.parts[1].origin is not None
    assert finding.parts[1].origin.path == "keys/secret.txt"


def test_outside_a_repository_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"not a git repository.*run keysweep inside one"):
        scan_staged(cwd=os.fspath(tmp_path))
