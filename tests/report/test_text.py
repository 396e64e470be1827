"""The report people read: what, where, why, what to do; and nothing that a repository could smuggle into it."""

from __future__ import annotations

import base64
import io
import random
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep.config import load
from keysweep.detect.custom import CustomRule
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.findings import (
    Accounting,
    Confidence,
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
    Silencer,
    Source,
    Suppressed,
)
from keysweep.frozen import replace
from keysweep.report.style import Style
from keysweep.report.text import render

RNG = random.Random(31)
ID, SECRET, SESSION_ID, TOKEN = key_id(RNG), secret(RNG), key_id(RNG, "ASIA"), session_token(RNG)
LONG, SHORT, SMTP, OWN = bedrock_long(RNG), bedrock_short(RNG), smtp_password(RNG), "internal-4711-0815-2342"
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\nHIGH  forged line\r\u202eexe.txt\u2066\udcff\x00"
RULES = (CustomRule("internal", r"internal-[0-9-]+"),)


def zipped(name: str, content: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def found(content: str | bytes, origin: Origin | None = None, rules: tuple[CustomRule, ...] = ()) -> ScanResult:
    stored = content.encode() if isinstance(content, str) else content
    return scan(stored, origin or Origin("conf/a.ini", Source.FILE), Limits(), Options(rules=rules))


def report(result: ScanResult, style: Style | None = None, **options: object) -> str:
    stream = io.StringIO()
    render(result, stream, style=style or Style(), **options)  # type: ignore[arg-type]
    return stream.getvalue()


def without_wrapping(text: str) -> str:
    return " ".join(text.split())


def made(**changes: object) -> Finding:
    """A finding whose every field can be set, for what no real content brings about on its own."""
    place = Place(line=3, column=5, offset=40, length=40, snippet="key = AbCd… # end", mark=(6, 11))
    whole = Finding(
        kind=Kind.SECRET_ACCESS_KEY,
        severity=Severity.MEDIUM,
        confidence=Confidence.MEDIUM,
        reasons=("is random",),
        origin=Origin("a.ini", Source.FILE),
        parts=(Part(Role.SECRET, Secret(SECRET), place),),
        fingerprint="0123456789abcdef" * 2,
    )
    return replace(whole, **changes)


def test_the_same_problem_many_times_is_said_a_few_times_and_counted() -> None:
    problems = tuple(Problem(ProblemCode.LIMIT, "is too deep", Origin(f"{number}.zip")) for number in range(30))
    text = report(ScanResult(problems=problems))
    assert text.count(".zip is too deep") == 5
    assert "is too deep: 25 more" in text


def test_a_pair_is_shown_with_place_mark_reasons_and_a_way_out() -> None:
    result = found(PAIR)
    text = report(result)
    assert text.startswith(f"HIGH  AWS access key with its secret  {ID}  account 123456789012\n")
    assert f"  conf/a.ini:1:21\n    aws_access_key_id = >>{ID}<<\n" in text
    assert f"  conf/a.ini:2:25\n    aws_secret_access_key = >>{SECRET[:4]}…<<\n" in text
    for reason in result.findings[0].reasons:
        assert reason in without_wrapping(text)
    assert "keysweep: 1 finding in 1 item (106 B)." in text
    assert "Take it out  of the file." in text
    assert "Rotate it" in text
    assert f'allow = [{{ fingerprint = "{result.findings[0].fingerprint}"' in text


def test_nothing_found_is_one_line_and_no_advice() -> None:
    assert report(found("clean\n")) == "keysweep: no leaked AWS keys found in 1 item (6 B).\n"


def test_the_worst_comes_first_and_then_the_order_of_files() -> None:
    low, high = replace(found(ID), problems=()), found(PAIR, Origin("z.ini", Source.FILE))
    other = found(PAIR.replace(ID, key_id(random.Random(5))), Origin("b.ini", Source.FILE))
    text = report(ScanResult((*low.findings, *high.findings, *other.findings)))
    assert re.findall(r"^(HIGH|LOW) ", text, re.MULTILINE) == ["HIGH", "HIGH", "LOW"]
    assert text.index("b.ini:1") < text.index("z.ini:1") < text.index("conf/a.ini:1")


def test_a_lone_key_id_is_shown_and_said_to_stop_nobody() -> None:
    text = report(found(f"see {ID}\n"), audience="hook")
    assert ID in text
    assert "1 finding, none of them severe enough to stop you" in text
    assert "refused" not in text
    assert "Take it out" not in text


def test_a_key_in_many_files_is_shown_once_with_all_its_places() -> None:
    findings = tuple(found(PAIR, Origin(f"{name}.ini", Source.FILE)).findings[0] for name in "abcdefghi")
    text = report(ScanResult(findings))
    assert text.count("  why  ") == 1
    assert text.count("a.ini:1:21") == 1
    assert "also  b.ini:1:21, c.ini:1:21, d.ini:1:21, e.ini:1:21, f.ini:1:21 and 3 more" in text
    assert "9 findings of 1 credential in" in text


def test_a_key_that_stands_twice_in_a_file_says_where_else() -> None:
    assert "  also  conf/a.ini:5:" in report(found(PAIR + "\n\n" + PAIR))


def test_the_threshold_decides_what_gets_advice() -> None:
    result = found(f"see {ID}\n")
    assert "Take it out" in report(result, fail_on=Severity.LOW)
    mixed = ScanResult((*found(PAIR).findings, *found(f"x {key_id(random.Random(1))}\n").findings))
    assert "2 findings in 0 items (0 B), 1 of them severe enough to stop you" in report(mixed)


def test_the_hook_says_that_it_refused_and_to_stage_again() -> None:
    text = report(found(PAIR, Origin("a.ini", Source.STAGED)), audience="hook")
    assert "keysweep refused this: 1 finding." in text
    assert "Take it out  of the file, and stage the file again." in text


def test_a_commit_is_named_and_the_advice_is_to_rewrite_it() -> None:
    text = report(found(PAIR, Origin("a.ini", Source.COMMIT, commit="1234567890abcdef" * 2 + "12345678")))
    assert "a.ini:1:21 (commit 1234567890ab)" in text
    assert "git rebase -i" in text


def test_a_commit_message_is_mended_in_the_message() -> None:
    assert "Take it out  of the message." in report(found(PAIR, Origin("commit message", Source.COMMIT_MESSAGE)))


def test_a_member_of_an_archive_is_named_with_the_archive() -> None:
    assert "app.jar!config/prod.ini:1:21" in report(
        found(zipped("config/prod.ini", PAIR), Origin("app.jar", Source.FILE))
    )


def test_an_encoded_pair_says_how_it_was_read() -> None:
    text = report(found(b"data: " + base64.b64encode(PAIR.encode()) + b"\n"))
    assert "base64 in line 1 → text" in text
    assert "‹secret-access-key in base64›" in text


def test_a_match_of_the_users_own_rule_is_named_and_gets_no_advice_about_aws() -> None:
    text = report(found(f"x {OWN}\n", rules=RULES))
    assert "Match of your rule internal" in text
    assert "Take it out" in text
    assert "IAM" not in text
    assert "Rotate" not in text


def test_a_canary_is_named_with_the_warning_never_to_try_it() -> None:
    text = report(found("AKIA" + "SP2TPHJSQH3FJRUX" + "\n"))
    assert "canary of" in text
    assert "never try it" in text


def test_a_placeholder_that_was_asked_for_says_what_gave_it_away() -> None:
    (finding,) = scan(b"AKIAIOSFODNN7EXAMPLE\n", Origin("a"), Limits(), Options(report_placeholders=True)).findings
    assert finding.placeholder
    assert f"placeholder  {finding.placeholder}" in report(ScanResult((finding,)))


def test_other_candidates_for_the_secret_are_named_but_not_shown() -> None:
    other = Part(Role.SECRET, Secret(SECRET), Place(line=9, column=1, offset=90, length=40))
    text = report(ScanResult((made(alternatives=(other,)),)))
    assert "its secret may also be" in text
    assert "in line 9" in text
    assert SECRET[:12] not in text


def test_what_could_not_be_scanned_is_listed_and_makes_the_scan_incomplete() -> None:
    problem = Problem(
        ProblemCode.DAMAGED, "is damaged at byte 12", Origin("a.zip", Source.FILE, members=("b.gz",))
    )
    text = report(ScanResult(problems=(problem, Problem(ProblemCode.INTERRUPTED, "interrupted"))))
    assert "incomplete  a.zip!b.gz is damaged at byte 12\n" in text
    assert "incomplete  interrupted\n" in text
    assert "no leaked AWS keys found in 0 items (0 B); the scan is incomplete" in text


def test_what_was_suppressed_is_counted() -> None:
    assert "no leaked AWS keys found in 0 items (0 B); 3 suppressed by configuration" in report(
        ScanResult(), suppressed=3
    )


def test_what_silenced_findings_is_counted_and_on_request_listed() -> None:
    suppressed = (
        Suppressed(Silencer.PRAGMA, "a \x1b fixture", until="2027-01-31", finding=made()),
        Suppressed(Silencer.ALLOW, "rotated", finding=made()),
        Suppressed(Silencer.EXCLUDE, "*.zip", problem=Problem(ProblemCode.DAMAGED, "is damaged", Origin("a.zip"))),
    )
    text = report(ScanResult(suppressed=suppressed), suppressed=3)
    assert "3 suppressed: 2 by configuration, 1 by pragmas." in text
    assert "fixture" not in text
    listed = report(ScanResult(suppressed=suppressed), suppressed=3, show_suppressed=True)
    assert "by pragma: a \\x1b fixture until 2027-01-31\n" in listed
    assert "suppressed  a.zip  problem  by exclude: *.zip\n" in listed
    assert SECRET not in listed


def test_only_a_few_fingerprints_are_offered_and_the_rest_counted() -> None:
    findings = tuple(made(fingerprint=f"{number:032x}") for number in range(5))
    text = report(ScanResult(findings))
    assert text.count("fingerprint = ") == 3
    assert "# 2 more: --format json lists every fingerprint" in text


def test_what_is_offered_can_be_pasted_into_the_configuration_and_says_whose_it_is(tmp_path: Path) -> None:
    findings = tuple(made(fingerprint=f"{number:032x}") for number in range(5))
    for few in (findings[:1], findings[:2], findings):
        advice = report(ScanResult(few)).split("with a reason:\n")[1]
        (tmp_path / "keysweep.toml").write_text(advice)
        allowed = load(tmp_path).allow
        assert list(allowed or {}) == [each.fingerprint for each in few[:3]]
        assert len(few) == 1 or advice.count("# a.ini:3:5") == min(3, len(few))


def test_with_colour_the_match_is_coloured_and_without_it_stands_between_arrows() -> None:
    result = found(PAIR)
    coloured, plain = report(result, Style(colour=True)), report(result)
    assert f"aws_access_key_id = \x1b[1;31m{ID}\x1b[0m" in coloured
    assert ">>" not in coloured
    assert "\x1b" not in plain


def test_colours_change_nothing_but_colour() -> None:
    result = found(PAIR)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", report(result, Style(colour=True)))
    assert bare == report(result).replace(">>", "").replace("<<", "")


@pytest.mark.parametrize("width", [40, 60, 100, 160])
def test_reasons_and_snippets_fit_the_width(width: int) -> None:
    text = report(found("x" * 300 + f" {PAIR}"), Style(width=width))
    lines = [line for line in text.split("\n\n")[0].splitlines()[1:] if "conf/a.ini" not in line]
    assert len(lines) > 2
    assert max(map(len, lines)) <= width
    assert ID in text


def test_an_ascii_terminal_gets_ascii() -> None:
    result = found("grüße … " + PAIR, Origin("ключ.ini", Source.FILE))
    assert report(result, Style(unicode=False)).isascii()


def hostile_result() -> ScanResult:
    """Every text that a repository can choose, hostile in all of them."""
    place = Place(
        1, 1, 0, 9, decoding=(f"base64 {HOSTILE}", HOSTILE), snippet=f"{HOSTILE}match{HOSTILE}", mark=(0, 12)
    )
    finding = made(
        kind=Kind.CUSTOM,
        rule=HOSTILE,
        reasons=(HOSTILE, HOSTILE),
        placeholder=HOSTILE,
        origin=Origin(HOSTILE, Source.FILE, members=(HOSTILE, HOSTILE)),
        parts=(Part(Role.CUSTOM, Secret(HOSTILE + SECRET), place, Origin(HOSTILE)),),
        alternatives=(Part(Role.SECRET, Secret(HOSTILE + SECRET), place),),
    )
    problem = Problem(ProblemCode.DAMAGED, HOSTILE, Origin(HOSTILE, members=(HOSTILE,)))
    return ScanResult((finding,), (problem,), 1, 1)


@pytest.mark.parametrize("style", [Style(), Style(unicode=False), Style(width=40)])
@pytest.mark.parametrize("show_secrets", [False, True])
def test_no_text_of_a_repository_reaches_the_terminal_raw(style: Style, show_secrets: bool) -> None:
    text = report(hostile_result(), style, show_secrets=show_secrets)
    assert all(line.isprintable() for line in text.split("\n"))
    assert not re.search(r"^\W*HIGH  forged", text, re.MULTILINE)
    text.encode("utf-8")


def test_with_colour_only_our_own_codes_are_sent() -> None:
    text = report(hostile_result(), Style(colour=True), show_secrets=True)
    bare = re.sub(r"\x1b\[(0|1|2|3[1-6]|1;31)m", "", text)
    assert all(line.isprintable() for line in bare.split("\n"))


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_any_snippet_and_path_come_out_as_printable_lines(text: str, start: int, length: int) -> None:
    place = Place(1, 1, 0, 1, snippet=text, mark=(start, start + length))
    finding = made(origin=Origin(text), parts=(Part(Role.SECRET, Secret(SECRET), place),))
    shown = report(ScanResult((finding,)))
    assert shown.count("\n") == report(ScanResult((made(),))).count("\n")
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize(
    "content",
    [
        b"\x1b]0;title\x07 " + PAIR.encode(),
        PAIR.replace("\n", " ").encode() + b"\x9b2J \xff\xfe \xe2\x80\xae\r",
        ("\x1b[31m" + PAIR).encode("utf-16"),
        zipped("a\x1b[2J\u202e.ini", PAIR),
    ],
    ids=["escapes", "invalid-utf-8", "utf-16", "member-name"],
)
def test_hostile_content_is_found_and_shown_harmless(content: bytes) -> None:
    text = report(found(content, Origin("evil\x1b[2J\n\udcff.ini", Source.FILE)))
    assert ID in text
    assert "evil\\x1b[2J\\n\\xff.ini" in text
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("objects", "problems", "line"),
    [
        (Accounting(1_234_567, 1_234_567, 0), (), "1 234 567 objects: all scanned."),
        (Accounting(1, 1, 0), (), "1 object: all scanned."),
        (
            Accounting(1_234_567, 1_234_564, 3),
            (Problem(ProblemCode.DAMAGED, "broken"),),
            "1 234 567 objects: 1 234 564 scanned, 3 not, see the problems above.",
        ),
        (
            Accounting(2, 2, 0),
            (Problem(ProblemCode.DAMAGED, "a pack that could not even be listed"),),
            "2 objects: all scanned, but see the problems above.",
        ),
    ],
)
def test_the_objects_of_a_repository_are_accounted_for(
    objects: Accounting, problems: tuple[Problem, ...], line: str
) -> None:
    assert report(ScanResult(problems=problems, objects=objects)).splitlines()[-1].strip() == line
