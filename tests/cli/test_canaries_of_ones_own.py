"""Bait in accounts that the user's own configuration names: what a scan calls bait stays bait."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.cli.verifying import keysweep, scanned, statuses
from tests.emulators.faults import Faults
from tests.emulators.keys import mint

RNG = random.Random(44)
BAIT = mint(RNG, "111122223333")


def test_a_key_that_the_scan_called_bait_is_not_tried_later(tmp_path: Path, faults: Faults) -> None:
    (tmp_path / "keysweep.toml").write_text('canary-accounts = ["111122223333"]\n')
    (tmp_path / "deploy.ini").write_text(
        f"aws_access_key_id = {BAIT.key_id}\naws_secret_access_key = {BAIT.secret}\n"
    )
    found = scanned(tmp_path)
    faults.add(BAIT)
    done = keysweep(tmp_path, "verify", os.fspath(found), "--aws-endpoint", faults.endpoint, "--format", "json")
    assert faults.log.requests() == []
    assert statuses(done) == {BAIT.key_id: "canary"}
