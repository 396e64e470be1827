"""The page for who comes from another scanner: its commands are run as they stand, and only the leak is left."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from tests.cli.test_scan import document, keysweep
from tests.repositories import Repository, environment
from tests.test_docs import code_blocks, text_of

RNG = random.Random(1009)
LEAK, ACCEPTED, KNOWN, GONE, FIXTURE, MARKED, REAL = ((key_id(RNG), secret(RNG)) for _ in range(7))


def ini(pair: tuple[str, str], comment: str = "") -> str:
    return f"[default]\naws_access_key_id = {pair[0]}{comment}\naws_secret_access_key = {pair[1]}{comment}\n"


def of_gitleaks(repository: Repository) -> None:
    repository.stage("gone.ini", ini(GONE))
    commit = repository.commit()
    repository.git("rm", "-q", "gone.ini")
    repository.write("marked.ini", ini(MARKED, "  # gitleaks:allow"))
    repository.write("tests/fixtures/a.ini", ini(FIXTURE))
    repository.write("known.ini", ini(KNOWN))
    repository.write(
        ".gitleaks.toml", "[extend]\nuseDefault = true\n[[allowlists]]\npaths = ['''^tests/fixtures/''']\n"
    )
    repository.write(
        ".gitleaksignore",
        f"# known\naccepted.ini:aws-access-token:2\n{commit[:7]}:gone.ini:aws-access-token:2\na.py:jwt:3\n",
    )
    report = [{"RuleID": "generic-api-key", "Secret": "REDACTED", "Fingerprint": "known.ini:generic-api-key:3"}]
    repository.write("gitleaks-report.json", json.dumps(report))


def of_detect_secrets(repository: Repository) -> None:
    def entry(name: str, text: str, **audited: bool) -> dict[str, object]:
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        about = {"type": "Secret Keyword", "filename": name, "hashed_secret": digest, "is_verified": False}
        return about | {"line_number": 99} | audited

    repository.write("marked.ini", ini(MARKED, "  # pragma: allowlist secret"))
    repository.write("tests/fixtures/a.ini", ini(FIXTURE))
    repository.write("real.ini", ini(REAL))
    results = {
        "accepted.ini": [entry("accepted.ini", ACCEPTED[1]), entry("accepted.ini", "hunter2")],
        "real.ini": [entry("real.ini", REAL[0], is_secret=True)],
    }
    repository.write(".secrets.baseline", json.dumps({"version": "1.5.0", "plugins_used": [], "results": results}))


def of_git_secrets(repository: Repository) -> None:
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg"):
        hook = repository.write(f".git/hooks/{name}", "#!/bin/sh\necho git-secrets refuses >&2\nexit 1\n")
        hook.chmod(0o755)
    repository.write("known.ini", ini(KNOWN))
    repository.write(".gitallowed", "# fixtures\n\n^accepted\\.ini:[0-9]+:\nAWS_ACCOUNT_ID=[0-9]{12}\n")
    for text in KNOWN:
        repository.git("config", "--add", "secrets.allowed", re.escape(text))
    repository.git("config", "--add", "secrets.providers", "git secrets --aws-provider")


@pytest.mark.parametrize(
    ("scanner", "prepare", "left", "told"),
    [
        ("gitleaks", of_gitleaks, {LEAK[0]}, "entry 4: keysweep finds nothing in line 3 of a.py"),
        ("detect-secrets", of_detect_secrets, {LEAK[0], REAL[0]}, "audited there as a real secret"),
        ("git-secrets", of_git_secrets, {LEAK[0]}, "it allows nothing that keysweep finds"),
    ],
)
def test_after_the_commands_of_the_page_only_what_was_not_accepted_is_told(
    tmp_path: Path, scanner: str, prepare: Callable[[Repository], None], left: set[str], told: str
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.git("config", "user.email", "someone@example.net")
    prepare(repository)
    repository.write("accepted.ini", ini(ACCEPTED))
    repository.write("leak.ini", ini(LEAK))
    repository.git("add", "-A")
    repository.git("-c", f"core.hooksPath={os.devnull}", "commit", "-q", "-m", "all")
    (section,) = re.findall(
        rf"^## From {scanner}\n(.*?)(?=^## |\Z)", text_of("docs/migration.md"), re.MULTILINE | re.DOTALL
    )
    *blocks, last = code_blocks(section, "sh")
    done = [run(block, repository.path) for block in blocks]
    assert [each.returncode for each in done] == [0] * len(blocks), done[-1].stderr
    assert told in "".join(each.stderr for each in done)
    scanned = run(last, repository.path)
    assert scanned.returncode == 1
    assert LEAK[0] in scanned.stdout, scanned.stderr
    assert (repository.path / ".git/hooks/pre-push").is_file()
    for scan in (("scan",), ("scan", "--history")):
        found = document(keysweep(repository.path, *scan, "--format", "json"))["findings"]
        assert {each["key_id"] for each in found} == left


def run(block: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    programs = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    command = ["bash", "-eu", "-c", block]
    return subprocess.run(
        command, cwd=cwd, env=environment() | programs, capture_output=True, text=True, check=False
    )
