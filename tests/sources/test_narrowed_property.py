"""Random small histories: what a range is said to add is what plain git and a scan of each version say."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep import Origin, scan
from keysweep.findings import Finding
from keysweep.sources.added import added
from keysweep.sources.history.part.narrowed import scan_narrowed
from keysweep.sources.history.part.selection import Narrowing
from tests.repositories import Repository, environment

RNG = random.Random(73)
IDS = [key_id(RNG) for _ in range(3)]
LINES = [
    "",
    "# a comment",
    *(f"aws_access_key_id = {each}\naws_secret_access_key = {secret(RNG)}" for each in IDS),
    f"see {IDS[0]}",
]
NAMES = ["a", "b/a", f"b/{IDS[2]}.txt"]
FILE = st.none() | st.lists(st.sampled_from(LINES), max_size=3).map("\n\n\n".join)
COMMIT = st.tuples(
    st.lists(st.integers(0, 9), max_size=3),  # parents, by how far back they are
    st.fixed_dictionaries(dict.fromkeys(NAMES, FILE)),
    st.sampled_from(("a message", *LINES[2:])),
)
HISTORY = st.lists(COMMIT, min_size=2, max_size=7)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=HISTORY, ends=st.tuples(st.integers(0, 6), st.integers(0, 6)), dots=st.sampled_from(("..", "...")))
def test_a_range_adds_what_git_and_a_scan_of_every_version_say(
    history: list[tuple[list[int], dict[str, str | None], str]], ends: tuple[int, int], dots: str
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        repository = Repository(Path(directory) / "r")
        commits: list[str] = []
        for parents, files, message in history:
            real = dict.fromkeys(commits[-1 - back] for back in parents if back < len(commits))
            commits.append(made(repository, list(real), files, message))
        for number, commit in enumerate(commits):
            repository.git("update-ref", f"refs/heads/c{number}", commit)
        start, end = (commits[number % len(commits)] for number in ends)
        result = scan_narrowed(os.fspath(repository.path), Narrowing((f"{start}{dots}{end}",)))
        assert result.problems == ()
        assert {finding.fingerprint for finding in result.findings} == reference(repository, f"{start}{dots}{end}")
        for finding in result.findings:
            assert any(exposure.introduced for exposure in finding.exposures)


def made(repository: Repository, parents: list[str], files: dict[str, str | None], message: str) -> str:
    """A commit of exactly these files and parents."""
    repository.git("read-tree", "--empty")
    for name, content in files.items():
        if content is not None:
            blob = repository.git("hash-object", "-w", "--stdin", stdin=content.encode()).decode().strip()
            repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    tree = repository.git("write-tree").decode().strip()
    options = [word for parent in parents for word in ("-p", parent)]
    return repository.git("commit-tree", tree, *options, "-m", message).decode().strip()


def reference(repository: Repository, revisions: str) -> set[str]:
    """The slow way: git's own walk, each commit compared with each parent, and every version scanned by itself."""
    found: set[str] = set()
    for commit in repository.git("rev-list", revisions).decode().split():
        found |= {
            each.fingerprint for each in scan(repository.git("cat-file", "commit", commit), Origin("")).findings
        }
        parents = repository.git("rev-list", "-1", "--parents", commit).decode().split()[1:]
        now, before = tree_of(repository, commit), [tree_of(repository, parent) for parent in parents]
        for path, blob in now.items():
            if all(old.get(path) != blob for old in before):
                versions = [scan(content(repository, old[path]), Origin(path)) for old in before if path in old]
                new: list[Finding] = added(scan(content(repository, blob), Origin(path)).findings, versions)
                found |= {each.fingerprint for each in new}
    return found


def tree_of(repository: Repository, commit: str) -> dict[str, str]:
    listing = repository.git("ls-tree", "-r", "-z", commit).decode().split("\0")
    return {line.partition("\t")[2]: line.split()[2] for line in listing if line}


def content(repository: Repository, blob: str) -> bytes:
    command = ["git", "-C", os.fspath(repository.path), "cat-file", "blob", blob]
    return subprocess.run(command, env=environment(), capture_output=True, check=True).stdout
