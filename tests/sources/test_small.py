"""Small repositories are told to be clean without a sweep only where the sweep says the same."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.objects.database import sweep_history
from keysweep.sources.history.objects.stores import find_stores
from keysweep.sources.history.small import nothing_in
from tests.repositories import Repository
from tests.sources.test_history import flip, pack_of

RNG = random.Random(77)
PAIR = f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "r")
    for number in range(20):
        made.stage("src/app.py", f"print({number})\n" * 30)
        made.stage("notes/ünïcode and spaces.txt", f"note {number}\n")
        made.commit(f"change {number}")
    made.git("tag", "-a", "-m", "a version", "v1")
    return made


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
def test_a_clean_repository_is_told_as_the_sweep_tells_it(
    tmp_path: Path, packed: bool, options: tuple[str, ...]
) -> None:
    made = Repository(tmp_path / "r", options=options)
    for number in range(30):
        made.stage("a.txt", f"line {number}\n" * 40)
        made.commit(f"change {number}")
        if packed and number % 10 == 0:
            made.git("repack", "-q", "-d")
    stores = find_stores(str(made.path))
    told = nothing_in(stores)
    assert told is not None
    swept = sweep_history(stores, jobs=1)
    assert (swept.findings, swept.problems) == ((), ())
    assert told.objects is not None
    assert (told.objects.listed, told.objects.scanned) == (swept.listed_objects, swept.scanned_objects)
    assert told.scanned_bytes == swept.scanned_bytes


def committed(made: Repository) -> None:
    made.stage("deploy.ini", PAIR)
    made.commit("deploy")


def removed_again(made: Repository) -> None:
    committed(made)
    made.git("rm", "-q", "deploy.ini")
    made.commit("clean")


def in_a_message(made: Repository) -> None:
    made.commit(f"say it\n\n{PAIR}")


def in_a_tag(made: Repository) -> None:
    made.git("tag", "-a", "-m", PAIR, "v2")


def in_a_file_name(made: Repository) -> None:
    made.stage(f"{key_id(RNG)}.txt", "x\n")
    made.commit("name")


def compressed(made: Repository) -> None:
    (made.path / "a.bin").write_bytes(gzip.compress(PAIR.encode()))
    made.git("add", "a.bin")
    made.commit("archive")


def in_utf_16(made: Repository) -> None:
    (made.path / "a.txt").write_bytes(PAIR.encode("utf-16"))
    made.git("add", "a.txt")
    made.commit("wide")


def unreachable(made: Repository) -> None:
    made.git("hash-object", "-w", "--stdin", stdin=PAIR.encode())


def stashed(made: Repository) -> None:
    made.stage("deploy.ini", PAIR)
    made.git("stash")


LEAKS = (
    committed, removed_again, in_a_message, in_a_tag, in_a_file_name, compressed, in_utf_16, unreachable, stashed
)  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_key_wherever_it_stands_is_left_to_the_sweep(
    repository: Repository, leak: Callable[[Repository], None], packed: bool
) -> None:
    leak(repository)
    if packed:
        repository.git("repack", "-q", "-a", "-d", "-k")
    assert nothing_in(find_stores(str(repository.path))) is None
    assert scan_history(str(repository.path)).findings


def test_a_pack_whose_bits_have_changed_is_left_to_the_sweep(repository: Repository) -> None:
    repository.git("repack", "-q", "-a", "-d")
    flip(pack_of(repository))
    assert nothing_in(find_stores(str(repository.path))) is None
    assert scan_history(str(repository.path)).problems


def test_an_index_of_another_pack_is_left_to_the_sweep(repository: Repository) -> None:
    repository.git("repack", "-q", "-a", "-d")
    pack = pack_of(repository)
    other = Repository(repository.path.parent / "other")
    other.stage("a", "a\n")
    other.commit()
    other.git("repack", "-q", "-a", "-d")
    index = pack.with_suffix(".idx")
    index.chmod(0o644)
    index.write_bytes(pack_of(other).with_suffix(".idx").read_bytes())
    assert nothing_in(find_stores(str(repository.path))) is None
    assert scan_history(str(repository.path)).problems


def test_a_damaged_loose_object_is_left_to_the_sweep(repository: Repository) -> None:
    (loose,) = sorted((repository.path / ".git/objects").glob("??/*"))[:1]
    loose.chmod(0o644)
    loose.write_bytes(loose.read_bytes()[:10])
    assert nothing_in(find_stores(str(repository.path))) is None
    assert scan_history(str(repository.path)).problems
