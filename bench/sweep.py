"""How long it takes to sweep an organisation: the first night and the second, on one and two processes, with Dask.

An organisation is made (fixtures/organisation.py) and served over HTTP on this machine, which does the work of
the server too. Each way of sweeping it has mirrors, a cache and a store of its own. What a repository costs beyond
its own scan is what one process takes for all, less what one process takes to clone and scan each by itself, for
each repository. The second night comes after one in a hundred has a new commit.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from fixtures.organisation import add_commit, make
from tests.clusters import cluster

_SCAN_ALL = """
import sys, time
from functools import partial
from keysweep.sources.engine import prepare
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.whole import forget_packs, scan_source
prepare()
scan = partial(scan_history, jobs=1)
addresses = open(sys.argv[1]).read().split()
scan_source(addresses[0], scan)
began = time.perf_counter()
for address in addresses:
    scan_source(address, scan)
    forget_packs()
print(time.perf_counter() - began)
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--dask", action="store_true", help="also on a cluster of two workers on this machine")
    parser.add_argument("--scratch", type=Path, help="where it is done; a temporary directory by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as name:
        scratch = Path(name)
        made = make(scratch / "served", arguments.repositories)
        print(
            f"{made.repositories} repositories, {made.content_bytes / 1e6:.0f} MB of files, "
            f"{made.leaks} leaks in {made.places} repositories",
            flush=True,
        )
        with served(scratch / "served") as address:
            listed = scratch / "repositories.txt"
            paths = sorted((scratch / "served").glob("*/*.git"))
            listed.write_text("".join(f"{address}/{path.relative_to(scratch / 'served')}\n" for path in paths))
            _measure(scratch, listed, paths, made.repositories, with_dask=arguments.dask)


def _measure(scratch: Path, listed: Path, paths: list[Path], count: int, *, with_dask: bool) -> None:
    first = {}
    for jobs in (1, 2):
        first[jobs] = sweep(scratch / f"local-{jobs}", listed, "--jobs", str(jobs))
        print(f"first night, {jobs} process{'es' * (jobs > 1)}: {first[jobs]:.1f} s", flush=True)
    scans = subprocess.run([sys.executable, "-c", _SCAN_ALL, listed], capture_output=True, text=True, check=True)
    own = float(scans.stdout)
    print(f"each cloned and scanned by itself, 1 process: {own:.1f} s")
    print(f"beyond its own scan, each repository: {(first[1] - own) / count * 1000:.1f} ms")
    if with_dask:
        with cluster(2) as workers:
            took = sweep(scratch / "dask", listed, "--engine", "dask", "--scheduler", workers.address)
        print(f"first night, Dask with 2 workers: {took:.1f} s", flush=True)
    quiet = sweep(scratch / "local-2", listed, "--jobs", "2")
    print(f"second night without news: {quiet:.1f} s, {quiet / first[2]:.1%} of the first", flush=True)
    rng = random.Random(3)
    for path in rng.sample(paths, max(1, count // 100)):
        add_commit(path, rng)
    second = sweep(scratch / "local-2", listed, "--jobs", "2")
    print(f"second night, 1 % changed: {second:.1f} s, {second / first[2]:.1%} of the first", flush=True)


def sweep(place: Path, listed: Path, *options: str) -> float:
    """Seconds that a sweep takes, with all that it keeps in `place`."""
    environment = {**os.environ, "KEYSWEEP_CACHE": os.fspath(place / "cache")}
    command = [sys.executable, "-m", "keysweep", "sweep", listed, "--db", place / "store.db", *options]
    place.mkdir(exist_ok=True)
    began = time.perf_counter()
    done = subprocess.run(
        [*map(str, command), "--mirrors", os.fspath(place / "mirrors")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode != 1:
        sys.exit(f"the sweep ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"  {done.stdout.splitlines()[-1]}")
    return took


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The repositories below `root` over HTTP, by a server that starts `git upload-pack` and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("/info/refs")[0]
            told = self._upload_pack(path, "--http-backend-info-refs", b"")
            self._send("advertisement", b"001e# service=git-upload-pack\n0000" + told)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self._send("result", self._upload_pack(self.path.removesuffix("/git-upload-pack"), "--strict", body))

        def _upload_pack(self, path: str, option: str, body: bytes) -> bytes:
            command = ["git", "upload-pack", "--stateless-rpc", option, f"{root}{path}"]
            return subprocess.run(command, input=body, stdout=subprocess.PIPE, check=False).stdout

        def _send(self, what: str, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", f"application/x-git-upload-pack-{what}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # whoever comes after five others would be left to try again after a second

    with Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


if __name__ == "__main__":
    main()
