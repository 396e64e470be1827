"""Recall and precision of keysweep and its peers on the generated corpus, side by side.

Run `python -m bench.detection` at the root of the repository; see bench/README.md for the peers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import PEERS, Hit, PeerMissingError, Run, run
from bench.scoring import Difference, Score, by_form, generous, is_serious, strict
from fixtures.corpus import Expected, Sample, negatives, positives
from keysweep.detect.scanner import scan
from keysweep.findings import Finding, Origin


@dataclass(frozen=True, slots=True)
class Row:
    """One tool in the table."""

    tool: str
    score: Score
    seconds: float


def main() -> None:
    """Write the corpus to a temporary directory, run every tool over it, print the tables."""
    arguments = _arguments()
    samples = [
        *positives(arguments.seed, arguments.per_form),
        *negatives(arguments.seed, arguments.negatives),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        for number, sample in enumerate(samples):
            file = directory / _folder(number) / sample.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(sample.content)
        findings, seconds = _own(samples)
        exact, differences = strict(samples, findings)
        rows = [Row("keysweep (to the letter)", exact, seconds)]
        rows.append(Row("keysweep (as the peers)", generous(samples, _as_hits(findings)), seconds))
        if not arguments.alone:
            rows += _peer_rows(samples, directory, arguments.peers)
    _print_table(samples, rows)
    if arguments.forms:
        _print_forms(samples, rows)
    _print_differences(samples, differences, arguments.show)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-form", type=int, default=12, help="positives of each form")
    parser.add_argument("--negatives", type=int, default=5000, help="negatives in all")
    parser.add_argument("--forms", action="store_true", help="print recall by form and tool")
    parser.add_argument("--alone", action="store_true", help="run keysweep only")
    parser.add_argument("--show", type=int, default=0, help="print so many samples of each form that differs")
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(os.environ.get("PEERS", "peers")),
        help="directory of the peers' virtual environment; default $PEERS",
    )
    return parser.parse_args()


def _folder(number: int) -> str:
    return f"{number:06}"


def _own(samples: list[Sample]) -> tuple[dict[int, list[Finding]], float]:
    """Scan in this process; only what a user would see counts, so placeholders do not."""
    start = time.perf_counter()
    findings = {}
    for number, sample in enumerate(samples):
        found = [
            finding for finding in scan(sample.content, Origin(sample.path)).findings if not finding.placeholder
        ]
        if found:
            findings[number] = found
    return findings, time.perf_counter() - start


def _as_hits(findings: dict[int, list[Finding]]) -> dict[int, list[Hit]]:
    return {
        number: [Hit("", part.place.line, (part.value.reveal(),)) for finding in found for part in finding.parts]
        for number, found in findings.items()
    }


def _peer_rows(samples: list[Sample], directory: Path, programs: Path) -> Iterable[Row]:
    for peer in PEERS:
        try:
            result = run(peer, directory, programs.resolve())
        except PeerMissingError as error:
            print(f"{peer.name}: {error}")
            continue
        yield Row(result.tool, generous(samples, _by_sample(result)), result.seconds)


def _by_sample(result: Run) -> dict[int, list[Hit]]:
    hits: dict[int, list[Hit]] = defaultdict(list)
    for hit in result.hits:
        hits[int(hit.file.partition("/")[0])].append(hit)
    return dict(hits)


def _print_table(samples: list[Sample], rows: list[Row]) -> None:
    wanted = {number for number, sample in enumerate(samples) if sample.expected}
    serious = {number for number in wanted if is_serious(samples[number])}
    forms = len({samples[number].form for number in wanted})
    classes = len({sample.form for sample in samples if not sample.expected})
    print(f"{len(wanted)} positives of {forms} forms ({len(serious)} with more than key IDs), ", end="")
    print(f"{len(samples) - len(wanted)} negatives of {classes} classes\n")
    print(f"{'tool':46} {'recall':>8} {'without lone IDs':>17} {'precision':>10} {'alarms':>7} {'seconds':>8}")
    for row in rows:
        found, alarms = row.score.found, row.score.alarms
        precision = len(found) / max(1, len(found) + len(alarms))
        print(
            f"{row.tool:46} {len(found) / len(wanted):8.2%} {len(found & serious) / len(serious):17.2%} "
            f"{precision:10.2%} {len(alarms):7} {row.seconds:8.1f}"
        )


def _print_forms(samples: list[Sample], rows: list[Row]) -> None:
    print("\nrecall by form, in per cent; the columns are the tools in the order above")
    for form, numbers in by_form(samples, (n for n, sample in enumerate(samples) if sample.expected)).items():
        shares = (len(row.score.found.intersection(numbers)) / len(numbers) for row in rows)
        print(f"{form:36}" + "".join(f"{share:8.0%}" for share in shares))
    print("\nfalse alarms by class")
    for form, numbers in by_form(samples, (n for n, sample in enumerate(samples) if not sample.expected)).items():
        print(f"{form:36}" + "".join(f"{len(row.score.alarms.intersection(numbers)):8}" for row in rows))


def _print_differences(samples: list[Sample], differences: dict[int, Difference], show: int) -> None:
    groups = by_form(samples, differences)
    print(f"\nkeysweep differs from the labels in {len(differences)} samples of {len(groups)} forms")
    for form, numbers in sorted(groups.items(), key=lambda group: -len(group[1])):
        missing = sum(bool(differences[number].missing) for number in numbers)
        surplus = sum(bool(differences[number].surplus) for number in numbers)
        print(f"{form:40} {missing:5} with a miss {surplus:5} with a false alarm")
        for number in numbers[:show]:
            print(f"    {samples[number].path}")
            for label, items in (
                ("missing", differences[number].missing),
                ("surplus", differences[number].surplus),
            ):
                for item in items:
                    print(f"        {label}: {_described(item)}")


def _described(item: Expected) -> str:
    """Everything about a label but the whole secret."""
    secret = f"{item.secret[:4]}…({len(item.secret)})" if item.secret else None
    token = f"{item.token[:4]}…({len(item.token)})" if item.token else None
    return f"{item.kind} id={item.key_id} secret={secret} token={token} line={item.line}"


if __name__ == "__main__":
    main()
