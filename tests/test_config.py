"""Configuration: what it may say, and how it says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keysweep.config import load
from keysweep.errors import ConfigError
from keysweep.findings import Confidence, Severity
from keysweep.settings import Settings


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_every_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "keysweep.toml").write_text(
        f"""
        fail-on = "low"
        min-confidence = "medium"
        exclude = ["vendor/", "*.lock"]
        allow = ["{"0" * 32}", {{ fingerprint = "{"1" * 32}", reason = "rotated in May" }}]
        report-placeholders = true
        canary-accounts = ["123456789012"]
        [limits]
        container-depth = 2
        [[rules]]
        name = "internal"
        pattern = "INT-[0-9]{{8}}"
        severity = "high"
        timeout-ms = 50
        """
    )
    settings = load(tmp_path)
    assert (settings.fail_on, settings.min_confidence) == (Severity.LOW, Confidence.MEDIUM)
    assert settings.exclude == ("vendor/", "*.lock")
    assert settings.allow == {"0" * 32: "", "1" * 32: "rotated in May"}
    assert settings.limits.container_depth == 2
    assert settings.options().canary_accounts == {"123456789012"}
    assert [(rule.name, rule.severity, rule.timeout_seconds) for rule in settings.rules] == [
        ("internal", Severity.HIGH, 0.05)
    ]


def test_pyproject_is_read_where_there_is_no_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.keysweep]\nfail-on = "high"\n')
    assert load(tmp_path).fail_on is Severity.HIGH
    (tmp_path / "keysweep.toml").write_text('fail-on = "low"\n')
    assert load(tmp_path).fail_on is Severity.LOW


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fail_on = "low"', "unknown setting `fail_on`: did you mean `fail-on`"),
        ("limits.container-dept = 1", "unknown setting `limits.container-dept`: did you mean `container-depth`"),
        ("zzz = 1", "known are allow, baseline, canary-accounts"),
        ('fail-on = "severe"', "one of info, low, medium, high, critical"),
        ("fail-on = ", "no valid TOML"),
        ('exclude = "vendor"', "a list of strings"),
        ("report-placeholders = 1", "true or false"),
        ("canary-accounts = ['12']", "twelve digits"),
        ("allow = ['xyz']", "32 hexadecimal digits"),
        ("limits.members = 0", "above 0"),
        ("[[rules]]\nname = 'x'", "a `name` and a `pattern`"),
        ("[[rules]]\nname = 'x'\npattern = '('", "no regular expression"),
        ("[[rules]]\nname = 'x'\npattern = 'a'\ntimeout-ms = 0", "from 1 to 600000"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file_and_the_setting(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "keysweep.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as failure:
        load(tmp_path)
    assert said in str(failure.value)
    if "regular expression" not in said:
        assert os.fspath(path) in str(failure.value)


def test_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.toml").write_text('fail-on = "critical"\n')
    inside = tmp_path / "r"
    inside.mkdir()
    os.symlink(tmp_path / "outside.toml", inside / "keysweep.toml")
    with pytest.raises(ConfigError, match="link out of its directory"):
        load(inside)


def test_a_file_of_any_other_encoding_or_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keysweep.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path)
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(ConfigError, match="larger than"):
        load(tmp_path)


def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "keysweep.toml"
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    path.unlink()
    path.symlink_to("keysweep.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "9" * 100_000])
def test_what_no_parser_can_take_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "keysweep.toml").write_text(text)
    with pytest.raises(ConfigError, match="nested too deeply or holds a number too long"):
        load(tmp_path)
