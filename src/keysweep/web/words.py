"""What pages write: every text made safe, times in UTC, and what values are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

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
    """Templates in which every value is escaped, and shown without what would reorder or hide the text around it."""
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
        "number_of": number_of,
        "size": size,
        "thousands": lambda number: f"{number:,}",
        "address": address,
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


def lines(text: str) -> list[str]:
    """The lines of a note."""
    return text.splitlines()


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


def web_page(text: str | None) -> str | None:
    """An address of the web that a link may lead to; None for anything else."""
    if not text or not text.isascii() or not text.isprintable() or len(text) > 2_000:
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return None
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or "@" in parts.netloc
        or any(c in text for c in " \\\"'<>")
    ):
        return None
    return text.rstrip("/")


_FILES = {
    "github": "{page}/blob/{commit}/{path}#L{line}",
    "gitlab": "{page}/-/blob/{commit}/{path}#L{line}",
    "bitbucket": "{page}/src/{commit}/{path}#lines-{line}",
    "gitea": "{page}/src/commit/{commit}/{path}#L{line}",
    "forgejo": "{page}/src/commit/{commit}/{path}#L{line}",
    "azure": "{page}?path=/{path}&version=GC{commit}&line={line}&lineEnd={line}&lineStartColumn=1&lineEndColumn=1",
}
_COMMITS = {"gitlab": "{page}/-/commit/{commit}", "bitbucket": "{page}/commits/{commit}"}


def file_page(place: Any) -> str | None:
    """The page of its host on which a place can be read; None where there is none or nobody knows."""
    page, commit = web_page(place.page), _commit(place.commit_id)
    form = _FILES.get(place.host_kind)
    steps = place.path.split("/")
    if not (page and commit and form) or place.source != "history" or place.holds != "code":
        return None
    if any(each in {"", ".", ".."} for each in steps):
        return None  # a browser would leave the repository
    return form.format(page=page, commit=commit, path="/".join(map(_quoted, steps)), line=max(1, int(place.line)))


def commit_page(place: Any, commit: str | None) -> str | None:
    """The page of its host for a commit."""
    page, commit = web_page(place.page), _commit(commit)
    if not (page and commit) or place.host_kind not in _FILES or place.holds != "code":
        return None
    return _COMMITS.get(place.host_kind, "{page}/commit/{commit}").format(page=page, commit=commit)


def _quoted(step: str) -> str:
    return quote(step, safe="")


def _commit(text: str | None) -> str | None:
    return text if text and len(text) in {40, 64} and set(text) <= set("0123456789abcdef") else None


def together(texts: Iterable[str]) -> str:
    """Path and members of containers, as keysweep writes them everywhere."""
    return "!".join(texts)
