"""Results that every format has to tell of: with all that there is, and with all that an attacker may choose."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from keysweep.findings import (
    Commit,
    Confidence,
    Exposure,
    Finding,
    Kind,
    Origin,
    Part,
    Place,
    Problem,
    ProblemCode,
    Role,
    ScanResult,
    Secret,
    Severity,
    Source,
)
from keysweep.frozen import replace
from keysweep.report import FORMATS
from keysweep.report.style import Style
from keysweep.verdicts import Status, Verdict

HIDDEN = "hidden-value-that-no-report-may-show-4711"
KEY_ID = "AKIA" + "Q" * 16
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WHEN = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
HOSTILE = (
    "a\n::error::forged",
    "::stop-commands::x",
    "%0A::add-mask::x%0D,file=y:z",
    "##[error]forged",
    "##vso[task.complete]",
    "]]>&<x a='\"'/><!--",
    "=cmd|'/c calc'!A1",
    "  @SUM(1)",
    "-2+3",
    '","=1+1","',
    "`|`|\\|`",
    "![x](https://evil.example/x.png)",
    "[x](https://evil.example) https://evil.example www.evil.example @all #1 !1 $`x`$ ~x~ :smile:",
    "<script>alert(1)</script><img src=x onerror=y>",
    "\x00\x1b[2J\x9b\x7f\r\u2028\u202e\u2066",
    "caf\udce9\ud800.ini",
    "{0} [x](0) \\ }{",
    "a" * 70_000,
    " ",
)
"""What a file name, an author, a message and a snippet may be."""


def written(form: str, result: ScanResult, **options: Any) -> str:
    stream = io.StringIO()
    more = {"style": Style()} if form == "text" else {}
    import_module(FORMATS[form]).render(result, stream, **options, **more)
    return stream.getvalue()


def pair(**changes: Any) -> Finding:
    key = Part(Role.KEY_ID, Secret(KEY_ID), Place(3, 5, 40, 20, snippet=f"id = {KEY_ID}", mark=(5, 25)))
    value = Part(Role.SECRET, Secret(HIDDEN), Place(4, 9, 80, 41, snippet="secret = hidd…", mark=(9, 14)))
    whole = Finding(
        kind=Kind.PAIR,
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        reasons=("is random",),
        origin=Origin("conf/a.ini", Source.FILE),
        parts=(key, value),
        fingerprint="0123456789abcdef" * 2,
        key_id=KEY_ID,
        account_id="123456789012",
    )
    return replace(whole, **changes)


def historical(**changes: Any) -> Finding:
    author = Commit(COMMIT, "Ada", "ada@example.net", WHEN, "add the key")
    later = Commit("f" * 40, "Bob", "bob@example.net", None, "remove it")
    return pair(
        origin=Origin("old/b.ini", Source.HISTORY, COMMIT, "e" * 40),
        exposures=(
            Exposure("old/b.ini", (author,), (later,), ("refs/heads/main",)),
            Exposure("new/b c.ini", (later,)),
        ),
        verdict=Verdict(
            KEY_ID,
            Status.LIVE,
            "AWS accepted it",
            WHEN,
            "aws",
            "123456789012",
            "arn:aws:iam::123456789012:user/me",
        ),
        severity=Severity.CRITICAL,
        **changes,
    )


def everything() -> ScanResult:
    """Of each kind one, with all fields that there are, and what could not be read."""
    place = Place(7, 1, 90, 41, decoding=("base64 in line 7",), snippet="hidd…")
    inside = Origin("lib/app.jar", Source.FILE, members=("conf.zip", "app.ini"))
    kinds = tuple(
        pair(kind=kind, severity=severity, rule="mine" if kind is Kind.CUSTOM else None, issued=WHEN, expires=WHEN)
        for kind, severity in zip(Kind, (*Severity, *Severity), strict=True)
    )
    more = (
        historical(),
        pair(
            origin=inside,
            also_at=(place,),
            alternatives=(Part(Role.SECRET, Secret(HIDDEN), place, Origin("conf/c.ini", Source.FILE)),),
            canary="somebody",
            placeholder="is an example",
        ),
    )
    problems = (
        Problem(ProblemCode.DAMAGED, "is damaged", Origin("broken.gz", Source.FILE)),
        Problem(ProblemCode.INTERRUPTED, "interrupted before everything was scanned"),
    )
    return ScanResult((*kinds, *more), problems, 4096, 17, notes=("the range is empty",))


def hostile(text: str) -> ScanResult:
    """Every text that somebody else can choose is `text`."""
    place = Place(1, 1, 0, 9, decoding=(text,), snippet=text)
    origin = Origin(text, Source.HISTORY, COMMIT, members=(text,))
    part = Part(Role.CUSTOM, Secret(HIDDEN), place, origin)
    commit = Commit(COMMIT, text, text, WHEN, text)
    finding = pair(
        kind=Kind.CUSTOM,
        reasons=(text,),
        origin=origin,
        parts=(part, part),
        rule=text,
        canary=text,
        placeholder=text,
        region=text,
        also_at=(place,),
        alternatives=(part,),
        exposures=(Exposure(text, (commit,), (commit,), (text,)),),
        verdict=Verdict(KEY_ID, Status.UNKNOWN, text, WHEN, arn=text, user=text),
    )
    plain = pair(origin=Origin(text, Source.FILE))
    return ScanResult((finding, plain), (Problem(ProblemCode.DAMAGED, text, origin),), 1, 1, notes=(text,))
