"""`keysweep scan --verify` and `keysweep verify`, run as a user runs them against a server on loopback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.keys import key_id
from keysweep.detect.keyid import account_of
from keysweep.report.json import schema
from tests.cli.verifying import (
    ID,
    KEY,
    SESSION,
    TEMPORARY,
    keysweep,
    scanned,
    statuses,
    verified,
)
from tests.emulators.faults import Faults
from tests.emulators.script import Reply, access_denied, hang_up, throttling

RNG = random.Random(431)


def test_scan_verify_raises_a_live_pair_to_critical(tree: Path, sts: Faults) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", sts.endpoint, "--format", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema())
    found: dict[str, Any] = {each["key_id"]: each for each in document["findings"]}
    assert (found[ID]["severity"], found[ID]["verdict"]["status"]) == ("critical", "live")
    assert found[ID]["verdict"]["arn"] == "arn:aws:iam::123456789012:user/ci"
    assert (found[TEMPORARY]["severity"], found[TEMPORARY]["verdict"]["status"]) == ("info", "expired")


def test_scan_verify_says_in_words_what_aws_said(tree: Path, sts: Faults) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", sts.endpoint)
    assert "CRITICAL" in done.stdout
    assert "live, arn:aws:iam::123456789012:user/ci: AWS accepted it" in done.stdout


def test_a_scan_without_verify_asks_nobody(tree: Path, sts: Faults) -> None:
    scanned(tree)
    assert sts.log.requests() == []
    refused = keysweep(tree, "scan", "--aws-endpoint", sts.endpoint)
    assert refused.returncode == 2
    assert "goes with --verify" in refused.stderr or "go with --verify" in refused.stderr


def test_bait_of_the_scans_own_configuration_is_not_tried(tree: Path, sts: Faults) -> None:
    """That configuration need not be there any more."""
    (tree / "keysweep.toml").write_text(f'canary-accounts = ["{account_of(ID)}"]\n')
    (tree / "session.sh").unlink()
    found = scanned(tree)
    (tree / "keysweep.toml").unlink()
    done = verified(sts, found)
    assert (statuses(done), done.returncode) == ({ID: "canary"}, 0)
    assert sts.log.requests() == []


def test_where_aws_cannot_be_asked_the_exit_code_is_4(tree: Path) -> None:
    found = scanned(tree)
    done = keysweep(tree, "verify", str(found), "--aws-endpoint", "http://127.0.0.1:9/", "--format", "json")
    assert done.returncode == 4
    assert set(statuses(done).values()) == {"unknown"}


@pytest.mark.parametrize(
    "address",
    ["ftp://x/", "http://", "http://u:p@127.0.0.1/", "http://:p@127.0.0.1/", "x", "http://[", "http://a:0/"],
)
def test_an_endpoint_that_is_no_address_is_refused(tree: Path, address: str) -> None:
    done = keysweep(tree, "scan", "--verify", "--aws-endpoint", address)
    assert done.returncode == 2
    assert "--aws-endpoint has to be" in done.stderr


@pytest.mark.parametrize(
    "fault", [throttling(), access_denied(), hang_up()], ids=["throttling", "denied", "hang-up"]
)
def test_a_key_about_which_aws_gave_no_answer_makes_exit_code_4(tree: Path, sts: Faults, fault: Reply) -> None:
    """Also where what came instead has a request ID."""
    found = scanned(tree)
    sts.add(KEY, fault)
    done = keysweep(tree, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert (statuses(done)[ID], done.returncode) == ("unknown", 4)


def test_a_key_with_which_nothing_can_be_asked_makes_no_exit_code_4(tmp_path: Path, sts: Faults) -> None:
    (tmp_path / "a.ini").write_text(f"a = {key_id(RNG)}\n")
    (tmp_path / "b.sh").write_text(SESSION.rpartition("export")[0])
    found = scanned(tmp_path)
    done = keysweep(tmp_path, "verify", str(found), "--aws-endpoint", sts.endpoint, "--format", "json")
    assert set(statuses(done).values()) == {"unknown"}
    assert done.returncode == 0
