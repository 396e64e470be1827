"""Choose the measure that tells random secrets from look-alikes, and train its table.

    python -m bench.secrets_roc TREE... [--write-table] [--write-curve]

Negatives are all runs of exactly forty characters of the secret alphabet in the trees, less those that are
hexadecimal (which no measure needs). A new table is trained on one half of the files and judged on the other;
the table that ships is judged there too. The table goes to src/keysweep/detect/bigrams.py, the curve to
docs/roc.svg.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from fixtures.keys import SECRET_ALPHABET, secret
from keysweep.detect.rules import BY_NAME
from keysweep.detect.secrets import LEAST_SCORE, LEAST_SCORE_ALONE, randomness, shannon

RUN = re.compile(rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
TRAINING_RUN = re.compile(rb"[A-Za-z0-9/+]{12,}")
HEX = re.compile(r"[0-9a-fA-F]{40}")
POSITIVES = 300_000
SHIPPED = "bigrams (shipped table)"
THRESHOLDS = {
    "Shannon entropy": (BY_NAME["secret-access-key"].entropy,),
    SHIPPED: (LEAST_SCORE, LEAST_SCORE_ALONE),
}
Measure = Callable[[str], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--write-table", action="store_true")
    parser.add_argument("--write-curve", action="store_true")
    options = parser.parse_args()
    training, held_out = split(options.trees)
    table = train(training)
    rng = random.Random(1)
    positives = [secret(rng) for _ in range(POSITIVES)]
    negatives = held_out
    print(f"{len(negatives)} different look-alikes held out, {len(positives)} random secrets")
    measures = all_measures(table)
    print(f"{'measure':28} {'AUC':>8} {'passing of 1000 look-alikes at 1 lost secret in':>52}")
    print(f"{'':28} {'':8} {'10 000':>20} {'2 000':>15} {'1 000':>15}")
    curves = {}
    for name, measure in measures.items():
        good = sorted(map(measure, positives))
        bad = sorted(map(measure, negatives))
        cells = [f"{1000 * above(bad, good[int(len(good) * rate)]):.1f}" for rate in (1e-4, 5e-4, 1e-3)]
        print(f"{name:28} {auc(good, bad):8.5f} {cells[0]:>20} {cells[1]:>15} {cells[2]:>15}")
        curves[name] = curve(good, bad)
        for threshold in THRESHOLDS.get(name, ()):
            lost = bisect_left(good, threshold)
            passing = len(bad) - bisect_left(bad, threshold)
            print(f"    at {threshold:5}: loses {lost} of {len(good)}, {passing} of {len(bad)} pass")
    if options.write_table:
        write_table(table)
    if options.write_curve:
        Path("docs/roc.svg").write_text(svg(curves), encoding="utf-8")


def split(trees: list[Path]) -> tuple[Counter[bytes], list[str]]:
    """Training runs from every other file, and the forty-character look-alikes of the rest."""
    training: Counter[bytes] = Counter()
    look_alikes: set[str] = set()
    for number, content in enumerate(files(trees)):
        if number % 2:
            training.update(set(TRAINING_RUN.findall(content)))
        else:
            look_alikes.update(run.decode("ascii") for run in RUN.findall(content))
    return training, sorted(each for each in look_alikes if not HEX.fullmatch(each))


def files(trees: list[Path]) -> Iterator[bytes]:
    for tree in trees:
        for path in sorted(tree.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.read_bytes()


def train(runs: Counter[bytes]) -> list[list[float]]:
    """Log-likelihood ratio of each pair of neighbours: code against a uniform choice, add-one smoothed."""
    index = {character: number for number, character in enumerate(SECRET_ALPHABET)}
    counts = [[1.0] * 64 for _ in range(64)]
    for run in runs:
        text = run.decode("ascii")
        if HEX.fullmatch(text) or shannon(text) < 2:
            continue
        for one, two in itertools.pairwise(text):
            counts[index[one]][index[two]] += 1
    return [[math.log2(64 * count / sum(row)) for count in row] for row in counts]


def all_measures(table: list[list[float]]) -> dict[str, Measure]:
    index = {character: number for number, character in enumerate(SECRET_ALPHABET)}

    def bigrams(text: str) -> float:
        pairs = itertools.pairwise(text)
        return -sum(max(-4.0, min(4.0, table[index[one]][index[two]])) for one, two in pairs)

    def transitions(text: str) -> float:
        classes = [
            "d" if each.isdigit() else "u" if each.isupper() else "l" if each.islower() else "s" for each in text
        ]
        return sum(one != two for one, two in itertools.pairwise(classes))

    def longest_lower(text: str) -> float:
        return -max(map(len, re.findall(r"[a-z]+", text)), default=0)

    return {
        "Shannon entropy": shannon,
        "class changes": transitions,
        "digits": lambda text: sum(map(str.isdigit, text)),
        "longest lower-case run": longest_lower,
        "bigrams": bigrams,
        SHIPPED: randomness,
        "bigrams and class changes": lambda text: bigrams(text) + transitions(text),
    }


def above(ordered: list[float], threshold: float) -> float:
    return sum(each >= threshold for each in ordered) / max(1, len(ordered))


def auc(good: list[float], bad: list[float]) -> float:
    """Probability that a random secret scores higher than a look-alike; ties count half."""
    total = sum(bisect_left(good, each) + (bisect_right(good, each) - bisect_left(good, each)) / 2 for each in bad)
    return 1 - total / (len(good) * max(1, len(bad)))


def curve(good: list[float], bad: list[float]) -> list[tuple[float, float]]:
    """Points of (look-alikes that pass, secrets that are lost), both from 0 to 1."""
    rates = [0.0, *(10 ** (exponent / 8) for exponent in range(-40, 1))]
    return [(above(bad, good[min(len(good) - 1, int(len(good) * rate))]), rate) for rate in rates]


def write_table(table: list[list[float]]) -> None:
    characters = "".join(chr(35 + round((max(-4.0, min(4.0, value)) + 4) * 11)) for row in table for value in row)
    lines = [
        characters[at : at + 64].replace("\\", "\\\\").replace('"', '\\"') for at in range(0, len(characters), 64)
    ]
    body = "\n".join(f'    "{line}"' for line in lines)
    Path("src/keysweep/detect/bigrams.py").write_text(
        '"""How likely neighbours are in code, trained by bench/secrets_roc.py; not for editing."""\n\n'
        "from __future__ import annotations\n\n"
        "# fmt: off\nTABLE = (\n" + body + "\n)\n# fmt: on\n"
        '"""64 by 64 log2 ratios from -4 to 4 in steps of 1/11, a character each from `#` on."""\n',
        encoding="utf-8",
    )


def svg(curves: dict[str, list[tuple[float, float]]]) -> str:
    """Lost secrets (logarithmic, left to right) against passing look-alikes."""
    colours = ("#888888", "#1f77b4", "#9467bd", "#8c564b", "#d62728", "#ff7f0e", "#2ca02c")
    left, top, width, height = 70, 30, 560, 340
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {top + height + 60}" '
            'font-family="sans-serif" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for exponent in range(-5, 1):
        x = left + width * (exponent + 5) / 5
        parts.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{top + height}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{top + height + 18}" text-anchor="middle">{10**exponent:g}</text>')
    for tenth in range(0, 11, 2):
        y = top + height * (1 - tenth / 10)
        parts.append(f'<line x1="{left}" y1="{y}" x2="{left + width}" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{tenth * 10} %</text>')
    for number, (name, points) in enumerate(curves.items()):
        path = " ".join(
            f"{left + width * (math.log10(max(lost, 1e-5)) + 5) / 5:.1f},{top + height * (1 - passing):.1f}"
            for passing, lost in points
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[number]}" stroke-width="2"/>')
        parts.append(
            f'<text x="{left + width - 170}" y="{top + 20 + 16 * number}" fill="{colours[number]}">{name}</text>'
        )
    parts.append(
        f'<text x="{left + width / 2}" y="{top + height + 42}" text-anchor="middle">random secrets lost</text>'
    )
    parts.append(f'<text x="{left}" y="{top - 10}">look-alikes that still pass</text></svg>\n')
    return "\n".join(parts)


if __name__ == "__main__":
    main()
