"""How long the scans of every day take: again without news, after a commit, of a range, of a small repository.

Each repository that is named is borrowed from by an empty one in a scratch directory (as `git clone --shared`
makes it), which is scanned with a cache of its own: once, then again without news, then after a commit of a new
file, then the newest hundred commits by `--range`. A repository of a hundred commits is made and scanned for the
first time. Whole processes, the best of some rounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A Bench"), ("EMAIL", "bench@example.net"))
}
_SMALL_COMMITS = 100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each; the best counts (default: 5)")
    arguments = parser.parse_args()
    columns = ("first", "unchanged", "one commit", "100 commits")
    print(f"{'repository':28}" + "".join(f" {column:>12}" for column in columns))
    for repository in arguments.repositories:
        with tempfile.TemporaryDirectory() as scratch:
            name = repository.parent.name if repository.name == "repo" else repository.name
            seconds = _of(repository, Path(scratch), arguments.jobs, arguments.rounds)
            print(f"{name:28}" + "".join(f" {each:10.2f} s" for each in seconds), flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        small = _small(Path(scratch) / "small")
        for state in ("loose", "packed"):
            if state == "packed":
                _git(small, "gc", "-q")
            rounds = range(arguments.rounds)
            took = min(_seconds(small, Path(scratch), arguments.jobs, "--no-cache") for _ in rounds)
            print(f"\n{_SMALL_COMMITS} commits, clean and {state}, for the first time: {took:.2f} s")


def _of(repository: Path, scratch: Path, jobs: int, rounds: int) -> tuple[float, float, float, float]:
    borrower = scratch / "borrower"
    _git(scratch, "clone", "-q", "--bare", "--shared", os.fspath(repository.resolve()), os.fspath(borrower))
    first = _seconds(borrower, scratch, jobs)
    unchanged = min(_seconds(borrower, scratch, jobs) for _ in range(rounds))
    after_commit = []
    for number in range(rounds):
        _commit(borrower, f"note {number}\n")
        after_commit.append(_seconds(borrower, scratch, jobs))
    newest = _git(borrower, "rev-list", "-n", "101", "HEAD").split()
    ranged = min(_seconds(borrower, scratch, jobs, "--range", f"{newest[-1]}..HEAD") for _ in range(rounds))
    return first, unchanged, min(after_commit), ranged


def _seconds(repository: Path, scratch: Path, jobs: int, *options: str) -> float:
    keysweep = os.fspath(Path(sys.executable).parent / "keysweep")
    command = [keysweep, "scan", "--history", "--no-config", "--format", "json", "--jobs", str(jobs), *options]
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, os.fspath(repository)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "KEYSWEEP_CACHE": os.fspath(scratch / "cache")},
        check=False,
    )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr.decode("utf-8", "replace"))
    return time.perf_counter() - begin


def _small(path: Path) -> Path:
    path.mkdir()
    _git(path, "init", "-q")
    for number in range(_SMALL_COMMITS):
        _commit(path, f"line {number}\n" * 50)
    return path


def _commit(repository: Path, content: str) -> None:
    """A commit of one new file beside all that there is, without a work tree."""
    head = subprocess.run(["git", "rev-parse", "-q", "--verify", "HEAD"], cwd=repository, stdout=subprocess.PIPE)
    parent = head.stdout.decode().strip()
    if parent:
        _git(repository, "read-tree", parent)
    blob = _git(repository, "hash-object", "-w", "--stdin", stdin=content)
    _git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},note.txt")
    tree = _git(repository, "write-tree")
    commit = _git(repository, "commit-tree", tree, *(("-p", parent) if parent else ()), stdin="a note")
    _git(repository, "update-ref", "HEAD", commit)


def _git(directory: Path, *arguments: str, stdin: str = "") -> str:
    environment = {**os.environ, **_IDENTITY, "GIT_INDEX_FILE": os.fspath(directory.resolve() / "bench.index")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=directory,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        env=environment,
        check=True,
    )
    return done.stdout.decode().strip()


if __name__ == "__main__":
    main()
