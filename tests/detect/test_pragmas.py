"""Comments that allow a credential: where they count, where they do not, and what they say."""

from __future__ import annotations

import base64
import io
import random
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret
from keysweep import Finding, Origin, scan
from keysweep.detect.across import pair_across
from keysweep.detect.pragmas import allowing
from keysweep.findings import Pragma

RNG = random.Random(71)
ID, SECRET = key_id(RNG), secret(RNG)
ID_LINE, SECRET_LINE = f"aws_access_key_id = {ID}", f"aws_secret_access_key = {SECRET}"


def only(text: str | bytes, path: str = "a.ini") -> Finding:
    (finding,) = scan(text.encode() if isinstance(text, str) else text, Origin(path)).findings
    return finding


def allowed(text: str | bytes) -> Pragma | None:
    return allowing(only(text))


COMMENTS = [
    "# {}", "// {}", "-- {}", "; {}", "% {}", "! {}", "/* {} */", "<!-- {} -->", "(* {} *)", "{{- {} -}}", "{{# {} #}}",
    "REM {}", "dnl {}", "''' {} '''", '"_comment": "{}",', '"//": "{}",', "<%-- {} --%>", "{{/* {} */}}", "|# {} |#", ".. {}",
]  # fmt: skip


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("line", [0, 1], ids=["by the ID", "by the secret"])
@pytest.mark.parametrize("above", [True, False], ids=["above", "beside"])
def test_every_syntax_of_comments_allows_a_pair_beside_or_above_each_of_its_parts(
    comment: str, line: int, above: bool
) -> None:
    said = comment.format("keysweep:allow until 2027-01-31 reason: a fixture")
    lines = [ID_LINE, SECRET_LINE]
    lines[line] = f"{said}\n{lines[line]}" if above else f"{lines[line]} {said}"
    assert allowed("\n".join(lines)) == Pragma("keysweep:allow", "2027-01-31", "a fixture")


@pytest.mark.parametrize(
    "marker", ["gitleaks:allow", "trufflehog:ignore", "pragma: allowlist secret", "pragma: whitelist secret"]
)
def test_markers_of_other_scanners_allow_their_own_line_and_not_the_next(marker: str) -> None:
    found = allowed(f"{ID_LINE}\n{SECRET_LINE}  # {marker}\n")
    assert found
    assert found.marker == marker
    assert allowed(f"# {marker}\n{ID_LINE}\n{SECRET_LINE}\n") is None


def test_the_marker_for_the_next_line_allows_that_and_not_its_own() -> None:
    assert allowed(f"# pragma: allowlist nextline secret\n{ID_LINE}\n{SECRET_LINE}\n")
    assert allowed(f"{ID_LINE}\n{SECRET_LINE} # pragma: allowlist nextline secret\n") is None


@pytest.mark.parametrize(
    "marker",
    ["nosec", "nosec B105", "noqa: S105", "nosemgrep", "keysweep:allowed", "keysweep:allow-list", "xkeysweep:allow",
     "keysweep:allow:x", "keysweep", "allow", "pragma: no cover"],
)  # fmt: skip
def test_what_is_said_to_other_tools_allows_nothing(marker: str) -> None:
    assert allowed(f"{ID_LINE}\n{SECRET_LINE}  # {marker}\n") is None


@pytest.mark.parametrize(
    "text",
    [
        f"# keysweep:allow\n\n{ID_LINE}\n{SECRET_LINE}\n",
        f"# keysweep:allow\n# another\n{ID_LINE}\n{SECRET_LINE}\n",
        f"{ID_LINE}\n{SECRET_LINE}\n# keysweep:allow\n",
        f"call()  # keysweep:allow\n{ID_LINE}\n{SECRET_LINE}\n",
        f"{ID_LINE}\n{SECRET_LINE}{' ' * 2000}# keysweep:allow\n",
        f"call(){' ' * 2000}# keysweep:allow\n{ID_LINE}\n{SECRET_LINE}\n",
    ],
    ids=[
        "two lines above",
        "behind another comment",
        "below",
        "beside other code",
        "far away in the line",
        "at the end of a long line above",
    ],
)
def test_a_pragma_that_is_not_next_to_a_credential_allows_nothing(text: str) -> None:
    assert allowed(text) is None


def test_a_pragma_beside_one_key_does_not_allow_the_key_below_it() -> None:
    other = f"aws_secret_access_key = {secret(RNG)}"
    first, second = scan(f"{SECRET_LINE} # keysweep:allow\n{other}\n".encode(), Origin("a")).findings
    assert allowing(first)
    assert allowing(second) is None


