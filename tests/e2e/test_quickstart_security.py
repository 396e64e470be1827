"""The first hour of a security team as its page tells it: mirrors, a live key, and an AWS of one's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.containing import HERE, Operator, administrator, leak
from tests.emulators.accounts import Account
from tests.emulators.keys import AccessKey
from tests.emulators.ministack import Ministack

PAGE = Path(__file__).parents[2] / "docs" / "quickstart-security-team.md"
SHIM = """#!/bin/sh
case "$1" in
  verify|contain|responder) set -- "$@" --aws-endpoint "{endpoint}" ;;
esac
case " $* " in
  *" --apply "*) set -- "$@" --confirm {key} ;;
esac
exec "{python}" -m keysweep "$@"
"""
"""Answers for whoever is asked at a terminal, and asks the emulator in place of AWS."""


@pytest.fixture
def key(ministack: Ministack) -> AccessKey:
    return Account(ministack, ministack.root(HERE)).user("ci")


@pytest.fixture
def operator(ministack: Ministack, tmp_path: Path, key: AccessKey) -> Operator:
    home = administrator(Account(ministack, ministack.root(HERE)), tmp_path / "operator", ministack)
    for name, keys in (("shop", (key,)), ("wiki", ())):
        made = leak(tmp_path / name, *keys)
        subprocess.run(
            ["git", "clone", "-q", "--mirror", made.path, home.home / "mirrors" / f"{name}.git"], check=True
        )
    shim = home.home / "bin" / "keysweep"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(endpoint=ministack.endpoint, key=key.key_id, python=sys.executable))
    shim.chmod(0o755)
    return home


def test_the_commands_lead_from_mirrors_to_proof(operator: Operator, key: AccessKey) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    variables = operator.environment
    variables["PATH"] = f"{operator.home / 'bin'}{os.pathsep}{variables['PATH']}"
    done = subprocess.run(
        ["sh", "-c", "".join(blocks)],
        cwd=operator.home,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert key.secret not in done.stdout + done.stderr
    sweep = operator.home / "sweep"
    assert [each["key_id"] for each in json.loads((sweep / "all.json").read_text())["findings"]] == [key.key_id]
    assert json.loads((sweep / "shop.live.json").read_text())["keys"][0]["status"] == "live"
    assert json.loads((sweep / "containment-log.json").read_text())["intact"] is True
    standings = []
    for page in ("leaks.html", "after.html"):
        found = re.search(r'id="data">(.*?)</script>', (sweep / page).read_text())
        assert found, done.stderr
        standings += [each["status"] for each in json.loads(found[1])]
    assert standings == ["live", "switched-off"], done.stdout + done.stderr
    for each in sweep.iterdir():
        assert key.secret not in each.read_text()
