"""What each filter loses: random keys of every kind, through every test that may call one a look-alike.

    python -m bench.filters [--samples 1000000]

Each filter is asked by itself, so the table says what it costs whatever the others do. Beside the share that is
lost stands the upper end of its 95 % confidence interval (Clopper and Pearson, by bisection).
"""

from __future__ import annotations

import argparse
import math
import random
import re
from collections.abc import Callable
from typing import NamedTuple

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep.detect.anchors import anchors
from keysweep.detect.placeholders import placeholder_key_id, placeholder_secret, placeholder_token
from keysweep.detect.rules import BY_NAME
from keysweep.detect.secrets import LEAST_SCORE, LEAST_SCORE_ALONE, judge_around, randomness, shannon

_HEX = re.compile(r"[0-9a-f]{40}|[0-9A-F]{40}")


class Filter(NamedTuple):
    """One test, and what it is asked about."""

    name: str
    sample: Callable[[random.Random], str]
    loses: Callable[[str], bool]


def filters() -> list[Filter]:
    """Every filter, in the order in which a credential meets them."""
    confirm = next(anchor.confirm for anchor in anchors() if anchor.kind == "secret")
    assert confirm is not None

    def has_too_little_entropy(rule: str) -> Callable[[str], bool]:
        least = BY_NAME[rule].entropy
        return lambda text: shannon(text) < least

    def is_unseen(template: str) -> Callable[[str], bool]:
        return lambda text: not confirm(template.format(text[:19], text[19:]).encode(), 0)

    return [
        Filter("runs of words: one line", secret, is_unseen("secret_key = {}{}\n")),
        Filter("runs of words: wrapped over two lines", secret, is_unseen("secret_key = {}\n    {}\n")),
        Filter("hexadecimal only", secret, lambda text: _HEX.fullmatch(text) is not None),
        Filter("entropy of a secret below 4.25", secret, has_too_little_entropy("secret-access-key")),
        Filter("randomness below 0 (named, or beside an ID)", secret, lambda text: randomness(text) < LEAST_SCORE),
        Filter("randomness below 2.8 (near an ID)", secret, lambda text: randomness(text) < LEAST_SCORE_ALONE),
        Filter("part of something longer", secret, lambda text: judge_around(text, 'key = "', '"') is not None),
        Filter("placeholder: secret", secret, lambda text: placeholder_secret(text) is not None),
        Filter("placeholder: key ID", key_id, lambda text: placeholder_key_id(text) is not None),
        Filter("placeholder: session token", session_token, lambda text: placeholder_token(text) is not None),
        Filter("entropy of a session token below 4.5", session_token, has_too_little_entropy("session-token")),
        Filter("entropy of a long Bedrock key below 4.0", bedrock_long, has_too_little_entropy("bedrock-api-key")),
        Filter(
            "entropy of a short Bedrock key below 4.0",
            bedrock_short,
            has_too_little_entropy("bedrock-short-term-api-key"),
        ),
        Filter(
            "entropy of an SMTP password below 4.2", smtp_password, has_too_little_entropy("ses-smtp-password")
        ),
        Filter("placeholder: SMTP password", smtp_password, lambda text: placeholder_token(text) is not None),
    ]


def upper_bound(lost: int, samples: int) -> float:
    """The highest true rate that would still give so few losses in one of forty runs."""
    low, high = lost / samples, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        terms = (_log_binomial(samples, count, middle) for count in range(lost + 1))
        if sum(map(math.exp, terms)) > 0.025:
            low = middle
        else:
            high = middle
    return high


def _log_binomial(samples: int, count: int, rate: float) -> float:
    ways = math.lgamma(samples + 1) - math.lgamma(count + 1) - math.lgamma(samples - count + 1)
    return ways + count * math.log(rate) + (samples - count) * math.log1p(-rate)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{'filter':46} {'lost':>6} of {options.samples:<9} {'share':>9}  {'at most':>9}")
    for each in filters():
        rng = random.Random(options.seed)
        lost = sum(each.loses(each.sample(rng)) for _ in range(options.samples))
        at_most = upper_bound(lost, options.samples)
        print(f"{each.name:46} {lost:6} {'':12} {lost / options.samples:9.5%}  {at_most:9.5%}", flush=True)


if __name__ == "__main__":
    main()
