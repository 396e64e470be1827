"""Dates that people write: ISO 8601, or an age such as `2 weeks ago`; anything else is refused, never guessed."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from keysweep import git
from keysweep.errors import UsageError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 28 * 86_400}
_UNITS["year"] = 365 * _UNITS["day"]
_PART = re.compile(rf"(\d{{1,9}})[ .]({'|'.join(_UNITS)})s?")
_AGE = re.compile(rf"{_PART.pattern}([ .]{_PART.pattern})*([ .]ago)?|yesterday")
_EPOCH = re.compile(r"@\d{1,11}")
_MAX_AGE = b"--max-age="


def seconds_of(since: str, repository: str) -> int:
    """The moment `since` names, in seconds from 1970 on.

    A day begins at midnight, and times are UTC unless they say otherwise. Git takes a date that it does not
    understand for now, and a day for this hour of it; so it is asked about ages only. Raises UsageError for
    anything else and for the future, since which nothing happened.
    """
    moment = _moment(since.strip(), repository)
    if moment is None:
        raise UsageError(
            f"--since '{since}' is no date: write one as 2026-01-31, as 2026-01-31T18:00:00Z, or as '2 weeks ago'."
        )
    if moment > time.time():
        raise UsageError(f"--since '{since}' lies in the future: nothing would be scanned.")
    return moment


def _moment(since: str, repository: str) -> int | None:
    if _EPOCH.fullmatch(since):
        return int(since[1:])
    if _AGE.fullmatch(since):
        if sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(since)) > time.time():
            return 0  # before 1970 git counts backwards from the other end of time
        answer = git.run(("rev-parse", f"--since={since}"), repository).strip()
        return int(answer.removeprefix(_MAX_AGE))
    try:
        told = datetime.fromisoformat(since)
        return int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
