"""Encoded content: opened in every common form, with lines, offsets and the path of decodings as stored."""

from __future__ import annotations

import base64
import html
import json
import random
import string
import textwrap
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fixtures.keys import key_id, session_token, varied_secret
from keysweep import Finding, Origin, scan
from keysweep.detect.encodings import decode_utf16, unescape, whole_utf16
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Kind, ProblemCode, Role

Encode = Callable[[bytes], bytes]


def pair(rng: random.Random) -> tuple[str, str, bytes]:
    identifier, value = key_id(rng), varied_secret(rng)
    return identifier, value, f"[p]\naws_access_key_id = {identifier}\naws_secret_access_key = {value}\n".encode()


SEEDS = st.integers(0, 499)
"""Few enough that none of these secrets is among the one in thousands that reads like words."""
RNG = random.Random(91)
ID, SECRET, CONFIG = pair(RNG)


def findings(content: bytes) -> tuple[Finding, ...]:
    result = scan(content, Origin("file.txt"))
    assert result.problems == ()
    return result.findings


def the_pair(content: bytes, identifier: str = ID, value: str = SECRET) -> Finding:
    (finding,) = findings(content)
    assert (finding.kind, finding.key_id) == (Kind.PAIR, identifier)
    part = finding.part(Role.SECRET)
    assert part is not None
    assert part.value.reveal() == value
    return finding


def url_safe(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def shifted(bytes_before: int) -> Encode:
    return lambda content: base64.b64encode(b"#" * bytes_before + content)


def mime(width: int, ending: bytes = b"\n", indent: bytes = b"") -> Encode:
    def encode(content: bytes) -> bytes:
        text = base64.b64encode(b"# a few words that make it long enough to be wrapped\n" + content)
        return ending + b"".join(indent + text[at : at + width] + ending for at in range(0, len(text), width))

    return encode


def lower_hex(content: bytes) -> bytes:
    return content.hex().encode()


def upper_hex(content: bytes) -> bytes:
    return content.hex().upper().encode()


def percent(content: bytes) -> bytes:
    return quote(content, safe="").encode()


def in_json(content: bytes) -> bytes:
    return json.dumps(content.decode()).replace("/", "\\/").encode()


def in_json_by_code(content: bytes) -> bytes:
    return json.dumps(content.decode()).replace("/", "\\u002F").replace("+", "\\u002b").encode()


def in_html(content: bytes) -> bytes:
    return (
        html.escape(content.decode()).replace("/", "&#x2F;").replace("+", "&#43;").replace("=", "&#61;").encode()
    )


def each_byte(form: str) -> Encode:
    return lambda content: "".join(form % byte for byte in content).encode()


RUNS: dict[str, Encode] = {
    "base64": base64.b64encode,
    "base64 one byte on": shifted(1),
    "base64 two bytes on": shifted(2),
    "base64url": url_safe,
    "hex": lower_hex,
    "HEX": upper_hex,
}
ESCAPES: dict[str, Encode] = {
    "percent": percent,
    "json": in_json,
    "json by code": in_json_by_code,
    "html": in_html,
}
WHOLE_ESCAPES: dict[str, Encode] = {
    "percent of every byte": each_byte("%%%02X"),
    "backslash x": each_byte("\\x%02x"),
    "backslash u": each_byte("\\u%04x"),
    "html decimal": each_byte("&#%d;"),
    "html hexadecimal": each_byte("&#x%x;"),
}
ONE_LINE = {**RUNS, **{name: ESCAPES[name] for name in ("percent", "json", "json by code")}, **WHOLE_ESCAPES}
WIDE: dict[str, Encode] = {
    "utf-16 le": lambda content: content.decode().encode("utf-16-le"),
    "utf-16 be": lambda content: content.decode().encode("utf-16-be"),
}


@pytest.mark.parametrize("name", ONE_LINE)
@pytest.mark.parametrize("seed", range(8))
def test_an_encoded_configuration_is_found_in_its_line(name: str, seed: int) -> None:
    rng = random.Random(seed)
    identifier, value, config = pair(rng)
    lead = b"a plain line\n" * rng.randrange(5)
    finding = the_pair(lead + b"setting: " + ONE_LINE[name](config) + b"\nafter\n", identifier, value)
    line = lead.count(b"\n") + 1
    assert [part.place.line for part in finding.parts] == [line, line]


@pytest.mark.parametrize("width", [57, 60, 64, 72, 76])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("indent", [b"", b"    ", b"> ", b"\t"])
def test_wrapped_base64_is_read_over_its_line_ends(width: int, ending: bytes, indent: bytes) -> None:
    finding = the_pair(b"Content-Transfer-Encoding: base64" + ending + mime(width, ending, indent)(CONFIG))
    text_before = 53 + len("[p]\naws_access_key_id = ")
    assert finding.place.line == 3 + (text_before * 8 // 6) // width
    assert finding.place.column > len(indent)


def test_base64_in_the_lines_of_a_string_literal_is_joined() -> None:
    text = base64.b64encode(b"some text before the configuration begins\n" + CONFIG).decode()
    lines = " +\n".join(f'    "{line}"' for line in textwrap.wrap(text, 60))
    the_pair(f"const DATA =\n{lines};\n".encode())


@pytest.mark.parametrize("mark", [True, False], ids=["with its mark", "without"])
@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("lead", ["", "# comment\r\n", "# größe, ключ, 鍵, 🔑\r\n"])
def test_utf_16_is_read_in_both_byte_orders(code: str, mark: bool, lead: str) -> None:
    text = lead + CONFIG.decode()
    content = (("\ufeff" if mark else "") + text).encode(code)
    finding = the_pair(content)
    assert finding.place.decoding == ("UTF-16",)
    assert (finding.place.line, finding.place.column) == (2 + lead.count("\n"), 21)
    for part in finding.parts:
        stored = content[part.place.offset : part.place.offset + 2 * len(part.value.reveal())]
        assert stored.decode(code) == part.value.reveal()


def test_a_utf_16_file_of_odd_length_is_read_by_its_mark() -> None:
    the_pair(CONFIG.decode().encode("utf-16") + b"\0")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("utf-16-le", b"\xff\xfe" + b"a\0" * 4),
        ("utf-16-be", b"\xfe\xff" + b"\0a" * 4),
        ("utf-16-le", b"a\0" * 40),
        ("utf-16-be", b"\0a" * 40),
        (None, b"a" * 80),
        (None, b"\0" * 80),
        (None, b"\xff\xfe\0\0" + b"a\0\0\0" * 20),
        (None, b"a\0" * 3),
        (None, b""),
    ],
)
def test_utf_16_is_recognised_by_its_mark_or_its_zeros(name: str | None, content: bytes) -> None:
    assert whole_utf16(content) == name


