"""What `containment.toml` protects, and that nothing in it protects less than whoever wrote it thinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from keysweep.aws.mandate import Mandate, load
from keysweep.errors import ConfigError


def read(directory: Path, content: str) -> Mandate:
    (directory / "containment.toml").write_text(content)
    return load(None, directory)


@pytest.mark.parametrize(
    ("mandate", "user", "path", "tags"),
    [
        (Mandate(deny_users=("root-*",)), "Root-Admin", "/", {}),
        (Mandate(deny_users=("Root-*",)), "root-admin", "/", {}),
        (Mandate(deny_paths=("/break-glass/",)), "ada", "/Break-Glass/", {}),
        (Mandate(deny_paths=("/break-glass",)), "ada", "/break-glass/europe/", {}),
        (Mandate(deny_tags=(("tier", "critical-*"),)), "ada", "/", {"Tier": "Critical-1"}),
        (Mandate(deny_tags=(("Tier", "critical"),)), "ada", "/", {"team": "x", "tier": "critical"}),
    ],
)
def test_capitals_do_not_take_the_protection_from_a_user(
    mandate: Mandate, user: str, path: str, tags: dict[str, str]
) -> None:
    assert mandate.denies(user, path, tags)


def test_others_are_not_protected() -> None:
    mandate = Mandate(deny_users=("root-*",), deny_paths=("/break-glass/",), deny_tags=(("tier", "critical"),))
    assert mandate.denies("ci-root-1", "/break-glass-not/", {"tier": "low", "critical": "tier"}) is None


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ('deny-paths = ["break-glass/"]', "begin with a slash"),
        ('deny-users = ["break-glass/ada"]', "hold no slash"),
        ('deny-tags = { tier = ["critical"] }', "globs of their values"),
    ],
)
def test_a_guard_that_protects_nobody_is_refused(tmp_path: Path, guard: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, f"[guards]\n{guard}\n")


def test_an_unattended_run_that_may_do_nothing_may_do_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "[unattended]\napply = true\nactions = []\n").unattended_actions == ()
    assert read(tmp_path, "[unattended]\napply = true\n").unattended_actions == ("deactivate-key",)
