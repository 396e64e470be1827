"""A second sweep says what a first one would say, whatever happened in between, and keeps no secret for that."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Finding, ProblemCode, ScanResult
from keysweep.sources.history import full
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.objects.stores import Stores
from keysweep.sources.history.rescans.remembered import Snapshot, snapshot
from tests.repositories import Repository
from tests.sources.test_history import evolve


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("KEYSWEEP_CACHE", os.fspath(cache))
    return cache


def told(result: ScanResult) -> list[object]:
    """All that a report says of the findings, and what went wrong."""
    return [
        list(map(_told, result.findings)),
        sorted(problem.message for problem in result.problems),
        result.objects and (result.objects.listed, result.objects.scanned, result.objects.skipped),
    ]


def _told(finding: Finding) -> object:
    origin, place = finding.origin, finding.place
    where = (origin.path, origin.commit, origin.members, place.line, place.offset) if finding.exposures else ()
    return finding.fingerprint, finding.kind, where, finding.exposures


def rescanned(repository: Repository, earlier: int | None = None) -> ScanResult:
    """Scan with what is remembered, and hold it to a scan without."""
    path = os.fspath(repository.path)
    result = scan_history(path, cached=True)
    assert told(result) == told(scan_history(path))
    if earlier is not None:
        assert result.objects is not None
        assert result.objects.earlier == earlier
    return result


NOTHING = "0123456789abcdef" * 3
"""What is no key and yet makes a sweep: what certainly holds none is told without, and nothing of it remembered."""


def pair(rng: random.Random) -> str:
    return f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {secret(rng)}\n"


def test_what_did_not_change_is_not_scanned_again(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(1)))
    repository.commit()
    assert len(rescanned(repository, earlier=0).findings) == 1
    assert rescanned(repository, earlier=3).scanned_bytes == 0


def test_what_did_not_change_does_not_even_load_numpy(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(1)))
    repository.commit()
    code = (
        "import sys\n"
        "from keysweep.sources.history.full import scan_history\n"
        "print(len(scan_history(sys.argv[1], cached=True).findings), 'numpy' in sys.modules)"
    )
    for loaded in (True, False):
        run = subprocess.run([sys.executable, "-c", code, repository.path], capture_output=True, text=True)
        assert run.stdout == f"1 {loaded}\n", run.stderr


def test_a_pack_without_an_index_is_told_of_though_all_else_is_known(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(1)))
    repository.commit()
    repository.git("repack", "-q", "-a", "-d")
    rescanned(repository, earlier=0)
    (pack,) = repository.path.glob(".git/objects/pack/*.pack")
    shutil.copy(pack, pack.with_name("pack-" + "0" * 40 + ".pack"))
    (problem,) = rescanned(repository).problems
    assert "it has no index" in problem.message


def test_only_what_is_new_is_scanned(tmp_path: Path) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(2)
    repository.stage("key.ini", pair(rng))
    repository.commit()
    rescanned(repository)
    repository.stage("other.ini", pair(rng))
    repository.commit()
    assert len(rescanned(repository, earlier=3).findings) == 2
    repository.git("rm", "-q", "key.ini")
    repository.commit("take one out")
    (taken,) = [each for each in rescanned(repository, earlier=6).findings if each.exposures[0].removed]
    assert taken.exposures[0].refs == ()


def _grow(repository: Repository, rng: random.Random) -> None:
    evolve(repository, rng, 3)


def _repack(repository: Repository, _: random.Random) -> None:
    repository.git("repack", "-adfq")


def _pack_what_is_loose(repository: Repository, _: random.Random) -> None:
    repository.git("repack", "-dq")


def _drop_and_prune(repository: Repository, _: random.Random) -> None:
    repository.git("reset", "-q", "--hard", "HEAD~1", check=False)
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "-q", "--prune=now")


def _merge(repository: Repository, rng: random.Random) -> None:
    repository.git("checkout", "-q", "-b", f"side{rng.random()}", "HEAD~1", check=False)
    repository.stage(f"side{rng.random()}.ini", pair(rng))
    side = repository.commit("side")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "-X", "ours", "-m", "merge", side)


def _tag(repository: Repository, rng: random.Random) -> None:
    repository.git("tag", "-a", "-m", f"a tag {pair(rng)}", f"t{rng.random()}")


def _stay(repository: Repository, rng: random.Random) -> None:
    """Nothing happens."""


_EVENTS: tuple[Callable[[Repository, random.Random], None], ...] = (
    _grow,
    _grow,
    _repack,
    _pack_what_is_loose,
    _drop_and_prune,
    _merge,
    _tag,
    _stay,
)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_in_between_the_next_scan_says_what_a_first_one_would(tmp_path: Path, seed: int) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(seed)
    repository.stage("first.ini", pair(rng))
    repository.commit()
    repository.stage("second.ini", pair(rng))
    repository.commit()
    rescanned(repository)
    for _ in range(7):
        rng.choice(_EVENTS)(repository, rng)
        rescanned(repository)


def test_a_shallow_clone_that_is_deepened_is_told_anew(tmp_path: Path) -> None:
    origin, rng = Repository(tmp_path / "origin"), random.Random(3)
    origin.stage("key.ini", pair(rng))
    origin.commit("bring it")
    origin.stage("other.txt", "nothing")
    origin.commit("something else")
    clone = Repository(tmp_path / "clone")
    clone.git("fetch", "-q", "--depth=1", f"file://{origin.path}", "main:main", "--update-head-ok")
    (cut,) = rescanned(clone).findings
    clone.git("fetch", "-q", "--unshallow", f"file://{origin.path}", "main:main", "--update-head-ok")
    (whole,) = rescanned(clone).findings
    assert cut.exposures[0].introduced[0].subject == "something else"
    assert whole.exposures[0].introduced[0].subject == "bring it"


def test_a_shallow_clone_that_is_fetched_again_blames_no_commit_for_what_stood_before(tmp_path: Path) -> None:
    """Git takes the new border for the beginning, though the commits before it are still there."""
    origin, rng = Repository(tmp_path / "origin"), random.Random(4)
    fetch = ("fetch", "-q", "--depth=1", f"file://{origin.path}", "+main:main", "--update-head-ok")
    clone = Repository(tmp_path / "clone")
    told_of = []
    for name, content in (("key.ini", pair(rng)), ("other.txt", "nothing"), ("key.ini", "clean")):
        origin.stage(name, content)
        origin.commit(f"change {name}")
        clone.git(*fetch)
        (finding,) = rescanned(clone).findings
        (exposure,) = finding.exposures
        told_of.append(([each.subject for each in exposure.introduced], len(exposure.removed)))
    assert told_of == [(["change key.ini"], 0), (["change key.ini"], 0), (["change key.ini"], 1)]


def test_a_merge_that_differs_in_a_mode_only_takes_nothing_out(tmp_path: Path) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(5)
    repository.stage("key.ini", pair(rng))
    repository.commit()
    repository.git("checkout", "-q", "-b", "side")
    repository.stage("key.ini", "clean")
    repository.commit("clean it")
    repository.git("checkout", "-q", "main")
    (repository.path / "key.ini").chmod(0o755)
    repository.git("add", "key.ini")
    repository.commit("make it run")
    rescanned(repository)
    repository.git("merge", "-q", "--no-edit", "side")
    (finding,) = rescanned(repository).findings
    assert [each.subject for each in finding.exposures[0].removed] == ["clean it"]


def test_a_commit_that_comes_while_a_first_scan_begins_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(6)
    repository.stage("old.txt", NOTHING)
    repository.commit()

    def look_and_commit(stores: Stores) -> Snapshot:
        seen = snapshot(stores)
        repository.stage("key.ini", pair(rng))
        repository.commit("while it is scanned")
        return seen

    with monkeypatch.context() as patched:
        patched.setattr(full, "snapshot", look_and_commit)
        rescanned(repository)
    for _ in range(2):
        (finding,) = rescanned(repository).findings
        assert len(finding.exposures[0].introduced) == 1


def test_ctrl_c_while_it_is_remembered_costs_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(7)))
    repository.commit()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", interrupt)
            result = scan_history(os.fspath(repository.path), cached=True)
        assert len(result.findings) == 1
        assert not [path for path in tmp_path.joinpath("cache").iterdir() if path.name.startswith(".new")]
        rescanned(repository)


def test_an_object_that_comes_back_is_told_with_the_commit_that_had_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(10)))
    commit = repository.commit()
    blob = repository.git("rev-parse", "HEAD:key.ini").decode().strip()
    loose = repository.path / ".git/objects" / blob[:2] / blob[2:]
    loose.rename(tmp_path / "kept")
    rescanned(repository)
    (tmp_path / "kept").rename(loose)
    (finding,) = rescanned(repository).findings
    assert [each.id for each in finding.exposures[0].introduced] == [commit]


def test_a_leak_in_two_archives_and_a_message_is_told_as_it_stands_in_each(tmp_path: Path) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(11)
    text = pair(rng)
    for number, name in enumerate(("x", "deep/y")):
        inside = tmp_path / str(number) / name
        inside.parent.mkdir(parents=True)
        inside.write_text("#" * number + "\n" + text)
        archive = shutil.make_archive(os.fspath(tmp_path / f"a{number}"), "tar", tmp_path / str(number))
        shutil.move(archive, repository.path)
    repository.git("add", "-A")
    repository.commit()
    repository.git("rm", "-q", "a0.tar")
    repository.commit(f"taken out:\n\n{text}")
    for _ in range(2):
        rescanned(repository)
    repository.git("gc", "-q")
    rescanned(repository)


def test_what_a_limit_kept_from_being_scanned_is_tried_and_told_each_time(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    deep = repository.write("a.txt", pair(random.Random(4)))
    for number in range(8):
        shutil.make_archive(os.fspath(tmp_path / f"z{number}"), "zip", deep.parent, deep.name)
        deep = Path(shutil.move(tmp_path / f"z{number}.zip", repository.path / f"z{number}.zip"))
    repository.git("add", "-A")
    repository.commit()
    first, second = rescanned(repository), rescanned(repository)
    assert ProblemCode.LIMIT in {problem.code for problem in first.problems}
    assert told(first) == told(second)


def test_nothing_kept_holds_a_secret(tmp_path: Path, own_cache: Path) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(5)
    hidden = secret(rng)
    repository.stage("key.ini", f"aws_access_key_id = {key_id(rng)}\naws_secret_access_key = {hidden}\n")
    repository.commit(f"the secret_access_key is {hidden}")
    assert rescanned(repository).findings
    kept = list(own_cache.glob("history-*"))
    assert kept
    for file in own_cache.iterdir():
        assert hidden.encode() not in file.read_bytes()


def test_other_limits_or_rules_look_at_everything_again(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(6)))
    repository.commit()
    path = os.fspath(repository.path)
    for settings in ({}, {"limits": Limits(container_depth=1)}, {"options": Options(report_placeholders=True)}):
        result = scan_history(path, cached=True, **settings)
        assert result.objects is not None
        assert result.objects.earlier == 0


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, None])
def test_a_cache_that_is_damaged_or_half_gone_costs_time_only(
    tmp_path: Path, own_cache: Path, damage: bytes | None
) -> None:
    repository, rng = Repository(tmp_path / "r"), random.Random(7)
    repository.stage("key.ini", pair(rng))
    repository.commit()
    rescanned(repository)
    for file in own_cache.glob("objects-*"):
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage)
    repository.stage("more.ini", pair(rng))
    repository.commit()
    assert len(rescanned(repository, earlier=0).findings) == 2


def test_a_list_of_objects_goes_only_with_what_was_written_beside_it(tmp_path: Path, own_cache: Path) -> None:
    """A full disk, a kill, or another scan at the same time may leave the page of an earlier scan."""
    repository, rng = Repository(tmp_path / "r"), random.Random(9)
    repository.stage("a", NOTHING)
    repository.commit()
    rescanned(repository)
    (page,) = own_cache.glob("history-*")
    earlier = page.read_bytes()
    repository.stage("key.ini", pair(rng))
    repository.commit()
    repository.git("gc", "-q")
    assert len(rescanned(repository).findings) == 1
    page.write_bytes(earlier)
    assert len(rescanned(repository).findings) == 1
    assert len(list(own_cache.glob("objects-*"))) == 1


def test_what_an_interrupted_scan_did_is_not_taken_for_all(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.stage("key.ini", pair(random.Random(8)))
    repository.commit()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        scan_history(os.fspath(repository.path), cached=True, on_progress=interrupt)
    assert len(rescanned(repository, earlier=0).findings) == 1
