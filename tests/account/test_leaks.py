"""Which findings say that a key has leaked."""

from __future__ import annotations

from pathlib import Path

from keysweep.account.judging.leaks import leaks_in
from keysweep.findings import Severity
from keysweep.frozen import replace
from tests.homes import Home


def test_a_key_where_the_tools_of_aws_keep_it_has_not_leaked_unless_others_can_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path, 1)
    home.write(".aws/credentials", f"[default]\n{home.pair()}")
    (finding,) = home.scanned().findings
    assert leaks_in([finding], {}) == {}
    assert leaks_in([replace(finding, severity=Severity.HIGH)], {}).keys() == {finding.key_id}


def test_a_key_that_was_typed_has_leaked(tmp_path: Path) -> None:
    home = Home(tmp_path, 2)
    home.write(".bash_history", "aws configure set {} {}\n".format(*home.key()) + home.pair())
    found = home.scanned().findings
    assert leaks_in(found, {}).keys() == {each.key_id for each in found}
