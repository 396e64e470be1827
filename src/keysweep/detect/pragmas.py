"""Comments that allow a credential where it stands: `keysweep:allow`, and the markers of other scanners.

Only text as it is stored counts, which is what a reviewer sees: nothing inside of archives, nothing decoded.
Whether a pragma has expired is not asked here: that changes with the day, and what is found does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from keysweep.detect.credentials import Credential
from keysweep.detect.document import Document, Redactions
from keysweep.findings import Finding, Pragma, Role
from keysweep.frozen import replace

_HINTS = (b"keysweep:", b"gitleaks:allow", b"trufflehog:ignore", b"pragma:")
_MARKER = re.compile(
    rb"(?<![\w-])(?:(?P<own>keysweep: ?allow)|gitleaks:allow|trufflehog:ignore"
    rb"|pragma: ?(?P<next>allowlist nextline secret)|pragma: ?(?:allow|white)list[ -]secret)(?![\w:-])"
)
"""`nosec`, `noqa` and `nosemgrep` are not among them: they are said to other tools, about anything."""
_ONLY_A_COMMENT = re.compile(rb"[\W_]*(?:(?:rem|dnl|comment)\b[\W_]*)?", re.IGNORECASE)
_REACH = 1000
"""Farthest that a pragma in the same line may be: in minified text everything stands in one line."""
_REASON_BYTES = 300
_END_OF_COMMENT = re.compile(r"-->|\*/|--\}\}|\}\}|#\}|%>|--\]\]|\*\)|-\}|\|#")
_UNTIL = re.compile(r"^\W*(?:until|expires)\b[\s:=]*(\S*)|\b(?:until|expires)[\s:=]+(\d\S*)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_AT_THE_ENDS = " \t\r\"',;:=()[]{}-–—/*#"


def pragmas(credentials: Sequence[Credential], document: Document, around: Redactions) -> dict[Credential, Pragma]:
    """Which of one leak's credentials, in all their places in a document, are allowed, and by which pragma.

    Each copy needs a pragma of its own, next to any of its parts; an ID that is repeated without its secret needs
    none.
    """
    if not _may_be_marked(document):
        return {}
    copies = list(_copies(credentials))
    marked = [_weakest(filter(None, (_next_to(each, document, around) for each in copy))) for copy in copies]
    whole = _weakest(filter(None, marked))
    has_secret = any(each.role is not Role.KEY_ID for each in credentials)
    found: dict[Credential, Pragma] = {}
    for copy, own in zip(copies, marked, strict=True):
        is_only_named = has_secret and all(each.role is Role.KEY_ID for each in copy)
        if pragma := own or (whole if is_only_named else None):
            found |= dict.fromkeys(copy, pragma)
    return found


def allowing(finding: Finding) -> Pragma | None:
    """The pragma that allows a finding, if all its copies have one; of several, the one that ends first.

    Of a pair over two files the part in the other file is looked at by itself: so does whoever reads that file.
    """
    here = _weakest(part.place.pragma for part in finding.parts if part.place.pragma and not part.origin)
    others = [part.place.pragma for part in finding.parts if part.origin]
    others += [place.pragma for place in finding.also_at]
    if here is None or None in others:
        return None
    return _weakest((here, *(each for each in others if each)))


def allowing_all(findings: Iterable[Finding]) -> Pragma | None:
    """The same for one leak in several versions of a file: each of them has to have a pragma."""
    pragmas = [allowing(each) for each in findings]
    return None if None in pragmas else _weakest(each for each in pragmas if each)


def marked(finding: Finding, pragma: Pragma | None) -> Finding:
    """The finding as allowed by `pragma`, or by nothing, in all its places."""
    return replace(
        finding,
        parts=tuple(replace(each, place=replace(each.place, pragma=pragma)) for each in finding.parts),
        also_at=tuple(replace(each, pragma=pragma) for each in finding.also_at),
    )


def day(text: str) -> date | None:
    """The date that `text` is, as `2027-01-31`; None where it is none."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _weakest(pragmas: Iterable[Pragma]) -> Pragma | None:
    """The one that ends first; one with a date that is none never holds."""
    return min(
        pragmas, key=lambda each: date.max if each.until is None else day(each.until) or date.min, default=None
    )


def _may_be_marked(document: Document) -> bool:
    """Names of files have no comments, and members of archives no reviewer."""
    if document.may_be_marked is None:
        read = not document.origin.members and document.steps[:1] != ("file name",)
        document.may_be_marked = read and any(hint in document.text for hint in _HINTS)
    return document.may_be_marked


def _copies(credentials: Sequence[Credential]) -> Iterator[list[Credential]]:
    """The places of one leak, in their order, cut where something comes again."""
    copy: list[Credential] = []
    for each in sorted(credentials, key=lambda each: each.start):
        if any(each.role is other.role for other in copy):
            yield copy
            copy = []
        copy.append(each)
    if copy:
        yield copy


def _next_to(credential: Credential, document: Document, around: Redactions) -> Pragma | None:
    """The pragma in the line of a credential, or alone in the line above it."""
    text = document.text
    farthest = max(0, credential.start - _REACH)
    line_start = text.rfind(b"\n", farthest, credential.start) + 1 or farthest
    line_end = _line_end(text, credential.end, credential.end + _REACH)
    for start, end in ((credential.end, line_end), (line_start, credential.start)):
        for match in _MARKER.finditer(text, start, end):
            if not match["next"]:
                return _pragma(match, document, around)
    if line_start == 0 or text[line_start - 1 : line_start] != b"\n":
        return None
    end = line_start - 1
    start = text.rfind(b"\n", max(0, end - _REACH), end) + 1
    if (start == 0 and end > _REACH) or around.within(start, end):
        return None  # that line's pragma is for what stands in it
    above = _MARKER.search(text, start, end)
    if above is None or not (above["own"] or above["next"]):
        return None
    return _pragma(above, document, around) if _ONLY_A_COMMENT.fullmatch(text, start, above.start()) else None


def _line_end(text: bytes, start: int, most: int) -> int:
    end = text.find(b"\n", start, most)
    return end if end >= 0 else min(len(text), most)


def _pragma(match: re.Match[bytes], document: Document, around: Redactions) -> Pragma:
    end = _line_end(document.text, match.end(), match.end() + _REASON_BYTES)
    said = _END_OF_COMMENT.split(document.shown(match.end(), end, around), maxsplit=1)[0]
    until = None
    if expiry := _UNTIL.search(said):
        until = (expiry[1] if expiry[1] is not None else expiry[2]).strip(_AT_THE_ENDS)
        said = said[: expiry.start()] + said[expiry.end() :]
    reason = said.strip(_AT_THE_ENDS).removeprefix("reason").strip(_AT_THE_ENDS)
    return Pragma(match[0].decode("ascii"), until, " ".join(reason.split()))