def test_each_copy_of_a_secret_needs_a_pragma_of_its_own() -> None:
    pair = f"{ID_LINE}\n{SECRET_LINE}"
    assert allowed(f"{pair} # keysweep:allow\n\n\n\n{pair}\n") is None
    assert allowed(f"{pair} # keysweep:allow\n\n\n\n# keysweep:allow\n{pair}\n")


def test_a_pair_over_two_files_needs_a_pragma_in_both() -> None:
    marks = ("", " # keysweep:allow")
    for first in marks:
        for second in marks:
            halves = [
                *scan(f"{ID_LINE}{first}\n".encode(), Origin("d/id")).findings,
                *scan(f"{SECRET_LINE}{second}\n".encode(), Origin("d/secret")).findings,
            ]
            (pair,) = pair_across(halves)
            assert bool(allowing(pair)) == bool(first and second)


def test_many_keys_in_one_large_text_are_looked_at_in_reasonable_time() -> None:
    rng = random.Random(75)
    lines = [f"aws_secret_access_key = {secret(rng)}" for _ in range(1500)]
    text = "\n".join((*lines, "x" * (16 << 20))).encode()
    started = time.monotonic()
    assert len(scan(text, Origin("a")).findings) == 1500
    assert time.monotonic() - started < 20


def test_a_key_id_that_is_named_again_without_its_secret_needs_no_pragma() -> None:
    assert allowed(f"{ID_LINE}\n{SECRET_LINE} # keysweep:allow\n\n\n\nsee {ID}\n")


def test_of_several_pragmas_the_one_that_ends_first_counts() -> None:
    pair = f"{ID_LINE}\n{SECRET_LINE}"
    text = f"{pair} # keysweep:allow until 2027-01-01\n\n\n{pair} # keysweep:allow until 2026-01-01\n"
    found = allowed(text)
    assert found
    assert found.until == "2026-01-01"


def test_a_pragma_allows_what_stands_encoded_beside_it() -> None:
    encoded = base64.b64encode(f"{ID_LINE}\n{SECRET_LINE}\n".encode()).decode()
    assert allowed(f"data: {encoded} # keysweep:allow\n")


def test_a_pragma_that_only_decoding_shows_allows_nothing() -> None:
    encoded = base64.b64encode(f"{ID_LINE} # keysweep:allow\n{SECRET_LINE} # keysweep:allow\n".encode()).decode()
    assert allowed(f"data: {encoded}\n") is None


def test_a_pragma_inside_an_archive_allows_nothing() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.ini", f"{ID_LINE} # keysweep:allow\n{SECRET_LINE} # keysweep:allow\n")
    assert allowed(packed.getvalue()) is None


def test_a_pragma_in_utf_16_counts_as_in_any_text() -> None:
    assert allowed(f"{ID_LINE}\r\n{SECRET_LINE} # keysweep:allow\r\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("said", "until", "reason"),
    [
        ("keysweep:allow", None, ""),
        ("keysweep: allow", None, ""),
        ("keysweep:allow a fixture", None, "a fixture"),
        ("keysweep:allow reason: a fixture", None, "a fixture"),
        ("keysweep:allow reason=a fixture until=2027-01-31", "2027-01-31", "a fixture"),
        ("keysweep:allow (until 2027-01-31): a fixture", "2027-01-31", "a fixture"),
        ("keysweep:allow until 31.01.2027", "31.01.2027", ""),
        ("keysweep:allow until", "", ""),
        ("keysweep:allow until soon", "soon", ""),
        ("keysweep:allow reason: used until the rotation", None, "used until the rotation"),
        ("gitleaks:allow expires 2027-01-31", "2027-01-31", ""),
    ],
)
def test_a_pragma_says_until_when_and_why(said: str, until: str | None, reason: str) -> None:
    found = allowed(f"{ID_LINE}\n{SECRET_LINE} # {said}\n")
    assert found
    assert (found.until, found.reason) == (until, reason)


def test_the_reason_shows_no_secret() -> None:
    other = secret(RNG)
    findings = scan(
        f"{SECRET_LINE} # keysweep:allow aws_secret_access_key={other}\n".encode(), Origin("a")
    ).findings
    assert findings
    for finding in findings:
        pragma = allowing(finding)
        assert pragma is None or (other not in pragma.reason and SECRET not in pragma.reason)


@given(st.text(max_size=200), st.booleans())
def test_nothing_that_stands_behind_a_marker_makes_the_scan_fail(said: str, above: bool) -> None:
    comment = f"# keysweep:allow{said}"
    text = f"{comment}\n{ID_LINE}\n{SECRET_LINE}\n" if above else f"{ID_LINE}\n{SECRET_LINE} {comment}\n"
    for finding in scan(text.encode("utf-8", "surrogatepass"), Origin("a")).findings:
        pragma = allowing(finding)
        assert pragma is None or SECRET not in pragma.reason
