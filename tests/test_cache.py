"""The user's cache directory: what is kept comes back whole, and nothing that somebody else could have put there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from keysweep import cache


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEYSWEEP_CACHE", os.fspath(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_is_written_is_read_again_by_its_name_alone(place: Path) -> None:
    assert cache.write("one", b"content")
    assert cache.read("one") == b"content"
    assert cache.read("two") is None
    os.rename(place / "one", place / "two")
    assert cache.read("two") is None


def test_only_the_user_may_look_at_it(place: Path) -> None:
    cache.write("one", b"content")
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / "one").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"", lambda b: b[:40] + b"?" + b[41:]]
)
def test_a_changed_file_is_not_believed(place: Path, change: object) -> None:
    cache.write("one", b"content" * 10)
    assert callable(change)
    (place / "one").write_bytes(change((place / "one").read_bytes()))
    assert cache.read("one") is None
    assert cache.write("one", b"new")
    assert cache.read("one") == b"new"


def test_a_directory_that_others_may_write_in_is_not_used(place: Path) -> None:
    cache.write("one", b"content")
    place.chmod(0o777)
    assert cache.read("one") is None
    assert not cache.write("two", b"content")
    assert not (place / "two").exists()


def test_a_link_in_place_of_a_file_is_not_followed(place: Path) -> None:
    cache.write("one", b"content")
    os.rename(place / "one", place.parent / "elsewhere")
    os.symlink(place.parent / "elsewhere", place / "one")
    assert cache.read("one") is None


def test_where_nothing_can_be_written_nothing_is_raised(place: Path) -> None:
    place.write_bytes(b"a file where the directory should be")
    assert not cache.write("one", b"content")
    assert cache.read("one") is None


def test_a_failed_write_leaves_nothing_behind(place: Path) -> None:
    cache.write("one", b"content")
    (place / "two").mkdir()
    assert not cache.write("two", b"content")
    assert sorted(os.listdir(place)) == ["one", "two"]


def _raises(*_: object, **__: object) -> str:
    raise RuntimeError("could not determine the home directory")


def _below_the_current_directory(*_: object, **__: object) -> str:
    return "~/.cache/keysweep"


@pytest.mark.parametrize("answer", [_raises, _below_the_current_directory])
def test_a_user_without_a_home_has_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., str]
) -> None:
    monkeypatch.delenv("KEYSWEEP_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", answer)
    monkeypatch.chdir(tmp_path)
    assert not cache.write("one", b"content")
    assert cache.read("one") is None
    assert list(tmp_path.iterdir()) == []
