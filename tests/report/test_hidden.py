"""Secrets in authors and subjects of commits, which are found in one place and shown in another."""

from __future__ import annotations

import pytest

from keysweep.findings import Commit, Exposure, ScanResult
from keysweep.report import FORMATS
from keysweep.report.hidden import without_secrets
from tests.report.samples import COMMIT, HIDDEN, WHEN, everything, pair, written


@pytest.mark.parametrize("form", FORMATS)
def test_an_author_or_subject_that_holds_a_secret_is_redacted_also_at_other_findings(form: str) -> None:
    commit = Commit(COMMIT, f"key={HIDDEN}!", f"{HIDDEN}@example.net", WHEN, f"use {HIDDEN}{HIDDEN}")
    other = pair(parts=pair().parts[:1], exposures=(Exposure("a", (commit,), (commit,)),))
    text = written(form, without_secrets(ScanResult((pair(), other))))
    assert HIDDEN[:8] not in text


def test_what_holds_no_secret_stays_as_it_is() -> None:
    assert without_secrets(everything()) == everything()


def test_the_longest_secret_that_stands_there_is_hidden_whole() -> None:
    commit = Commit(COMMIT, f"<{HIDDEN}>")
    short = pair().parts[1]
    result = without_secrets(ScanResult((pair(parts=(short,), exposures=(Exposure("a", (commit,)),)),)))
    assert result.findings[0].exposures[0].introduced[0].author == f"<{short.value.redacted}>"
