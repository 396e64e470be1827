"""The report programs read, and what every format owes its readers: that no secret is given away."""

from __future__ import annotations

import base64
import gzip
import inspect
import io
import json
import os
import random
import re
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import bedrock_long, bedrock_short, key_id, secret, session_token, smtp_password
from keysweep import __version__
from keysweep.detect.custom import CustomRule
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import scan
from keysweep.findings import (
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
from keysweep.report import FORMATS
from keysweep.report.json import render, schema
from keysweep.report.style import Style

RNG = random.Random(32)
ID, SECRET, SESSION_ID, TOKEN = key_id(RNG), secret(RNG), key_id(RNG, "ASIA"), session_token(RNG)
LONG, SHORT, SMTP, OWN = bedrock_long(RNG), bedrock_short(RNG), smtp_password(RNG), "internal-4711-0815-2342"
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
RULES = (CustomRule("internal", r"internal-[0-9-]+"),)
HOSTILE = '\x1b]0;owned\x07\x9b31m\n"},{\r\u202e\u2028\udcff\x00</script>'


def found(content: str | bytes, origin: Origin | None = None, rules: tuple[CustomRule, ...] = ()) -> ScanResult:
    stored = content.encode() if isinstance(content, str) else content
    return scan(stored, origin or Origin("conf/a.ini", Source.FILE), Limits(), Options(rules=rules))


def printed(result: ScanResult, **options: Any) -> str:
    stream = io.StringIO()
    render(result, stream, **options)
    return stream.getvalue()


def document(result: ScanResult, **options: Any) -> dict[str, Any]:
    """The document as a program reads it, held against the schema that describes it."""
    loaded: dict[str, Any] = json.loads(printed(result, **options))
    jsonschema.Draft202012Validator(schema()).validate(loaded)
    return loaded


def hostile_result(text: str) -> ScanResult:
    """Every text that a repository can choose is `text`."""
    place = Place(1, 1, 0, 9, decoding=(text,), snippet=text)
    part = Part(Role.CUSTOM, Secret(text), place, Origin(text, members=(text,)))
    finding = Finding(
        kind=Kind.CUSTOM,
        severity=Severity.MEDIUM,
        confidence=Confidence.MEDIUM,
        reasons=(text,),
        origin=Origin(text, members=(text,)),
        parts=(part,),
        fingerprint="0123456789abcdef" * 2,
        rule=text,
        placeholder=text,
        also_at=(place,),
        alternatives=(part,),
    )
    return ScanResult((finding,), (Problem(ProblemCode.DAMAGED, text, Origin(text)),), 1, 1)


OF_A_MACHINE = {"weak_places", "what"}
"""Only there where a machine was scanned; everything else always is."""


def test_the_schema_is_itself_a_valid_schema_and_closed_everywhere() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    objects = [each for each in inside(schema()) if each.get("type") == "object"]
    assert len(objects) > 5
    for each in objects:
        assert each["additionalProperties"] is False
        assert sorted(each["required"]) == sorted(each["properties"].keys() - OF_A_MACHINE)


def inside(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from inside(child)


def test_the_schema_knows_every_name_the_findings_use() -> None:
    definitions = schema()["$defs"]
    finding, part = definitions["finding"]["properties"], definitions["part"]["properties"]
    assert set(finding["kind"]["enum"]) == set(Kind)
    assert finding["severity"]["enum"] == [level.label for level in Severity]
    assert finding["confidence"]["enum"] == [level.label for level in Confidence]
    assert set(part["role"]["enum"]) == set(Role)
    assert set(definitions["origin"]["properties"]["source"]["enum"]) == set(Source)
    assert set(definitions["problem"]["properties"]["code"]["enum"]) == set(ProblemCode)
    assert set(definitions["silencer"]["enum"]) == set(Silencer)


NONE = dict.fromkeys(map(str, Silencer), 0)


def test_what_was_suppressed_is_listed_with_what_silenced_it_and_why() -> None:
    finding = found(PAIR).findings[0]
    problem = Problem(ProblemCode.DAMAGED, "is damaged", Origin("a.zip"))
    suppressed = (
        Suppressed(Silencer.BASELINE, "revoked", "someone", "2027-01-31", finding=finding),
        Suppressed(Silencer.EXCLUDE, "*.zip", problem=problem),
    )
    written = document(ScanResult(suppressed=suppressed), suppressed=2)
    assert written["counts"]["suppressed_by"] == NONE | {"baseline": 1, "exclude": 1}
    first, second = written["suppressed"]
    assert (first["by"], first["reason"], first["owner"], first["until"]) == (
        "baseline",
        "revoked",
        "someone",
        "2027-01-31",
    )
    assert first["finding"]["fingerprint"] == finding.fingerprint
    assert (second["finding"], second["problem"]["message"], second["owner"]) == (None, "is damaged", None)


def test_an_empty_result_is_a_complete_document() -> None:
    assert document(ScanResult(scanned_items=2, scanned_bytes=7)) == {
        "format": "keysweep-findings",
        "version": 1,
        "tool": {"name": "keysweep", "version": __version__},
        "complete": True,
        "fail_on": "medium",
        "scanned": {"items": 2, "bytes": 7, "directory": None, "repository": None},
        "notes": [],
        "objects": None,
        "counts": {"findings": 0, "failing": 0, "suppressed": 0, "suppressed_by": NONE, "problems": 0},
        "findings": [],
        "problems": [],
        "suppressed": [],
    }


def test_a_pair_says_what_where_why_and_how_bad() -> None:
    (finding,) = document(found(PAIR))["findings"]
    assert (finding["kind"], finding["severity"], finding["confidence"]) == ("key-pair", "high", "high")
    assert (finding["key_id"], finding["account_id"]) == (ID, "123456789012")
    assert finding["origin"] == {
        "source": "file",
        "path": "conf/a.ini",
        "members": [],
        "commit": None,
        "blob": None,
    }
    key, value = finding["parts"]
    assert (key["role"], value["role"]) == ("access-key-id", "secret-access-key")
    assert (value["place"]["line"], value["place"]["column"], value["place"]["length"]) == (2, 25, 40)
    assert PAIR.encode()[value["place"]["offset"] :].startswith(SECRET.encode())
    assert (value["secret"], value["redacted"]) == (None, f"{SECRET[:4]}…(40 characters)")
    assert "random" in " ".join(finding["reasons"])


def test_times_are_utc_and_can_be_read_back() -> None:
    (finding,) = document(found(f"AWS_BEARER_TOKEN_BEDROCK={SHORT}\n"))["findings"]
    assert finding["issued"] is None or finding["issued"].endswith("Z")
    url = (
        f"https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ID}%2F20250701%2F"
        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20250701T120000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host"
        f"&X-Amz-Signature={RNG.getrandbits(256):064x}\n"
    )
    (signed,) = document(found(url))["findings"]
    assert datetime.fromisoformat(signed["issued"]) == datetime(2025, 7, 1, 12, tzinfo=UTC)
    assert datetime.fromisoformat(signed["expires"]) == datetime(2025, 7, 1, 13, tzinfo=UTC)
    assert signed["issued"].endswith("Z")


def test_counts_follow_the_threshold_and_what_was_suppressed() -> None:
    result = ScanResult((*found(PAIR).findings, *found(f"see {key_id(RNG)}\n").findings))
    counts = document(result, fail_on=Severity.HIGH, suppressed=4)["counts"]
    assert counts == {"findings": 2, "failing": 1, "suppressed": 4, "suppressed_by": NONE, "problems": 0}
    assert document(result, fail_on=Severity.LOW)["counts"]["failing"] == 2


@pytest.mark.parametrize("code", ProblemCode)
def test_any_problem_makes_the_document_incomplete(code: ProblemCode) -> None:
    loaded = document(ScanResult(problems=(Problem(code, "happened", Origin("a", members=("b",))),)))
    assert loaded["complete"] is False
    assert loaded["problems"][0]["code"] == code.value
    assert loaded["problems"][0]["origin"]["members"] == ["b"]


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_of_a_repository_comes_back_as_it_was(text: str) -> None:
    (finding,) = document(hostile_result(text))["findings"]
    assert finding["origin"]["path"] == finding["rule"] == finding["parts"][0]["place"]["snippet"] == text


def test_hostile_text_is_ascii_in_the_document_and_moves_nothing() -> None:
    text = printed(hostile_result(HOSTILE), show_secrets=True)
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    assert len(document(hostile_result(HOSTILE))["findings"]) == 1


def test_a_file_name_that_is_no_utf_8_keeps_its_bytes() -> None:
    name = b"caf\xe9\x1b[2J\n.ini"
    (finding,) = document(found(PAIR, Origin(os.fsdecode(name), Source.FILE)))["findings"]
    assert os.fsencode(finding["origin"]["path"]) == name


def test_one_document_ends_with_one_line_end() -> None:
    text = printed(found(PAIR))
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")


LEAKS: dict[str, tuple[str | bytes, str]] = {
    "a pair": (PAIR, SECRET),
    "a pair in one line": (f'{{"accessKeyId":"{ID}","secretAccessKey":"{SECRET}"}}', SECRET),
    "a secret alone": (f"aws_secret_access_key = {SECRET}\n", SECRET),
    "a line of two pairs": (f"{ID},{SECRET},{key_id(RNG)},{secret(RNG)}\n", SECRET),
    "the secret of a triple": (f"export A={SESSION_ID} AWS_SECRET_ACCESS_KEY={SECRET} T={TOKEN}\n", SECRET),
    "the token of a triple": (
        f"aws_access_key_id={SESSION_ID}\naws_secret_access_key={SECRET}\naws_session_token={TOKEN}\n",
        TOKEN,
    ),
    "a Bedrock key": (f"AWS_BEARER_TOKEN_BEDROCK={LONG}\n", LONG),
    "a short-term Bedrock key": (f"AWS_BEARER_TOKEN_BEDROCK={SHORT}\n", SHORT),
    "an SMTP password": (f"smtp_username={ID}\nsmtp_password={SMTP}\n", SMTP),
    "a match of a rule": (f"x {OWN}\n", OWN),
    "UTF-16": (PAIR.encode("utf-16"), SECRET),
    "base64": (base64.b64encode(PAIR.encode()), SECRET),
    "base64 twice": (base64.b64encode(base64.b64encode(PAIR.encode())), SECRET),
    "hex": (PAIR.encode().hex(), SECRET),
    "percent": (urllib.parse.quote(PAIR, safe=""), SECRET),
    "gzip": (gzip.compress(PAIR.encode()), SECRET),
    "a split literal": (f'id = "{ID}"\nsecret = "{SECRET[:20]}" + "{SECRET[20:]}"\n', SECRET),
}
"""Content, and the secret in it that no report may give away."""
RUN = 8
"""Reports keep four characters to recognise a secret by; a run of twice as many gives too much away."""


def takes(form: str) -> set[str]:
    """The names of what a format takes; only some may show secrets at all."""
    return set(inspect.signature(import_module(FORMATS[form]).render).parameters)


def rendered(form: str, result: ScanResult, **options: object) -> str:
    stream = io.StringIO()
    more = {"style": Style(width=160)} if "style" in takes(form) else {}
    import_module(FORMATS[form]).render(result, stream, **options, **more)
    return stream.getvalue()


def stored_forms(credential: str) -> list[str]:
    """The secret, and what of it can be read in base64 at each of the three offsets, in hex, and in percent."""
    forms = [credential, credential.encode().hex(), urllib.parse.quote(credential, safe="")]
    for offset in range(3):
        once = base64.b64encode(b"\0" * offset + credential.encode())[4:-4]
        forms += [once.decode(), *(base64.b64encode(b"\0" * more + once)[4:-4].decode() for more in range(3))]
    return forms


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", LEAKS)
def test_no_format_gives_a_secret_away_unless_asked_to(form: str, name: str) -> None:
    content, credential = LEAKS[name]
    result = found(content, rules=RULES if credential == OWN else ())
    assert result.findings
    text = re.sub(r"\s+", "", rendered(form, result))  # so that no wrapping hides a run
    for stored in stored_forms(credential.removeprefix("bedrock-api-key-").removeprefix("internal-")):
        runs = {stored[at : at + RUN] for at in range(len(stored) - RUN + 1)}
        assert not [run for run in runs if run in text]
    if "show_secrets" in takes(form):
        assert credential in re.sub(r"\s+", "", rendered(form, result, show_secrets=True))


def test_only_formats_for_the_owner_of_the_secrets_can_show_them() -> None:
    assert {form for form in FORMATS if "show_secrets" in takes(form)} == {"text", "json", "jsonl"}
