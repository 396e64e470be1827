"""The labelled corpus, to the letter: every form a key hides in is found, every look-alike is left alone."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fixtures.corpus import FORMS, NEGATIVE_FORMS
from keysweep import Finding, Origin, scan
from keysweep.detect.quick import may_hold_key
from keysweep.findings import Role, Severity


def labels(finding: Finding) -> tuple[str, str | None, str | None, str | None]:
    """Kind, key ID, secret and token of a finding, as a label of the corpus names them."""
    hidden = {part.role: part.value.reveal() for part in finding.parts}
    secret = hidden.get(Role.SECRET) or hidden.get(Role.SMTP_PASSWORD) or hidden.get(Role.API_KEY)
    return finding.kind.value, finding.key_id, secret, hidden.get(Role.TOKEN)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_with_its_parts_and_nothing_else(form: str) -> None:
    for number in range(2):
        sample = FORMS[form](random.Random(f"recall/{form}/{number}"), number)
        result = scan(sample.content, Origin(sample.path))
        wanted = Counter((each.kind, each.key_id, each.secret, each.token) for each in sample.expected)
        assert Counter(map(labels, result.findings)) == wanted
        assert not result.problems
        assert may_hold_key(sample.content) or may_hold_key(sample.path.encode())


@pytest.mark.parametrize("form", NEGATIVE_FORMS)
def test_every_class_of_look_alikes_is_left_alone(form: str) -> None:
    for number in range(3):
        sample = NEGATIVE_FORMS[form](random.Random(f"recall/{form}/{number}"), number)
        result = scan(sample.content, Origin(sample.path))
        assert [labels(each) for each in result.findings if each.severity >= Severity.MEDIUM] == []
