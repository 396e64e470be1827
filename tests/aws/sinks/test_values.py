"""The JSON of a secret: the pair put back, and what others changed beside it kept."""

from __future__ import annotations

import json

import pytest

from keysweep.aws.sinks.values import with_pair_of

OLD, NEW = (
    {"key-id": "", "access_key": "AKIAQNZGKIQYZZZZZZZZ", "secret_key": "old"},
    ("AKIAQNZGKIQYYYYYYYYY", "new"),
)
NOW = {**OLD, "access_key": NEW[0], "secret_key": NEW[1]}


@pytest.mark.parametrize(
    ("now", "before", "after"),
    [
        (NOW, OLD, OLD),
        ({**NOW, "db": 1}, OLD, {**OLD, "db": 1}),
        ({"db": 1, "AccessKeyId": NEW[0], "SecretAccessKey": NEW[1]}, {}, {"db": 1}),
        ({"AccessKeyId": NEW[0], "SecretAccessKey": NEW[1]}, {}, {}),
    ],
    ids=["nothing changed", "changed since", "changed, and no pair before", "no pair before"],
)
def test_only_the_pair_goes_back(now: object, before: object, after: object) -> None:
    assert json.loads(with_pair_of(json.dumps(now), json.dumps(before), "here")) == after
