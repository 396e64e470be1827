"""How long `keysweep account --org` takes, against an AWS on this machine that takes its time to answer.

The floor is what latency alone takes: the requests that were answered, as many at once as were under way.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.account.organisations import ROLE, Organisation, members
from tests.emulators.wire import serve

_AT_ONCE_IN_AN_ACCOUNT = 8


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--users", type=int, default=1000, help="in each account (default: 1000)")
    parser.add_argument("--holders", type=int, default=50, help="of them with keys (default: 50)")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds (default: 0.05)")
    parser.add_argument("--throttled", type=float, default=0.0, help="share of answers (default: 0)")
    parser.add_argument("--jobs", type=int, default=8)
    arguments = parser.parse_args()
    organisation = Organisation(
        members(arguments.accounts - 1),
        users=arguments.users,
        holders=arguments.holders,
        latency=arguments.latency,
        throttled=arguments.throttled,
    )
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(theirs, organisation), daemon=True)
    server.start()
    address = ours.recv()
    with tempfile.TemporaryDirectory() as home:
        code, seconds, found = _run(Path(home), address, arguments.jobs)
    ours.send("end")
    requests = ours.recv()
    server.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    floor = requests * arguments.latency / (arguments.jobs * _AT_ONCE_IN_AN_ACCOUNT)
    listed = sum(len(each["keys"]) for each in found["accounts"])
    print(
        f"{len(found['accounts'])} of {arguments.accounts} accounts, {listed} keys, {requests} requests: "
        f"{seconds:.1f} s, exit code {code}, floor {floor:.1f} s, {used.ru_maxrss / 1024:.0f} MB, "
        f"unreached {len(found['unreached'])}, not checked {len(found['not_checked'])}"
    )


def _run(home: Path, address: str, jobs: int) -> tuple[int, float, dict[str, list[dict[str, list[object]]]]]:
    """Exit code, seconds, and the report."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    own = {
        "HOME": str(home),
        "KEYSWEEP_STATE": str(home / "state"),
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE22",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [
        sys.executable, "-m", "keysweep", "account", "--org", "--role", ROLE, "--jobs", str(jobs), "--format",
        "json", "--output", str(home / "report.json"), "--aws-endpoint", address,
    ]  # fmt: skip
    begin = time.perf_counter()
    done = subprocess.run(command, env=kept | own, check=False)
    seconds = time.perf_counter() - begin
    return done.returncode, seconds, json.loads((home / "report.json").read_text())


def _serve(pipe: Connection, organisation: Organisation) -> None:
    with serve(organisation.answer) as address:
        pipe.send(address)
        pipe.recv()
        pipe.send(organisation.asked.total())


if __name__ == "__main__":
    main()