@pytest.mark.parametrize("inner", [*RUNS, *ESCAPES])
@pytest.mark.parametrize("outer", RUNS)
@pytest.mark.parametrize("seed", range(2))
def test_two_encodings_in_one_another_are_opened(inner: str, outer: str, seed: int) -> None:
    identifier, value, config = pair(random.Random(f"{inner}{outer}{seed}"))
    finding = the_pair(b"x\ny: " + RUNS[outer]((RUNS | ESCAPES)[inner](config)) + b"\n", identifier, value)
    assert finding.place.line == 2
    assert finding.place.decoding[0] == ("hex" if "hex" in outer.lower() else "base64") + " in line 2"


@pytest.mark.parametrize("outer", [name for name in RUNS if "base64" in name])
@pytest.mark.parametrize("inner", WIDE)
def test_utf_16_in_base64_is_opened(inner: str, outer: str) -> None:
    finding = the_pair(b"powershell -enc " + RUNS[outer](WIDE[inner](CONFIG)))
    assert finding.place.decoding[0] == "base64 in line 1"


@pytest.mark.parametrize("code", WIDE)
@pytest.mark.parametrize("inner", [*RUNS, *ESCAPES])
def test_encoded_runs_in_a_utf_16_file_are_opened(inner: str, code: str) -> None:
    content = b"first\n" + b"value: " + (RUNS | ESCAPES)[inner](CONFIG) + b"\n"
    finding = the_pair(WIDE[code](content))
    assert finding.place.decoding[0] == "UTF-16"
    assert finding.place.line >= 2


@st.composite
def _stacks(draw: st.DrawFn) -> list[str]:
    """Up to three rounds of base64, or two of base64 and hexadecimal, perhaps around text with escapes in it."""
    rounds = draw(st.integers(1, 3))
    family = [name for name in RUNS if rounds < 3 or "base64" in name]
    stack = draw(st.lists(st.sampled_from(family), min_size=rounds, max_size=rounds))
    return [*draw(st.lists(st.sampled_from(sorted(ESCAPES)), max_size=int(rounds < 3))), *stack]


