"""How fast content is scanned: in memory on one core, and whole directories beside other scanners.

Name directories of real source, at least a gigabyte of it. First every text file in them is read into memory and
scanned by one process, as it is and joined into larger pieces. Then each tool scans the directories from a warm
page cache, as a user would start it; the tools take turns. Needs what bench/README.md sets up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bench.peers import PeerMissingError, program
from keysweep import Origin, scan
from keysweep.detect import engine
from keysweep.detect.containers import container_format
from keysweep.detect.extract import _read
from keysweep.detect.prefilter import find_hits
from keysweep.detect.scanner import worth_scanning
from keysweep.sources.pool import SMALL_BYTES, TOGETHER_BYTES

PIECE_BYTES = 1 << 20
GB = 1e9
_Item = TypeVar("_Item")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", type=Path, nargs="+")
    parser.add_argument("--peers", type=Path, default=os.environ.get("PEERS", "peers"))
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the best counts (default: 3)")
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--skip-peers", action="store_true")
    arguments = parser.parse_args()
    if not arguments.skip_memory:
        _in_memory(list(_texts(arguments.directories)), arguments.rounds)
    _from_disk(arguments.directories, Path(arguments.peers), arguments.rounds, alone=arguments.skip_peers)


def _files(directories: Sequence[Path]) -> Iterator[str]:
    for directory in directories:
        for parent, _, names in os.walk(directory):
            yield from (path for name in names if not os.path.islink(path := os.path.join(parent, name)))


def _texts(directories: Sequence[Path]) -> Iterator[bytes]:
    for path in _files(directories):
        with open(path, "rb") as stream:
            content = stream.read()
        if b"\0" not in content[:8000] and container_format(content) is None:
            yield content


def _in_memory(texts: list[bytes], rounds: int) -> None:
    joined = b"".join(texts)
    pieces = [joined[at : at + PIECE_BYTES] for at in range(0, len(joined), PIECE_BYTES)]
    large = [each for each in texts if len(each) >= 32 << 10]
    start = time.perf_counter()
    name = "Hyperscan" if engine.database() else "re"
    print(f"{name} ready after {time.perf_counter() - start:.2f} s; {len(joined) / GB:.2f} GB of text\n")
    print(f"{'in memory, one core':34} {'contents':>9} {'mean size':>10} {'prefilter':>11} {'scan':>11}")
    for name, contents in (
        ("files as they are", texts),
        ("files of 32 KiB and more", large),
        ("the same text in 1 MiB pieces", pieces),
    ):
        size = sum(map(len, contents))
        looking = min(_seconds(find_hits, contents) for _ in range(rounds))
        scanning = min(_scanned_afresh(contents) for _ in range(rounds))
        rates = f"{size / looking / GB:6.2f} GB/s {size / scanning / GB:6.2f} GB/s"
        print(f"{name:34} {len(contents):9} {size // len(contents):10} {rates}", flush=True)
    print()


def _groups(contents: list[bytes]) -> list[list[bytes]]:
    """Files as the workers of `keysweep scan` take them: small ones together, the others by themselves."""
    groups: list[list[bytes]] = []
    small: list[bytes] = []
    for content in contents:
        if len(content) >= SMALL_BYTES:
            groups.append([content])
            continue
        small.append(content)
        if sum(map(len, small)) >= TOGETHER_BYTES:
            groups.append(small)
            small = []
    return [*groups, small]


def _scanned_afresh(contents: list[bytes]) -> float:
    """Seconds of one scan that remembers nothing of the rounds before."""
    _read.cache_clear()
    return _seconds(_scan_group, _groups(contents))


def _scan_group(contents: list[bytes]) -> None:
    paths = ["a"] * len(contents)
    worth = worth_scanning(contents, paths) if len(contents) > 1 else range(len(contents))
    for number in worth:
        scan(contents[number], Origin(paths[number]))


def _seconds(work: Callable[[_Item], object], items: Iterable[_Item]) -> float:
    start = time.perf_counter()
    for each in items:
        work(each)
    return time.perf_counter() - start


def _from_disk(directories: Sequence[Path], peers: Path, rounds: int, *, alone: bool) -> None:
    sizes = [os.path.getsize(path) for path in _files(directories)]
    print(f"{len(sizes)} files, {sum(sizes) / GB:.2f} GB, warm cache, {os.cpu_count()} cores")
    print(f"{'whole directories':34} {'seconds':>9} {'rate':>11} {'keysweep is':>14}")
    commands = list(_commands(directories, peers, alone=alone))
    seconds: dict[str, list[float]] = {name: [] for name, _ in commands}
    for _ in range(rounds):
        for name, runs in commands:
            seconds[name].append(_seconds(_execute, runs))
    ours = min(seconds[commands[0][0]])
    for name, each in seconds.items():
        factor = "" if name == commands[0][0] else f"{min(each) / ours:5.1f} x faster"
        print(f"{name:34} {min(each):7.1f} s {sum(sizes) / min(each) / GB:6.2f} GB/s {factor:>14}")
    spread = max(max(each) / statistics.median(each) for each in seconds.values())
    print(f"\nbest of {rounds}; the slowest run took {spread:.2f} times its tool's median")


def _commands(directories: Sequence[Path], peers: Path, *, alone: bool) -> Iterator[tuple[str, list[list[str]]]]:
    """Each tool with the commands that together scan everything; reports go to a scratch file."""
    names = [os.fspath(each) for each in directories]
    keysweep = os.fspath(Path(sys.executable).parent / "keysweep")
    yield "keysweep", [[keysweep, "scan", "--all-files", "--format", "json", *names]]
    if alone:
        return
    for name, options in (
        ("kingfisher", ("scan", "--no-validate", "--rule", "aws", "-c", "low", "--no-update-check", "-q")),
        ("betterleaks", ("auto", "-s", "--no-banner", "--isolate-rule", "aws-access-token")),
    ):
        try:
            tool = program(name, peers)
        except PeerMissingError as error:
            print(error)
            continue
        yield f"{name} (AWS rules only)", [[tool, options[0], each, *options[1:]] for each in names]


def _execute(command: list[str]) -> None:
    with tempfile.TemporaryFile() as scratch:
        environment = os.environ | {"PYTHONUTF8": "1"}
        done = subprocess.run(command, stdout=scratch, stderr=scratch, stdin=subprocess.DEVNULL, env=environment)
        if done.returncode not in {0, 1, 3, 200, 205}:
            scratch.seek(0)
            sys.exit(f"{command[:3]} ended with {done.returncode}: {scratch.read(500).decode(errors='replace')}")


if __name__ == "__main__":
    main()
