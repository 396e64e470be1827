"""Files of other scanners: whatever stands in them, they are mapped, told, or refused in one sentence."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep import Origin, scan
from keysweep.errors import UsageError
from keysweep.settings import Settings
from keysweep.suppress.imports import Imported, imported, kind_of

RNG = random.Random(76)
PAIR = f"aws_access_key_id = {key_id(RNG)}\naws_secret_access_key = {secret(RNG)}\n"
FINDINGS = scan(PAIR.encode(), Origin("a.ini")).findings

anything = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)


def taken(directory: Path, kind: str, content: bytes) -> Imported | None:
    """What came of a file; None where it was refused, in one sentence."""
    path = directory / "file"
    path.write_bytes(content)
    try:
        return imported(kind, str(path), FINDINGS, directory, Settings())
    except UsageError as error:
        assert str(error).endswith(".")  # noqa: PT017
        return None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("x/.gitleaksignore", "gitleaks"), (".secrets.baseline", "detect-secrets"), ("a.gitallowed", "git-secrets")],
)
def test_the_name_of_a_file_tells_whose_it_is(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@anything
@given(
    st.text(st.sampled_from("a.ini:1 #\0\n9é")).map(str.encode) | st.binary(),
    st.sampled_from(["gitleaks", "git-secrets"]),
)
def test_lines_of_any_kind_are_mapped_or_told(tmp_path: Path, content: bytes, kind: str) -> None:
    assert taken(tmp_path, kind, content) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("hashed_secret") | st.just("type"), inner),
)


@anything
@given(json_values.map(lambda each: json.dumps({"results": each}).encode()) | st.binary())
def test_json_of_any_kind_is_mapped_told_or_refused(tmp_path: Path, content: bytes) -> None:
    taken(tmp_path, "detect-secrets", content)


def test_a_line_with_windows_separators_or_a_dot_is_the_same_path(tmp_path: Path) -> None:
    for line in (b"a.ini:aws-access-token:1", b"./a.ini:generic:2", b".\\a.ini:generic:2"):
        came = taken(tmp_path, "gitleaks", line)
        assert came
        assert came.found == ((FINDINGS[0].fingerprint, "a.ini"),)


def test_a_path_that_begins_as_json_does_is_a_path(tmp_path: Path) -> None:
    done = taken(tmp_path, "gitleaks", b"[id]/page.tsx:aws-access-token:3\na.ini:aws-access-token:1\n")
    assert done is not None
    assert any("[id]/page.tsx" in each for each in done.left)


def test_a_damaged_report_is_refused_and_named(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('[{"Fingerprint": "a.ini:aws-access-token:1"}, {')
    with pytest.raises(UsageError, match=r"report\.json is no report of gitleaks"):
        imported("gitleaks", str(report), FINDINGS, tmp_path, Settings())
