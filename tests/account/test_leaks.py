"""Which findings say that a key has leaked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from keysweep.account.evidence import Account
from keysweep.account.judging.checks import Leak
from keysweep.account.judging.leaks import dated, leaks_in
from keysweep.cli.told_leaks import leaked_in
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


def test_a_date_that_is_still_to_come_is_none() -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    leaks = {"a": Leak(now + timedelta(days=1), ("x:1",)), "b": Leak(now, ()), "c": Leak(None, ())}
    assert {name: each.since for name, each in dated(leaks, now).items()} == {"a": None, "b": now, "c": None}


def test_only_long_term_keys_of_the_account_are_looked_up() -> None:
    account = Account("123456789012", "aws", datetime(2026, 11, 27, tzinfo=UTC), (), 0)
    own = "AKIARZPUZDIKDH4Q7CWW"
    leaks = {name: Leak(None, ()) for name in (own, f"ASIA{own[4:]}", f"A\x1b[m{own[4:]}", "AKIAEXAMPLEEXAMPLE22")}
    assert leaked_in(account, leaks) == {own}
