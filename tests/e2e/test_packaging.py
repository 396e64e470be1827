"""Wheel and sdist build, install into an empty environment, and do the main job there."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source") / "keysweep"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "*.egg-info")
    )
    out = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", os.fspath(out), os.fspath(source)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return out


def test_the_wheel_holds_the_package_and_nothing_else(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "keysweep/py.typed" in names
    assert "keysweep/report/findings.schema.json" in names
    assert not [name for name in names if name.startswith(("tests", "fixtures", "bench"))]


def test_the_source_distribution_holds_the_action_and_the_files_for_ci_systems(distributions: Path) -> None:
    (source,) = distributions.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"action.yml", *(f"ci/{path.name}" for path in (ROOT / "ci").iterdir())} <= names


@pytest.mark.parametrize("pattern", ["*.whl", "*.tar.gz"])
def test_it_installs_into_an_empty_environment_and_finds_a_key(
    distributions: Path, tmp_path: Path, pattern: str
) -> None:
    (distribution,) = distributions.glob(pattern)
    venv.create(tmp_path / "v", with_pip=True)
    scripts = tmp_path / "v" / ("Scripts" if os.name == "nt" else "bin")
    installed = subprocess.run(
        [scripts / "python", "-m", "pip", "install", "--quiet", distribution], capture_output=True, check=False
    )
    assert installed.returncode == 0, installed.stderr
    rng = random.Random(1)
    (tmp_path / "k.ini").write_text(f"aws_access_key_id={key_id(rng)}\naws_secret_access_key={secret(rng)}\n")
    done = subprocess.run([scripts / "keysweep", "scan", "k.ini"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert b"k.ini:1:" in done.stdout
    version = subprocess.run([scripts / "keysweep", "--version"], capture_output=True, check=False)
    assert version.stdout.startswith(b"keysweep 0.")