@settings(max_examples=80)
@given(
    _stacks(),
    SEEDS,
    st.text(string.ascii_lowercase + " \n", max_size=60),
    st.text(" \n#", max_size=8),
)
def test_a_pair_is_found_in_its_line_through_any_stack_of_encodings(
    stack: list[str], seed: int, before: str, after: str
) -> None:
    identifier, value, content = pair(random.Random(seed))
    for name in stack:
        content = (RUNS | ESCAPES)[name](content)
    finding = the_pair(f"{before}\nvalue: ".encode() + content + f"\n{after}".encode(), identifier, value)
    line = before.count("\n") + 2
    assert [part.place.line for part in finding.parts] == [line, line]
    assert finding.place.decoding[0].endswith(f" in line {line}")


@settings(max_examples=60)
@given(st.sampled_from(sorted(ONE_LINE)), SEEDS, st.text(string.ascii_lowercase + " ß鍵", max_size=40))
def test_the_stored_bytes_of_a_place_are_what_gives_the_credential_away(name: str, seed: int, before: str) -> None:
    identifier, value, config = pair(random.Random(seed))
    lead = f"{before}\n\nx: ".encode()
    content = lead + ONE_LINE[name](config) + b"\n"
    finding = the_pair(content, identifier, value)
    for part in finding.parts:
        start, end = part.place.offset, part.place.offset + part.place.length
        assert len(lead) <= start < end <= len(content)
        again = scan(content[:start] + b"." * (end - start) + content[end:], Origin("x")).findings
        assert part.value.reveal() not in {each.value.reveal() for found in again for each in found.parts}


@settings(max_examples=150)
@given(st.binary(max_size=3000), st.booleans())
@example(b"\xff\xfe", True)
@example(b"\xff\xfeA", False)
@example(b"\\u00", False)
@example(b"secret" * 40, False)
def test_no_bytes_at_all_make_a_scan_fail(content: bytes, hyperscan: bool) -> None:
    result = scan(content, Origin("x"), options=Options(hyperscan=hyperscan))
    assert result.scanned_bytes == len(content)


_SHARDS = [
    ID.encode(), SECRET.encode(), b"AKIA", b"secret_key=", b"aws_", b"QUtJQ", b"FLSU", b"c2VjcmV0", b"414b4941", b"H4sIAAAA",
    b"UEsDB", b"%41%4b%49", b"\\x41\\x4b\\x49", b"&#65;&#75;&#73;", b"\\u0041\\u004b", b"A\0K\0I\0A\0", b"s\0e\0c\0r\0e\0t\0",
    b"IQoJb3JpZ2luX2Vj", b"ABSK", b"bedrock-api-key-", b"\\", b'"', b"'+'", b"=", b"\r\n", b"\n    ", b"\xff\xfe", b"\0", b"%",
    b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"PK\x03\x04", b"X-Amz-Credential=", b"%2F20240101%2Fus-east-1%2Fs3%2Faws4_request", b"smtp",
]  # fmt: skip


@settings(max_examples=250)
@given(st.lists(st.one_of(st.sampled_from(_SHARDS), st.binary(max_size=9)), max_size=40).map(b"".join))
def test_no_shards_of_keys_and_encodings_make_a_scan_fail(content: bytes) -> None:
    for found in scan(content, Origin("x")).findings:
        for part in found.parts:
            assert 0 <= part.place.offset <= part.place.offset + part.place.length <= len(content)
            assert 1 <= part.place.line <= content.count(b"\n") + 1
            start, end = part.place.mark
            assert 0 <= start <= end <= len(part.place.snippet)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b"a\\/b", b"a/b"),
        (b"a\\u002Fb\\u002fc", b"a/b/c"),
        (b"a\\\\u002Fb", b"a/b"),
        (b"a%2Fb%2fc%2B", b"a/b/c+"),
        (b"a%252Fb", b"a/b"),
        (b"&#47;&#x2F;&#x002f;&sol;", b"////"),
        (b"&quot;&amp;&lt;&gt;&plus;", b'"&<>+'),
        (b"a\\nb\\tc", b"a\nb\tc"),
        (b"a=2Fb=\r\nc", b"a/bc"),
        (b"\x1b[31mred\x1b[0m", b"red"),
        (b"nothing here", b"nothing here"),
        (b"", b""),
    ],
)
def test_escapes_are_undone(text: bytes, plain: bytes) -> None:
    assert unescape(text)[0] == plain


