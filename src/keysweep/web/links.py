"""Links from places to the pages of their hosts, where these can be trusted to be pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit


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


_MOST_PATH = 1_000
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
    if len(place.path) > _MOST_PATH or any(each in {"", ".", ".."} for each in steps):
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
