"""Puts the net around every test: a leak makes the very test fail in which it was seen."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from fixtures import keys
from tests.leaks.allowed import DESCRIPTION, KINDS, kinds_of
from tests.leaks.known import Known
from tests.leaks.net import Net
from tests.leaks.processes import watch_processes
from tests.leaks.startup.leak_watch import Watch

_STARTUP = Path(__file__).with_name("startup")
_PASSED = pytest.StashKey[bool]()

_known = Known()
_net = Net(_known)
_watch = Watch(_net.tell, "this process")
keys.listeners.append(_known.add)  # now, since tests make secrets while they are imported


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", DESCRIPTION)


@pytest.fixture(autouse=True, scope="session")
def leaks_are_looked_for() -> Iterator[None]:
    """Look on in this process and in all that it starts. (A fixture, since the controller of xdist runs no test.)"""
    with tempfile.TemporaryDirectory(prefix="leaks-") as directory, pytest.MonkeyPatch.context() as patch:
        spool = Path(directory) / "spool"
        _net.hang(spool)
        patch.setenv("LEAKS_SPOOL", os.fspath(spool))
        patch.setenv("PYTHONPATH", os.fspath(_STARTUP), prepend=os.pathsep)
        watch_processes(patch, _net.tell, _net.gather)
        _watch_captures(patch)
        _watch.begin()
        yield
        _net.take_down()


def _watch_captures(patch: pytest.MonkeyPatch) -> None:
    """Tell what a test takes out of `capsys` and `capfd`, which nobody else gets to see."""
    read = pytest.CaptureFixture.readouterr

    def told_read(capture: pytest.CaptureFixture[str]) -> object:
        printed = read(capture)
        for kind, text in zip(("stdout", "stderr"), printed, strict=True):
            _net.tell(
                kind, "this process", text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
            )
        return printed

    patch.setattr(pytest.CaptureFixture, "readouterr", told_read)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of the teardown is the last: all fixtures are gone, and what they did in the end was seen too."""
    report = yield
    for name, text in report.sections:
        kind = next((kind for kind in KINDS if kind in name), "stdout")  # such as "Captured stderr call"
        _net.tell(kind, "this process", text.encode("utf-8", "backslashreplace"))
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    if report.when == "teardown" and (complaint := _complaint(item)):
        report.outcome = "failed"
        report.longrepr = f"{report.longreprtext}\n{complaint}".lstrip()
    return report


def _complaint(item: pytest.Item) -> str:
    """What is wrong about the secrets of this test; empty if nothing is."""
    found = _net.leaks()
    _watch.forget()
    try:
        allowed = kinds_of(item)
    except ValueError as error:
        return str(error)
    leaks = sorted(line for kind in found.keys() - allowed for line in found[kind])
    if leaks:
        return "secrets leaked:\n" + "\n".join(f"  {line}" for line in leaks)
    stale = sorted(allowed - found.keys())
    if item.stash.get(_PASSED, False) and stale:
        return f"no secret is there any more: take the marker off ({', '.join(stale)})"
    return ""
