"""Bait in accounts that the user's own configuration names: what a scan calls bait stays bait."""

from __future__ import annotations

import os
import random
from pathlib import Path

from fixtures.keys import key_id, secret
from tests.aws.sts import Key, serve
from tests.cli.test_verify import keysweep, scanned, statuses

RNG = random.Random(44)
BAIT, SECRET = key_id(RNG, account=111122223333), secret(RNG)


def test_a_key_that_the_scan_called_bait_is_not_tried_later(tmp_path: Path) -> None:
    (tmp_path / "keysweep.toml").write_text('canary-accounts = ["111122223333"]\n')
    (tmp_path / "deploy.ini").write_text(f"aws_access_key_id = {BAIT}\naws_secret_access_key = {SECRET}\n")
    found = scanned(tmp_path)
    with serve() as sts:
        sts.keys[BAIT] = Key(SECRET)
        done = keysweep(tmp_path, "verify", os.fspath(found), "--aws-endpoint", sts.url, "--format", "json")
        assert sts.asked == []
    assert statuses(done) == {BAIT: "canary"}
