"""Bundles are scanned as the repositories they were made of, and those that are not whole as far as they go."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.errors import KeysweepError
from keysweep.findings import ProblemCode, ScanResult
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.whole import scan_source
from tests.repositories import Repository

RNG = random.Random(71)
IDS = [key_id(RNG) for _ in range(2)]
SECRETS = [secret(RNG) for _ in range(2)]
PAIRS = [
    f"aws_access_key_id = {one}\naws_secret_access_key = {two}\n" for one, two in zip(IDS, SECRETS, strict=True)
]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, and no configuration of whoever runs the tests."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr("tempfile.tempdir", os.fspath(directory))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return directory


def scanned(path: Path) -> ScanResult:
    return scan_source(os.fspath(path), scan_history)


def history(tmp_path: Path, *options: str) -> Repository:
    """A key in a large file that was there before it, and another one that was taken out again."""
    repository = Repository(tmp_path / "r", options=options)
    lines = "".join(f"line {RNG.random()}\n" for _ in range(2000))
    repository.stage("large.txt", lines)
    repository.commit("before")
    repository.git("tag", "before")
    repository.stage("large.txt", lines + PAIRS[0])
    repository.commit("into a large file")
    repository.stage("new/key.ini", PAIRS[1])
    repository.commit("into a new one")
    repository.git("rm", "-q", "new/key.ini")
    repository.commit("out again")
    return repository


def bundle(repository: Repository, *revisions: str) -> Path:
    path = repository.path.parent / "some.file"
    repository.git("bundle", "create", "-q", os.fspath(path), *revisions)
    return path


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_a_bundle_tells_the_same_as_its_repository(tmp_path: Path, temporary: Path, form: str) -> None:
    repository = history(tmp_path, f"--object-format={form}")
    repository.git("update-ref", "refs/pull/1/head", "HEAD~1")
    result, expected = scanned(bundle(repository, "--all")), scanned(repository.path)
    assert {finding.key_id for finding in result.findings} == set(IDS)
    assert {(each.fingerprint, each.exposures) for each in result.findings} == {
        (each.fingerprint, each.exposures) for each in expected.findings
    }
    assert (result.problems, result.objects) == ((), expected.objects)
    assert list(temporary.iterdir()) == []


def test_a_bundle_that_builds_on_what_it_does_not_hold_is_scanned_as_far_as_it_goes(
    tmp_path: Path, temporary: Path
) -> None:
    result = scanned(bundle(history(tmp_path), "before..main"))
    (finding,) = result.findings
    assert (finding.key_id, finding.exposures[0].path) == (IDS[1], "new/key.ini")
    assert ProblemCode.MISSING_OBJECT in {problem.code for problem in result.problems}
    assert "1 of the 8 objects in the bundle some.file cannot be read" in result.problems[0].message
    assert result.objects
    assert (result.objects.listed, result.objects.scanned, result.objects.skipped) == (8, 7, 1)
    assert list(temporary.iterdir()) == []


def test_a_bundle_that_only_has_its_commits_elsewhere_is_scanned_whole(tmp_path: Path) -> None:
    repository = history(tmp_path)
    result = scanned(bundle(repository, "main~2..main"))
    assert {finding.key_id for finding in result.findings} == {IDS[1]}
    assert result.objects
    assert result.objects.skipped == 0
    assert ProblemCode.MISSING_OBJECT not in {problem.code for problem in result.problems}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_bundle_that_was_cut_short_is_never_clean(tmp_path: Path, temporary: Path, share: float) -> None:
    path = bundle(history(tmp_path), "--all")
    os.truncate(path, int(path.stat().st_size * share))
    result = scanned(path)
    assert ProblemCode.DAMAGED in {problem.code for problem in result.problems}
    assert result.objects
    assert result.objects.listed == result.objects.scanned + result.objects.skipped == 11
    assert result.objects.skipped
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# v2 git bundle\n", "cut short or damaged"),
        (b"# v2 git bundle\nnonsense\n\nPACK", "cut short or damaged"),
        (b"# v2 git bundle\n" + b"0" * 40 + b" refs/heads/main\n", "cut short or damaged"),
        (b"# v2 git bundle\n" + b"0" * 40 + b" refs/heads/main\n\n", "holds no pack"),
        (b"# v3 git bundle\n@object-format=sha7\n\nPACK", "holds no pack"),
        (b"# v2 git bundle\n" + b"0" * 40 + b" " + b"r" * (1 << 17) + b"\n\n", "cut short or damaged"),
        (b"# v9 git bundle\n", "is no bundle of git"),
        (b"", "is no bundle of git"),
        (b"PACK", "is no bundle of git"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "some.bundle"
    path.write_bytes(content)
    with pytest.raises(KeysweepError, match=words):
        scanned(path)


def test_a_bundle_without_a_single_whole_object_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "some.bundle"
    path.write_bytes(b"# v2 git bundle\n\nPACK" + (2).to_bytes(4, "big") + (9).to_bytes(4, "big"))
    result = scanned(path)
    assert result.objects
    assert (result.objects.listed, result.objects.skipped) == (9, 9)
    assert result.problems


@pytest.mark.parametrize(
    "name",
    [
        "../../HEAD",
        "refs/heads/../../../x",
        "refs/heads/a b",
        "refs/heads/.lock",
        "refs/heads/\x1b[31m",
        "main",
        "/etc/x",
    ],
)
def test_refs_that_git_would_not_take_hide_nothing_and_are_written_nowhere(tmp_path: Path, name: str) -> None:
    repository = history(tmp_path)
    path = bundle(repository, "--all")
    content = path.read_bytes()
    path.write_bytes(content.replace(b" refs/heads/main\n", f" {name}\n".encode()))
    result = scanned(path)
    assert {finding.key_id for finding in result.findings} == set(IDS)
    assert result.problems == ()
    assert {ref for each in result.findings for exposure in each.exposures for ref in exposure.refs} == {"HEAD"}


def test_refs_to_objects_that_are_not_there_hide_no_other(tmp_path: Path) -> None:
    repository = history(tmp_path)
    path = bundle(repository, "--all")
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(head + b"\n" + b"1" * 40 + b" refs/heads/a\n" + rest)
    refs = {ref for each in scanned(path).findings for exposure in each.exposures for ref in exposure.refs}
    assert refs == {"HEAD", "refs/heads/main"}
