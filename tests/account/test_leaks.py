"""Which findings say that a key has leaked."""

from __future__ import annotations

from pathlib import Path

import pytest

from keysweep.account.leaks import leaks_in
from tests.homes import Home


@pytest.mark.parametrize(
    ("name", "mode", "is_leak"),
    [(".aws/credentials", 0o600, False), (".aws/credentials", 0o644, True), (".bash_history", 0o600, True)],
)
def test_a_key_where_the_tools_of_aws_keep_it_has_not_leaked_unless_others_read_it(
    tmp_path: Path, name: str, mode: int, is_leak: bool
) -> None:
    home = Home(tmp_path, 1)
    home.write(name, f"[default]\n{home.pair()}", mode)
    if mode & 0o004:
        for each in (tmp_path, *(tmp_path / name).parents):
            if each.is_relative_to(tmp_path):
                each.chmod(0o755)
    result = home.scanned()
    assert result.findings
    assert bool(leaks_in(result.findings, {})) == is_leak
