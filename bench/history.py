"""How long a sweep of full history takes, beside kingfisher, and what it costs beside only decoding the objects.

Name repositories (bare mirrors are best). Each is swept by `keysweep scan --history` with two processes,
attribution included, and by kingfisher with its AWS rules, from a warm page cache. `--floor` also measures the
processor time of inflating every blob and applying every delta with the same packages and no matching. Needs what
bench/README.md sets up.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers import PeerMissingError, program

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took."""

    wall_seconds: float
    processor_seconds: float
    most_bytes: int
    """Proportional set size of all its processes at the worst moment seen."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--peers", type=Path, default=os.environ.get("PEERS", "peers"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the best counts (default: 1)")
    parser.add_argument("--floor", action="store_true", help="measure decoding without matching, too")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    arguments = parser.parse_args()
    print(
        f"{'repository':28} {'keysweep':>9} {'CPU':>8} {'memory':>8} {'kingfisher':>11} {'times':>7} {'floor':>8}"
    )
    factors = []
    for repository in arguments.repositories:
        _warm(repository)
        ours = _best(_ours(repository, arguments.jobs), arguments.rounds)
        theirs = None if arguments.alone else _theirs(repository, arguments.peers, arguments.rounds)
        factor = theirs / ours.wall_seconds if theirs else math.nan
        factors.append(factor)
        floor = _floor(repository) if arguments.floor else math.nan
        name = repository.parent.name if repository.name == "repo" else repository.name
        print(
            f"{name:28} {ours.wall_seconds:7.2f} s {ours.processor_seconds:6.2f} s {ours.most_bytes >> 20:5} MB"
            f" {theirs or math.nan:9.2f} s {factor:6.1f}x {floor:6.2f} s",
            flush=True,
        )
    mean = math.exp(sum(map(math.log, factors)) / len(factors))
    print(f"\ngeometric mean: {mean:.1f} times as fast as kingfisher" if not arguments.alone else "")


def _ours(repository: Path, jobs: int) -> list[str]:
    keysweep = os.fspath(Path(sys.executable).parent / "keysweep")
    return [
        keysweep,
        "scan",
        "--history",
        "--no-cache",
        "--no-config",
        "--format",
        "json",
        "--jobs",
        str(jobs),
        str(repository),
    ]


def _theirs(repository: Path, peers: Path, rounds: int) -> float | None:
    try:
        tool = program("kingfisher", peers)
    except PeerMissingError as error:
        print(error)
        return None
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--no-validate", "--rule", "aws", "-c", "low", "--no-update-check", "-q", "--format", "jsonl"]
        command = [tool, "scan", str(repository), *options, "-o", os.path.join(scratch, "out")]
        return _best(command, rounds).wall_seconds


def _best(command: list[str], rounds: int) -> Cost:
    return min((_run(command) for _ in range(rounds)), key=lambda cost: cost.wall_seconds)


def _run(command: list[str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sampler = _Sampler(process.pid)
    process.wait()
    wall = time.perf_counter() - begin
    sampler.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, used, sampler.most_bytes)


class _Sampler:
    """Looks at the memory of a process and all below it, again and again."""

    def __init__(self, pid: int) -> None:
        self.most_bytes = 0
        self._pid = pid
        self._going = True
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        self._going = False
        self._thread.join()

    def _look(self) -> None:
        while self._going:
            self.most_bytes = max(self.most_bytes, sum(_proportional_bytes(pid) for pid in _family(self._pid)))
            time.sleep(_SAMPLE_SECONDS)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield from _family(int(child))
    except OSError:
        return


def _proportional_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _floor(repository: Path) -> float:
    """Processor seconds of decoding every blob, each delta tree once, with nothing looked at."""
    code = (
        "import sys, time\n"
        "from keysweep.sources.history.objects import stores, packs, decode\n"
        "from keysweep.sources.history.objects import database\n"
        "import numpy\n"
        "database.keep_memory()\n"
        "found = stores.find_stores(sys.argv[1])\n"
        "begin = time.process_time()\n"
        "for path in (p for d in found.directories for p in stores.packs_in(d)):\n"
        "    pack = packs.opened(path, found.hash_bytes)\n"
        "    roots = numpy.flatnonzero((pack.types == packs.BLOB) & (pack.bases == -1)).tolist()\n"
        "    for _ in decode.trees_of(path, found.hash_bytes).walk(roots): pass\n"
        "print(time.process_time() - begin)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, repository], capture_output=True, check=True)
    return float(done.stdout)


def _warm(repository: Path) -> None:
    for path in repository.rglob("*.pack"):
        with path.open("rb") as stream:
            while stream.read(1 << 24):
                pass


if __name__ == "__main__":
    main()