@given(st.lists(st.sampled_from([b"a", b"\\u002F", b"%2F", b"&#47;", b"\\n", b"bc", b"\\/", b"\n"]), max_size=30))
def test_every_unescaped_byte_knows_where_it_came_from(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    plain, offsets = unescape(text)
    sources = [offsets.source(at) for at in range(len(plain))]
    assert sources == sorted(set(sources))
    for at, source in enumerate(sources):
        assert plain[at] == text[source] or text[source : source + 1] in b"\\%&"


@given(st.text(max_size=40), st.booleans())
def test_every_character_of_utf_16_knows_where_it_came_from(text: str, big: bool) -> None:
    code = "utf-16-be" if big else "utf-16-le"
    text = text.replace("\ufeff", "")
    plain, offsets = decode_utf16(text.encode(code, "surrogatepass"), code)
    for at, character in enumerate(plain.decode()):
        if character.isascii():
            stored = 2 * len(plain.decode()[:at].encode("utf-16-le")) // 2
            source = offsets.source(len(plain.decode()[:at].encode()))
            assert source == stored


def test_the_path_of_decodings_names_each_step_from_the_outside_in() -> None:
    finding = the_pair(b"x\n" + base64.b64encode(lower_hex(CONFIG)))
    assert finding.place.decoding == ("base64 in line 2", "hex")
    finding = the_pair(b"x: " + lower_hex(base64.b64encode(CONFIG)))
    assert finding.place.decoding == ("hex in line 1", "base64")


def test_a_plain_place_has_no_decoding() -> None:
    assert the_pair(CONFIG).place.decoding == ()


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_limit_of_depth_ends_the_search_and_is_reported(depth: int) -> None:
    content = CONFIG
    for _ in range(depth):
        content = base64.b64encode(content)
    assert scan(content, Origin("x"), Limits(encoding_depth=depth)).problems == ()
    result = scan(base64.b64encode(content), Origin("x"), Limits(encoding_depth=depth))
    assert result.findings == ()
    assert [problem.code for problem in result.problems] == [ProblemCode.LIMIT]
    assert result.problems[0].message == f"encodings are nested deeper than {depth}"


def test_two_encoded_pairs_in_one_file_are_two_findings() -> None:
    rng = random.Random(92)
    wanted = [pair(rng) for _ in range(3)]
    content = b"\n".join(b"value: " + base64.b64encode(config) for _, _, config in wanted)
    assert [(each.key_id, each.place.line) for each in findings(content)] == [
        (identifier, line) for line, (identifier, _, _) in enumerate(wanted, 1)
    ]


def test_a_kubernetes_secret_of_single_values_gives_the_pair() -> None:
    values = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    lines = [f"  {name}: {base64.b64encode(value.encode()).decode()}" for name, value in values.items()]
    finding = the_pair(("apiVersion: v1\nkind: Secret\ndata:\n" + "\n".join(lines) + "\n").encode())
    assert [part.place.line for part in finding.parts] == [4, 5]


def test_a_session_token_in_base64_is_found() -> None:
    token = session_token(RNG)
    (finding,) = findings(base64.b64encode(f"AWS_SESSION_TOKEN={token}\n".encode()))
    assert (finding.kind, finding.parts[0].value.reveal()) == (Kind.SESSION_TOKEN, token)


def test_a_pair_that_stands_plain_and_encoded_is_one_finding_at_the_plain_place() -> None:
    finding = the_pair(CONFIG + b"\ncopy: " + base64.b64encode(CONFIG) + b"\n")
    assert finding.place.decoding == ()
    assert {place.decoding for place in finding.also_at} == {("base64 in line 5",)}


@pytest.mark.parametrize("escaped", ["\\/", "\\u002f", "%2F"])
def test_a_session_token_with_escapes_is_read_to_its_end(escaped: str) -> None:
    """What stands before the first escape is long enough to be taken for all of it."""
    for _ in range(20):
        token = session_token(RNG)[:150] + "/" + session_token(RNG)[20:150]
        content = f'{{"SessionToken": "{token.replace("/", escaped)}"}}'.encode()
        values = {part.value.reveal() for finding in scan(content, Origin("a")).findings for part in finding.parts}
        assert token in values
