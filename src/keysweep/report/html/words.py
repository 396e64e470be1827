"""The page's own words: what it says first, and what values are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from keysweep.findings import ScanResult, Severity
from keysweep.report.decisions import MEANINGS
from keysweep.report.html.frame import shown
from keysweep.report.html.groups import AGES, UNDATED
from keysweep.report.html.leaks import Leak
from keysweep.report.style import number_of
from keysweep.standing import Standing

_OPEN = (Standing.ACTIVE, Standing.WRONG_SECRET, Standing.UNVERIFIED)
"""Standings of which somebody still has to find out something."""


def headline(result: ScanResult, found: Sequence[Leak]) -> str:
    """The one thing that has to be known: what is live, else what is not known, else that all is well."""
    count = Counter(each.standing for each in found)
    if live := count[Standing.LIVE]:
        accounts = len({each.account for each in found if each.standing is Standing.LIVE and each.account})
        where = f" in {number_of(accounts, 'account')}" if accounts else ""
        return f"{number_of(live, 'live key')}{where}"
    if left := sum(count[each] for each in _OPEN):
        return f"{number_of(left, 'leaked credential')} that may be live"
    if found:
        return f"{number_of(len(found), 'leaked credential')}, none of them known to be live"
    return "Nothing found, but not everything was read" if result.problems else "No leaked AWS keys found"


def tone(result: ScanResult, found: Sequence[Leak]) -> str:
    """How alarming the headline is."""
    standings = {each.standing for each in found}
    if Standing.LIVE in standings:
        return "alarm"
    return "warn" if standings & set(_OPEN) or result.problems else "good"


def lead(result: ScanResult, found: Sequence[Leak]) -> str:
    """What comes next, in one or two sentences."""
    standings = Counter(each.standing for each in found)
    if not found:
        return (
            "What was not read is listed below." if result.problems else "Everything that was to be read was read."
        )
    places = sum(1 + len(finding.also_at) for each in found for finding, _ in each.findings)
    told = f"{number_of(len(found), 'credential')} in {number_of(places, 'place')}."
    if standings[Standing.LIVE]:
        return f"{told} Switch the live ones off first; taking them out of the content comes after that."
    if standings[Standing.UNVERIFIED]:
        return f"{told} Ask AWS which of them are live before anything else: keysweep verify does."
    return told


def labels(names: Mapping[str, str]) -> dict[str, Any]:
    """What the table calls values, by property."""
    return {
        "status": {each.value: MEANINGS[each].label for each in Standing},
        "tone": {each.value: MEANINGS[each].tone for each in Standing},
        "severity": [each.label for each in sorted(Severity, reverse=True)],
        "age": {each.name: each.label for each in (*AGES, UNDATED)},
        "repository": {shown(each): shown(name) for each, name in names.items()},
    }


def short_names(repositories: Sequence[str]) -> dict[str, str]:
    """What each repository is called: the last part of its path or address, where no other has the same."""
    last = {
        each: each.rstrip("/").replace("\\", "/").rpartition("/")[2].removesuffix(".git") for each in repositories
    }
    times = Counter(last.values())
    return {each: name if name and times[name] == 1 else each for each, name in last.items()}
