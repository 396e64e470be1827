"""`keysweep baseline`, and a baseline as scans and the hook read it."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep.cli.baseline import template_of
from keysweep.errors import UsageError
from tests.cli.test_scan import keysweep
from tests.repositories import Repository

RNG = random.Random(74)
ID, SECRET, OTHER = key_id(RNG), secret(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
LONE = f"aws_secret_access_key = {OTHER}\n"
ABOUT = ("--reason", "revoked", "--owner", "someone@example.net")
NAME = ".keysweep-baseline"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.stage("a.ini", PAIR)
    return made


def entries(repository: Repository, name: str = NAME) -> list[dict[str, str]]:
    text = (repository.path / name).read_text()
    assert SECRET not in text
    assert OTHER not in text
    return [json.loads(line) for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(
    "arguments", [("scan",), ("scan", "--staged"), ("hook", "pre-commit"), ("scan", "--history")]
)
def test_what_a_baseline_accepts_counts_no_more_wherever_it_is_looked_for(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    if "--history" in arguments:
        repository.commit()
    made = keysweep(repository.path, "baseline", "create", *ABOUT)
    assert (made.returncode, made.stdout) == (0, f"keysweep: {NAME}: 1 entry added, 1 in all.\n")
    (entry,) = entries(repository)
    assert (entry["owner"], entry["reason"], entry["path"]) == ("someone@example.net", "revoked", "a.ini")
    done = keysweep(repository.path, *arguments)
    assert done.returncode == 0
    assert "1 suppressed by the baseline." in done.stdout + done.stderr


def test_a_baseline_outlives_moved_lines_and_renamed_files(repository: Repository) -> None:
    keysweep(repository.path, "baseline", "create", *ABOUT)
    (repository.path / "a.ini").unlink()
    repository.write("sub/b.ini", f"\n\n[more]\n{PAIR}")
    assert keysweep(repository.path, "scan").returncode == 0
    assert keysweep(repository.path / "sub", "scan", "b.ini").returncode == 0


def test_a_new_leak_is_no_part_of_the_baseline_until_it_is_updated(repository: Repository) -> None:
    keysweep(repository.path, "baseline", "create", *ABOUT)
    first = entries(repository)
    repository.write("b.ini", LONE)
    assert keysweep(repository.path, "scan").returncode == 1
    done = keysweep(repository.path, "baseline", "update", "--reason", "a fixture", "--owner", "other")
    assert "1 entry added, 2 in all" in done.stdout
    assert first[0] in entries(repository)
    assert keysweep(repository.path, "scan").returncode == 0


def test_what_is_gone_is_pruned_and_what_is_there_stays(repository: Repository) -> None:
    repository.write("b.ini", LONE)
    keysweep(repository.path, "baseline", "create", *ABOUT)
    (repository.path / "b.ini").unlink()
    done = keysweep(repository.path, "baseline", "prune")
    assert "1 entry taken out, 1 in all" in done.stdout
    assert [entry["path"] for entry in entries(repository)] == ["a.ini"]
    assert "0 entries taken out, 1 in all" in keysweep(repository.path, "baseline", "prune").stdout


def test_a_findings_file_serves_in_place_of_a_scan(repository: Repository, tmp_path: Path) -> None:
    repository.write("b.ini", LONE)
    report = tmp_path / "findings.json"
    keysweep(repository.path, "scan", "--format", "json", "--output", str(report))
    assert "2 entries added" in keysweep(repository.path, "baseline", "create", str(report), *ABOUT).stdout
    (repository.path / "b.ini").unlink()
    keysweep(repository.path, "scan", "--format", "json", "--output", str(report))
    done = keysweep(repository.path, "baseline", "prune", str(report))
    assert "1 entry taken out, 1 in all" in done.stdout


def test_nothing_is_pruned_where_something_could_not_be_scanned(repository: Repository) -> None:
    keysweep(repository.path, "baseline", "create", *ABOUT)
    before = entries(repository)
    repository.write("a.ini", "nothing\n")
    repository.write("b.gz", b"\x1f\x8b\x08\x00" + bytes(6) + b"\x4b\x4c")
    done = keysweep(repository.path, "baseline", "prune")
    assert done.returncode == 3
    assert "was left as it is" in done.stderr
    assert entries(repository) == before


def test_an_expired_entry_is_a_finding_again_and_can_be_renewed(repository: Repository) -> None:
    keysweep(repository.path, "baseline", "create", *ABOUT, "--until", "2099-01-31")
    path = repository.path / NAME
    path.write_text(path.read_text().replace("2099-01-31", "2020-01-31"))
    done = keysweep(repository.path, "scan")
    assert done.returncode == 1
    assert "its entry in the baseline, of someone@example.net, expired on 2020-01-31" in " ".join(
        done.stdout.split()
    )
    assert "0 entries added" in keysweep(repository.path, "baseline", "update", *ABOUT).stdout
    assert "1 entry added, 1 in all" in keysweep(repository.path, "baseline", "update", "--renew", *ABOUT).stdout
    assert keysweep(repository.path, "scan").returncode == 0


def test_the_configuration_may_name_another_file(repository: Repository) -> None:
    repository.write("keysweep.toml", 'baseline = "conf/accepted"\n')
    missing = keysweep(repository.path, "scan")
    assert missing.returncode == 2
    assert "conf/accepted, which `baseline` names, is not there" in missing.stderr
    (repository.path / "conf").mkdir()
    keysweep(repository.path, "baseline", "create", *ABOUT)
    assert entries(repository, "conf/accepted")
    assert keysweep(repository.path, "scan").returncode == 0


@pytest.mark.parametrize("arguments", [("scan",), ("hook", "pre-commit"), ("baseline", "prune")])
def test_a_damaged_baseline_stops_before_the_scan_and_names_file_and_line(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    repository.write(NAME, "# a comment\n{}\n")
    done = keysweep(repository.path, *arguments)
    assert done.returncode == 2
    assert f"{NAME}:2 has no `fingerprint`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", *ABOUT, "--until", "2020-01-01"), "--until 2020-01-01 is no day to come"),
        (("create", "--reason", " ", "--owner", "a"), "--reason is empty"),
        (("create", "--reason", "a"), "Nobody answers for the entries"),
        (("update", *ABOUT), "cannot be read"),
        (("import", *ABOUT), "Name the file to import"),
        (("import", "a.ini", *ABOUT), "does not tell by its name whose file it is"),
        (("import", "nowhere/.gitallowed", *ABOUT), "cannot be read"),
        (("import", "a.ini", "--from", "detect-secrets", *ABOUT), "is no baseline of detect-secrets"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    repository: Repository, arguments: tuple[str, ...], said: str
) -> None:
    done = keysweep(repository.path, "baseline", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_credential_is_no_reason() -> None:
    with pytest.raises(UsageError, match="holds a credential"):
        template_of(PAIR, "someone@example.net", None)


def test_a_baseline_that_is_there_is_not_made_anew(repository: Repository) -> None:
    keysweep(repository.path, "baseline", "create", *ABOUT)
    done = keysweep(repository.path, "baseline", "create", *ABOUT)
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_gitleaksignore_is_mapped_by_path_and_line_in_the_tree_and_in_commits(repository: Repository) -> None:
    repository.write("b.ini", LONE)
    repository.stage("old.ini", f"\n\n{LONE}")
    commit = repository.commit()
    (repository.path / "old.ini").unlink()
    repository.write(
        ".gitleaksignore",
        f"# known\na.ini:aws-access-token:1\n{commit}:old.ini:generic-api-key:3\na.ini:generic-api-key:9\nx\n",
    )
    done = keysweep(repository.path, "baseline", "import", ".gitleaksignore", *ABOUT)
    assert "2 entries added, 2 in all" in done.stdout
    assert "not imported  entry 4: keysweep finds nothing in line 9 of a.ini" in done.stderr
    assert "not imported  entry 5: it is not [COMMIT:]PATH:RULE:LINE" in done.stderr
    assert keysweep(repository.path, "scan").returncode == 0


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def test_a_baseline_of_detect_secrets_is_mapped_by_its_hashes(repository: Repository) -> None:
    repository.write("b.ini", LONE)
    results = {
        "a.ini": [
            {"type": "AWS Access Key", "hashed_secret": sha1(ID), "line_number": 7},
            {"type": "Secret Keyword", "hashed_secret": sha1("other"), "line_number": 1},
        ],
        "b.ini": [{"type": "Secret Keyword", "hashed_secret": sha1(OTHER), "line_number": 1, "is_secret": True}],
    }
    repository.write(".secrets.baseline", json.dumps({"version": "1.5.0", "results": results}))
    done = keysweep(repository.path, "baseline", "import", ".secrets.baseline", *ABOUT)
    assert "1 entry added, 1 in all" in done.stdout
    assert "a.ini: Secret Keyword: keysweep finds nothing of that hash there" in done.stderr
    assert "b.ini: Secret Keyword: it was audited there as a real secret" in done.stderr
    assert [entry["path"] for entry in entries(repository)] == ["a.ini"]


@pytest.mark.parametrize("configured", [True, False], ids=["in git", "in .gitallowed"])
def test_patterns_of_git_secrets_are_tried_on_every_line_of_a_finding(
    repository: Repository, configured: bool
) -> None:
    repository.write("b.ini", LONE)
    patterns = [r"^a\.ini:[0-9]+:aws_[[:alpha:]_]+ = ", f"b.ini:1:.*{OTHER[:8]}", "(", "nothing"]
    if configured:
        for pattern in patterns:
            repository.git("config", "--add", "secrets.allowed", pattern)
        arguments: tuple[str, ...] = ("--from", "git-secrets")
    else:
        repository.write(".gitallowed", "\n".join(patterns))
        arguments = (".gitallowed",)
    done = keysweep(repository.path, "baseline", "import", *arguments, *ABOUT)
    assert "2 entries added, 2 in all" in done.stdout
    assert "pattern 3: it is no regular expression" in done.stderr
    assert "pattern 4: it allows nothing that keysweep finds" in done.stderr
    assert OTHER[:8] not in done.stderr


def test_a_pattern_for_a_part_of_a_pair_accepts_nothing_and_one_that_takes_too_long_is_given_up(
    repository: Repository,
) -> None:
    repository.write("a.ini", f"{PAIR.strip()} # {'a' * 400}c\n")
    repository.write(".gitallowed", "a.ini:1:.*_id = \n(a|aa)+c(?<=d)\n")
    done = keysweep(repository.path, "baseline", "import", ".gitallowed", *ABOUT)
    assert "0 entries added" in done.stdout
    assert "a.ini:1: a pattern allows only a part of the pair" in done.stderr
    assert "pattern 2: it took longer than 1 s on one line" in done.stderr
