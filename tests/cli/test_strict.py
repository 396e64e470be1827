"""`scan --strict`: a tree cannot silence itself, and with a base only what stood there is taken."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep import Origin, scan
from tests.cli.test_scan import keysweep
from tests.repositories import Repository

RNG = random.Random(73)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
FINGERPRINT = scan(PAIR.encode(), Origin("a")).findings[0].fingerprint
ENTRY = f'{{"fingerprint": "{FINGERPRINT}", "added": "2026-01-01", "owner": "someone@example.net", "reason": "revoked"}}\n'
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SILENCERS = {
    "allow": ("keysweep.toml", f'allow = ["{FINGERPRINT}"]\n'),
    "exclude": ("keysweep.toml", 'exclude = ["*.ini"]\n'),
    "min-confidence": ("keysweep.toml", 'min-confidence = "high"\nfail-on = "critical"\n'),
    "fail-on": ("pyproject.toml", '[tool.keysweep]\nfail-on = "critical"\n'),
    "baseline": (".keysweep-baseline", ENTRY),
    "pragma": ("a.ini", f"# keysweep:allow\n{PAIR}"),
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.stage("a.ini", PAIR)
    made.commit()
    return made


@pytest.mark.parametrize("silencer", SILENCERS)
@pytest.mark.parametrize("how", [(), ("--staged", "--whole-files"), ("--history",)], ids=" ".join)
def test_a_tree_silences_itself_but_not_where_the_scan_is_strict(
    tmp_path: Path, silencer: str, how: tuple[str, ...]
) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit()
    if silencer != "pragma":  # an object without it would stay in the database, and be a leak without a pragma
        repository.stage("a.ini", PAIR)
    repository.stage(*SILENCERS[silencer])
    if "--history" in how:
        repository.commit()
    assert keysweep(repository.path, "scan", *how).returncode == 0
    done = keysweep(repository.path, "scan", *how, "--strict")
    assert done.returncode == 1
    if silencer == "pragma":
        assert "next to it is not taken: it came with what it would allow" in " ".join(done.stdout.split())
    else:
        assert "--strict: not taken from the scanned tree: " in done.stdout
        assert silencer in done.stdout


def test_a_strict_scan_still_knows_the_rules_of_the_tree(repository: Repository) -> None:
    repository.write("keysweep.toml", "[[rules]]\nname = 'ours'\npattern = 'INT-[0-9]{8}'\nseverity = 'high'\n")
    repository.write("a.ini", "INT-12345678\n")
    assert "Match of your rule ours" in keysweep(repository.path, "scan", "--strict").stdout


def test_a_configuration_that_whoever_scans_names_counts_in_a_strict_scan(
    repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text('baseline = "accepted"\n')
    (tmp_path / "accepted").write_text(ENTRY)
    done = keysweep(repository.path, "scan", "--strict", "--config", "../own.toml")
    assert done.returncode == 0
    assert "1 suppressed by the baseline" in done.stdout


@pytest.mark.parametrize("silencer", SILENCERS)
def test_what_stood_in_the_base_counts_and_what_the_change_adds_does_not(
    repository: Repository, silencer: str
) -> None:
    repository.stage(*SILENCERS[silencer])
    base = repository.commit()
    assert keysweep(repository.path, "scan", "--strict-base", base).returncode == 0
    assert keysweep(repository.path, "scan", "--strict-base", "HEAD~").returncode == 1
    repository.stage("a.ini", (repository.path / "a.ini").read_text() + "\n# moved below\n")
    repository.write("keysweep.toml", "")
    repository.write(".keysweep-baseline", "")
    done = keysweep(repository.path, "scan", "--strict-base", base)
    assert done.returncode == 0
    assert f"are those of {base[:12]}" in done.stdout


def test_a_pragma_of_the_base_allows_no_other_key_and_no_later_day(repository: Repository) -> None:
    repository.stage("a.ini", f"# keysweep:allow until 2099-01-01\n{PAIR}")
    base = repository.commit()
    for text in (
        f"# keysweep:allow until 2099-12-31\n{PAIR}",
        f"# keysweep:allow until 2099-01-01\n{PAIR.replace(SECRET, secret(RNG))}",
        f"# keysweep:allow until 2099-01-01\n{PAIR}# keysweep:allow\naws_secret_access_key = {secret(RNG)}\n",
    ):
        repository.stage("a.ini", text)
        assert keysweep(repository.path, "scan", "--strict-base", base).returncode == 1


@pytest.mark.parametrize(
    ("base", "said"), [("0" * 40, "there is no base"), ("1" * 40, "111111111111 is not here")], ids=["new", "gone"]
)
def test_without_a_base_nothing_is_taken_and_the_report_says_so(
    repository: Repository, base: str, said: str
) -> None:
    """CI systems name zeros for a new branch, and after a forced push a commit that is gone."""
    repository.write(*SILENCERS["baseline"])
    done = keysweep(repository.path, "scan", "--strict-base", base)
    assert done.returncode == 1
    assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strict-base", "nowhere"), "names no commit of this repository"),
        (("--strict-base", EMPTY_TREE), "names no commit of this repository"),
        (("--strict-base", "--output=x"), "names no commit of this repository"),
        (("--strict-base", "HEAD", "--no-config"), "leave out --config and --no-config"),
        (("--strict-base", "HEAD", "--history", "../r.bundle"), "clone it first"),
    ],
)
def test_a_base_that_cannot_be_is_refused_in_one_sentence(
    repository: Repository, arguments: tuple[str, ...], said: str
) -> None:
    repository.git("bundle", "create", "-q", "../r.bundle", "main")
    done = keysweep(repository.path, "scan", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("keysweep.toml", "fail-on = \n", "HEAD:keysweep.toml is no valid TOML"),
        (".keysweep-baseline", "{}\n", "HEAD:.keysweep-baseline:1 has no `fingerprint`"),
    ],
)
def test_what_is_damaged_in_the_base_is_named_with_the_base(
    repository: Repository, name: str, text: str, said: str
) -> None:
    repository.stage(name, text)
    repository.commit()
    (repository.path / name).unlink()
    done = keysweep(repository.path, "scan", "--strict-base", "HEAD")
    assert done.returncode == 2
    assert said in done.stderr
