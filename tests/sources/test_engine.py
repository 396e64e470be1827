"""The compiled engine between runs: kept, restored, and never a reason to find less."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.repositories import environment

RNG = random.Random(31)
PAIR = f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three megabytes: enough to compile the engine for."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(120):
        (tree / f"{number}.py").write_text("def main(argument):\n    return argument\n" * 700)
    (tree / "key.ini").write_text(PAIR)
    return tree


def scanned(tree: Path, cache: Path, **variables: str) -> int:
    """How many findings a process of its own has."""
    done = subprocess.run(
        [sys.executable, "-m", "keysweep", "scan", "--format", "json", os.fspath(tree)],
        env=environment() | {"KEYSWEEP_CACHE": os.fspath(cache), **variables},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    return len(json.loads(done.stdout)["findings"])


def test_a_second_scan_finds_the_same_with_what_the_first_one_kept(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert scanned(tree, cache) == 1
    (kept,) = cache.iterdir()
    before = kept.read_bytes(), kept.stat().st_mtime_ns
    assert PAIR.split()[-1].encode() not in before[0]
    assert scanned(tree, cache) == 1
    assert (kept.read_bytes(), kept.stat().st_mtime_ns) == before


@pytest.mark.parametrize("damage", [b"", b"x" * 100_000])
def test_a_damaged_engine_is_compiled_anew(tree: Path, tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "cache"
    scanned(tree, cache)
    (kept,) = cache.iterdir()
    before = kept.read_bytes()
    kept.write_bytes(damage)
    assert scanned(tree, cache) == 1
    assert kept.read_bytes() == before


def test_without_a_place_for_the_cache_a_scan_finds_the_same(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"no directory")
    assert scanned(tree, tmp_path / "cache") == 1


@pytest.mark.parametrize("kept", [False, True])
def test_where_hyperscan_is_installed_and_cannot_be_loaded_a_scan_finds_the_same(
    tree: Path, tmp_path: Path, kept: bool
) -> None:
    if kept:
        scanned(tree, tmp_path / "cache")
    broken = tmp_path / "broken" / "hyperscan"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libstdc++.so.6: cannot open shared object file')")
    assert scanned(tree, tmp_path / "cache", PYTHONPATH=os.fspath(broken.parent)) == 1


def test_a_scan_of_little_does_not_even_load_the_engine(tmp_path: Path) -> None:
    (tmp_path / "key.ini").write_text(PAIR)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keysweep", "scan", "key.ini"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "keysweep.sources.pool" in done.stderr
    assert "hyperscan" not in done.stderr
