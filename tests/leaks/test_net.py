"""The net catches: tests that leak in every way are run under it, and each has to fail with what leaked where."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fixtures.keys import SECRET_ALPHABET, session_token
from tests.leaks.known import LEAST, LEAST_OF_LONG, Known
from tests.leaks.leaking_tests import API_KEY, SECRET, TOKEN

ROOT = Path(__file__).parents[2]
LEAKING = Path(__file__).with_name("leaking_tests.py")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By test, the message of its teardown: empty where that went well, and "skipped" where it never began.

    Another pytest, over two workers of xdist and under a net of its own, with what it says and writes under ours.
    """
    report = tmp_path_factory.mktemp("leaks") / "report.xml"
    own = {name: value for name, value in os.environ.items() if name not in ("LEAKS_SPOOL", "PYTEST_ADDOPTS")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-q", "--show-capture=no", f"--junit-xml={report}", LEAKING],
        cwd=ROOT,
        env=own | {"PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.is_file(), done.stdout + done.stderr
    return {case.attrib["name"]: "".join(map(_said, case)) for case in ElementTree.parse(report).iter("testcase")}


def _said(result: ElementTree.Element) -> str:
    return "skipped" if result.tag == "skipped" else result.text or ""


LEAKS = {
    "test_printed": "stdout of python",
    "test_printed_in_part": "stdout of python",
    "test_printed_encoded[base64]": "in base64",
    "test_printed_encoded[hexadecimal]": "in hexadecimal",
    "test_printed_encoded[percent]": "with percent signs",
    "test_token_or_key_printed[token]": "stdout of python",
    "test_token_or_key_printed[key]": "in base64",
    "test_printed_to_nobody[stdout]": "stdout of python",
    "test_printed_to_nobody[stderr]": "stderr of python",
    "test_printed_without_site": "stdout of python",
    "test_printed_by_a_worker": "stdout of python",
    "test_printed_here": "stdout of this process",
    "test_printed_here_and_not_looked_at": "stderr of this process",
    "test_passed_as_an_argument": "arguments of a test's python",
    "test_passed_as_an_argument_by_keysweep": "arguments of keysweep's git",
    "test_written_into_the_cache": "content of /",
    "test_written_into_the_cache_here": "content of /",
    "test_written_into_a_file_that_is_removed": "content of /",
    "test_written_into_a_report": "content of /",
    "test_logged": "log of x",
    "test_logged_by_a_child": "log of x",
    "test_raised_in_a_child": "exception of UsageError",
    "test_raised_here": "exception of KeysweepError",
    "test_raised_in_a_worker_forked_from_here": "exception of KeysweepError",
    "test_raised_by_anything_within_keysweep": "exception of ValueError",
    "test_shown_in_a_traceback": "stderr of python",
    "test_allowed_elsewhere": "stderr of python",
}
"""Tests of `leaking_tests.py`, and what each has to be told."""
HARMLESS = (
    "test_four_characters_printed",
    "test_allowed",
    "test_allowed_and_skipped",
    "test_staged_found_and_refused",
    "test_that_leaks_nothing_after_all_of_these",
)
WRONGLY_MARKED = {
    "test_allowed_for_nothing": "take the marker off",
    "test_allowed_without_a_reason": "say shows_secrets(kind, why)",
}


@pytest.mark.parametrize("test", LEAKS)
def test_a_leak_fails_the_test_in_which_it_happens_and_says_what_leaked_where(
    outcomes: dict[str, str], test: str
) -> None:
    if outcomes[test] == "skipped":
        pytest.skip("this Python cannot tell")
    assert "secrets leaked:" in outcomes[test]
    assert LEAKS[test] in outcomes[test]


@pytest.mark.parametrize("test", HARMLESS)
def test_what_is_no_leak_goes_through(outcomes: dict[str, str], test: str) -> None:
    assert outcomes[test] == ("skipped" if test == "test_allowed_and_skipped" else "")


@pytest.mark.parametrize("test", WRONGLY_MARKED)
def test_a_marker_that_is_not_needed_or_gives_no_reason_fails(outcomes: dict[str, str], test: str) -> None:
    assert WRONGLY_MARKED[test] in outcomes[test]


def test_no_message_shows_what_leaked(outcomes: dict[str, str]) -> None:
    assert outcomes.keys() == {*LEAKS, *HARMLESS, *WRONGLY_MARKED}
    known = Known()
    for secret in (SECRET, TOKEN, API_KEY):
        known.add(secret)
    assert known.leaked("".join(outcomes.values()).encode()) == []


@pytest.mark.parametrize("length", [40, 44, 60, 64])
def test_any_twelve_characters_of_a_secret_are_found_anywhere(length: int) -> None:
    rng = random.Random(length)
    value = "".join(rng.choices(SECRET_ALPHABET, k=length))
    known = Known()
    known.add(value)
    for at in range(length - LEAST + 1):
        for before, after in (("", ""), ("abc", "def"), ("secret=", "\n"), ("//", "==")):
            text = f"{before}{value[at : at + LEAST]}{after}"
            assert known.leaked(text.encode()), text
            assert value[at : at + LEAST] not in known.redacted(text)
        assert not known.leaked(value[at : at + LEAST - 1].encode())


def test_any_part_of_a_token_that_is_long_enough_to_matter_is_found() -> None:
    value = session_token(random.Random(1), 1024).rstrip("=")
    known = Known()
    known.add(value)
    for at in range(len(value) - LEAST_OF_LONG + 1):
        assert known.leaked(value[at : at + LEAST_OF_LONG].encode())
