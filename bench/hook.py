"""How long a commit waits: the pre-commit hook as a whole process, beside other scanners' in the same run.

Each tool's own hook is installed into two repositories, of 200 and of 20 000 files, and run on eleven staged
files, once without and once with a key pair in one of them. The tools take turns, so that a busy moment of the
machine meets all of them. Needs what bench/README.md sets up; prints medians and 95th percentiles.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers import PeerMissingError, program
from fixtures.keys import key_id, secret

STAGED_FILES = 11
WORDS = (
    "account",
    "bucket",
    "client",
    "config",
    "count",
    "data",
    "error",
    "event",
    "handler",
    "index",
    "job",
    "list",
)


@dataclass(frozen=True, slots=True)
class Hook:
    """One tool's pre-commit hook, ready to run in a repository."""

    name: str
    command: tuple[str, ...]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=os.environ.get("PEERS", "peers"))
    parser.add_argument("--rounds", type=int, default=30, help="runs of each hook (default: 30)")
    parser.add_argument("--files", type=int, nargs="*", default=[200, 20_000], help="sizes of repository")
    arguments = parser.parse_args()
    print(f"{'repository':14} {'staged':8} {'hook':38} {'median':>9} {'95 %':>9}")
    for files in arguments.files:
        for leaking in (False, True):
            with tempfile.TemporaryDirectory() as scratch:
                repository = Path(scratch) / "repository"
                _make(repository, files, leaking)
                hooks = list(_hooks(repository, Path(arguments.peers)))
                for hook, seconds in _race(repository, hooks, leaking, arguments.rounds):
                    median, slow = (f"{each * 1000:6.1f} ms" for each in _spread(seconds))
                    staged = "a pair" if leaking else "clean"
                    print(f"{files:6} files   {staged:8} {hook.name:38} {median} {slow}", flush=True)


def _make(path: Path, files: int, leaking: bool) -> None:
    """A repository of `files` source files with eleven changes staged."""
    rng = random.Random(files)
    path.mkdir()
    _git(path, "init", "-q")
    _git(path, "config", "user.email", "bench@example.net")
    _git(path, "config", "user.name", "bench")
    names = [f"package{number // 100}/module{number}.py" for number in range(files)]
    for name in names:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(_source(rng, 60))
    _git(path, "add", "-A")
    _git(path, "commit", "-q", "-m", "start")
    for name in rng.sample(names, STAGED_FILES):
        (path / name).write_text((path / name).read_text() + _source(rng, 20))
    if leaking:
        with (path / name).open("a") as stream:
            stream.write(f'\nAWS_ACCESS_KEY_ID = "{key_id(rng)}"\nAWS_SECRET_ACCESS_KEY = "{secret(rng)}"\n')
    _git(path, "add", "-A")


def _source(rng: random.Random, functions: int) -> str:
    pieces = []
    for _ in range(functions):
        one, two, three = rng.choices(WORDS, k=3)
        pieces.append(f"def {one}_{two}_{rng.randrange(10_000)}({three}):\n")
        pieces += [f"    {rng.choice(WORDS)} = {rng.choice(WORDS)}({three}, {rng.random()})\n" for _ in range(4)]
        pieces.append(f"    return {one}\n\n")
    return "".join(pieces)


def _hooks(repository: Path, peers: Path) -> Iterator[Hook]:
    """The hooks of all tools that are installed here."""
    python = Path(sys.executable)
    script = repository / ".git/hooks/pre-commit"
    subprocess.run([python, "-m", "keysweep", "install"], cwd=repository, check=True, stdout=subprocess.DEVNULL)
    ours = repository / ".git/hooks/keysweep-hook"
    script.rename(ours)
    yield Hook("keysweep (its installed hook)", (os.fspath(ours),))
    yield Hook("keysweep (as pre-commit runs it)", (os.fspath(python.parent / "keysweep"), "hook", "pre-commit"))
    try:
        git_secrets = program("git-secrets", peers)
        _git(repository, "config", "alias.secrets", f"!{git_secrets}")
        _git(repository, "secrets", "--register-aws")
        _git(repository, "secrets", "--install", "--force")
        theirs = repository / ".git/hooks/git-secrets-hook"
        script.rename(theirs)
        yield Hook("git-secrets (its installed hook)", (os.fspath(theirs),))
    except PeerMissingError as error:
        print(error)
    for name, options in (
        ("betterleaks", ("git", "--staged", "-s", "--isolate-rule", "aws-access-token")),
        ("kingfisher", ("scan", ".", "--staged", "--no-validate", "--rule", "aws", "--no-update-check", "-q")),
    ):
        try:
            yield Hook(f"{name} (AWS rules only)", (program(name, peers), *options))
        except PeerMissingError as error:
            print(error)


def _race(repository: Path, hooks: list[Hook], leaking: bool, rounds: int) -> Iterator[tuple[Hook, list[float]]]:
    """Run the hooks in turn, each turn in another order.

    Every timed run follows an untimed one of the same hook, so that none pays for what the one before it left in
    the processor's caches.
    """
    seconds: dict[str, list[float]] = {hook.name: [] for hook in hooks}
    rng = random.Random(1)
    for _ in range(rounds):
        for hook in rng.sample(hooks, len(hooks)):
            _run(repository, hook, leaking)
            begin = time.perf_counter()
            _run(repository, hook, leaking)
            seconds[hook.name].append(time.perf_counter() - begin)
    yield from ((hook, seconds[hook.name]) for hook in hooks)


def _run(repository: Path, hook: Hook, leaking: bool) -> None:
    done = subprocess.run(
        hook.command, cwd=repository, env=_environment(), capture_output=True, stdin=subprocess.DEVNULL
    )
    if (done.returncode != 0) is not leaking:
        print(f"{hook.name} answered {done.returncode} to {'a leak' if leaking else 'clean files'}")


def _environment() -> dict[str, str]:
    """The user's, but with bytecode kept, as where a hook is installed to stay."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _spread(seconds: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(seconds), sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.95))]


def _git(path: Path, *arguments: str) -> None:
    command = [shutil.which("git") or "git", "-C", os.fspath(path), *arguments]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
