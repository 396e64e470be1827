"""How long it takes to ask about many keys, against a server on this machine that takes its time to answer.

The floor is what the latency alone takes: as many rounds as the requests fill workers.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import time

from keysweep.aws.partitions import partition
from keysweep.aws.signing import Caller, Credential
from keysweep.aws.verify import Question, verify
from keysweep.findings import Secret
from tests.emulators.apart import serve_apart
from tests.emulators.keys import mint
from tests.emulators.script import Latency


def main() -> None:
    """Print a line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds (default: 0.1)")
    parser.add_argument("--workers", type=int, nargs="*", default=[16, 32])
    arguments = parser.parse_args()
    rng = random.Random(7)
    keys = [mint(rng) for _ in range(arguments.pairs)]
    asked = [
        Question(key.key_id, (Credential(key.key_id, Secret(key.secret)),), (partition("aws"),)) for key in keys
    ]
    print(f"{'pairs':>6} {'workers':>8} {'seconds':>8} {'floor':>7} {'times':>6} {'live':>6} {'memory':>8}")
    with serve_apart(keys, Latency(arguments.latency)) as url:
        for workers in arguments.workers:
            caller = Caller(url, connections=workers)
            begin = time.perf_counter()
            answers = list(verify(asked, caller, workers=workers))
            seconds = time.perf_counter() - begin
            caller.close()
            floor = math.ceil(len(asked) / workers) * arguments.latency
            live = sum(each.verdict.status == "live" for each in answers)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            measured = f"{seconds:8.2f} {floor:7.2f} {seconds / floor:6.2f}"
            print(f"{len(asked):6} {workers:8} {measured} {live:6} {memory:5.0f} MB")


if __name__ == "__main__":
    main()
