"""What pages write: every text made safe, times in UTC, and what values are called."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from keysweep.findings import Severity
from keysweep.report.decisions import MEANINGS
from keysweep.report.style import Style, number_of, size
from keysweep.report.text import TITLES
from keysweep.standing import Standing

_STYLE = Style()
_MOST = 300
"""Letters of any text of unknown origin; a note may have more."""
TASK_TONES = {"failed": "alarm", "quarantined": "alarm", "incomplete": "warn", "waiting": "quiet", "new": "quiet"}
STATUS_TONES = {"open": "warn", "real": "alarm", "false": "quiet", "accepted": "quiet", "resolved": "good"}
_RUN_TONES = {"running": "warn", "interrupted": "warn", "incomplete": "warn", "done": "good"}


def environment(directory: str) -> Environment:
    """Templates in which every value is escaped, and shown without what reorders or hides the text around it."""
    made = Environment(
        loader=FileSystemLoader(directory),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cut": cut,
        "day": day,
        "lasting": lasting,
        "lines": lines,
        "moment": moment,
        "number_of": counted,
        "size": size,
        "thousands": lambda number: f"{number:,}",
        "address": address,
        "address_of": lambda given, path, **more: address(path, **given, **more),
        "quoted": shlex.quote,
        "raw_lines": raw_lines,
    }
    made.globals |= {
        "meaning": lambda standing: MEANINGS[Standing(standing)],
        "severity": lambda number: Severity(number).label,
        "title": lambda kind, rule=None: rule or _TITLES.get(kind, kind),
        "task_tone": lambda state: TASK_TONES.get(state, "good"),
        "status_tone": lambda status: STATUS_TONES.get(status, "quiet"),
        "run_tone": lambda state: _RUN_TONES.get(state, "quiet"),
        "leaks_at": leaks_at,
    }
    return made


_TITLES: Mapping[str, str] = {kind.value: title for kind, title in TITLES.items()}


def _finalized(value: Any) -> Any:
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return _STYLE.safe(value)
    return "" if value is None else value


def cut(text: str, most: int = _MOST) -> str:
    """No more of it than a page bears, with its end, which names the file."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[-most // 2 :]}"


def counted(count: int, what: str) -> str:
    """So many of something, with its thousands apart."""
    return f"{count:,}{number_of(count, what).removeprefix(str(count))}"


def lines(text: str) -> list[str]:
    """The lines of a note."""
    return text.splitlines()


def raw_lines(text: str) -> Markup:
    """Text that keeps its lines, each made safe."""
    return Markup("\n").join(escape(_STYLE.safe(each)) for each in text.splitlines())


def moment(when: datetime | None, missing: str = "never") -> Markup:
    """A moment to the minute."""
    return _time(when, "%Y-%m-%d %H:%M", missing)


def day(when: datetime | None, missing: str = "unknown") -> Markup:
    """A moment to the day."""
    return _time(when, "%Y-%m-%d", missing)


def _time(when: datetime | None, form: str, missing: str) -> Markup:
    if when is None:
        return Markup("<span>{}</span>").format(missing)
    when = when.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(when.strftime("%Y-%m-%dT%H:%M:%SZ"), when.strftime(form))


_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def lasting(seconds: float | None) -> str:
    """How long something takes, in the largest unit that says enough."""
    if seconds is None:
        return "–"
    for length, name in _SPANS:
        if seconds >= 2 * length or (seconds >= length and length == 60):
            return number_of(round(seconds / length), name)
    return number_of(round(seconds), "second")


def address(path: str, **values: Any) -> str:
    """The address of a page of the dashboard with what is asked of it; what is empty is left out."""
    given = [(name, value) for name, value in values.items() if value not in ("", None)]
    return f"{path}?{urlencode(given)}" if given else path


def leaks_at(**values: Any) -> str:
    """The address of a list of leaks."""
    return address("/leaks", **values)
