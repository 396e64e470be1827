"""No token of whoever runs the tests, and none of their credential helpers."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from fixtures.keys import secret

_TELLING = ("TOKEN", "PAT", "BITBUCKET", "GH_", "GITHUB", "GITLAB", "GITEA", "FORGEJO", "CI_SERVER", "SYSTEM_")


@pytest.fixture(autouse=True)
def _nobodys_logins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if any(each in name for each in _TELLING) and name != "PATH":
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", os.fspath(tmp_path))


@pytest.fixture
def token() -> str:
    """What nobody may ever see; the net under every test looks for it."""
    return secret(random.Random(os.urandom(8)))
