"""What a finding carries, what it keeps to itself, and what its fingerprint outlives."""

from __future__ import annotations

import base64
import logging
import pickle
import random
import string
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import bedrock_long, key_id, secret, session_token, smtp_password
from keysweep import Finding, Origin, scan
from keysweep.findings import Confidence, Kind, Place, Role, Secret, Severity, fingerprint
from keysweep.frozen import FrozenError

RNG = random.Random(31)
ID, SECRET = key_id(RNG), secret(RNG)
CONFIG = f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
SECRETS = st.text(string.ascii_letters + string.digits + "/+", min_size=40, max_size=40)


def one(content: str | bytes, path: str = "file.txt") -> Finding:
    (finding,) = scan(content.encode() if isinstance(content, str) else content, Origin(path)).findings
    return finding


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, lambda value: f"{value!r:>60}", lambda value: "%s" % value, ascii],
    ids=["repr", "str", "format", "padded", "percent", "ascii"],
)
@given(SECRETS)
def test_a_secret_shows_four_characters_and_its_length(show: Callable[[object], str], value: str) -> None:
    for shown in (show(Secret(value)), show([Secret(value)]), show({"a": Secret(value)})):
        assert value[:4] in shown
        assert "40 characters" in shown
        assert value[4:] not in shown
        assert value[:6] not in shown


def test_a_secret_is_revealed_only_by_asking_it() -> None:
    assert Secret(SECRET).reveal() == SECRET


def test_two_equal_secrets_are_equal_and_hash_alike() -> None:
    assert Secret(SECRET) == Secret(SECRET)
    assert len({Secret(SECRET), Secret(SECRET), Secret(SECRET[::-1])}) == 2


def test_a_secret_comes_back_whole_from_another_process() -> None:
    assert pickle.loads(pickle.dumps(Secret(SECRET))).reveal() == SECRET
    finding = one(CONFIG)
    assert pickle.loads(pickle.dumps(finding)) == finding


def test_a_secret_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenError):
        Secret(SECRET)._value = "x"  # type: ignore[misc]


def test_a_finding_in_a_log_or_an_error_keeps_its_secret(caplog: pytest.LogCaptureFixture) -> None:
    finding = one(CONFIG)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").warning("found %s and %r in %s", finding, finding.parts, [finding])
    error = "".join(traceback.format_exception(ValueError(finding)))
    for at in range(len(SECRET) - 7):
        assert SECRET[at : at + 8] not in caplog.text
        assert SECRET[at : at + 8] not in error


@pytest.mark.parametrize(
    "content",
    [
        "\n" * 30 + CONFIG,
        "# moved and indented\n" + CONFIG.replace("\n", "\n   "),
        CONFIG.replace("\n", "\r\n"),
        CONFIG.encode("utf-16"),
        CONFIG.encode("utf-16-be"),
        base64.b64encode(CONFIG.encode()),
        base64.b64encode(base64.b64encode(b"#" + CONFIG.encode())),
        CONFIG.encode().hex().encode(),
        f'{{"accessKeyId": "{ID}", "secretAccessKey": "{SECRET}"}}'.replace("/", "\\/"),
        f"export AWS_SECRET_ACCESS_KEY={SECRET}\nexport AWS_ACCESS_KEY_ID={ID}\n",
        CONFIG + CONFIG,
    ],
)
def test_a_fingerprint_outlives_moves_and_every_other_way_to_write_the_same(content: str | bytes) -> None:
    assert one(content).fingerprint == one(CONFIG).fingerprint


@pytest.mark.parametrize("path", ["a", "deep/er/file.py", "b\udcff.txt", "x.tar", ""])
def test_a_fingerprint_outlives_a_rename(path: str) -> None:
    assert one(CONFIG, path).fingerprint == one(CONFIG).fingerprint


def test_a_fingerprint_outlives_the_renewal_of_a_session_token() -> None:
    temporary = key_id(RNG, "ASIA")
    texts = [
        f"aws_access_key_id={temporary}\naws_secret_access_key={SECRET}\naws_session_token={session_token(RNG)}\n"
        for _ in range(2)
    ]
    assert [one(text).kind for text in texts] == [Kind.TEMPORARY, Kind.TEMPORARY]
    assert one(texts[0]).fingerprint == one(texts[1]).fingerprint


def test_a_rotated_secret_has_another_fingerprint() -> None:
    assert one(CONFIG.replace(SECRET, secret(RNG))).fingerprint != one(CONFIG).fingerprint


def test_each_half_of_a_pair_has_a_fingerprint_of_its_own() -> None:
    prints = {one(text).fingerprint for text in (CONFIG, f"id {ID}\n", f"aws_secret_access_key={SECRET}\n")}
    assert len(prints) == 3


@given(SECRETS, st.sampled_from(list(Kind)))
def test_a_fingerprint_is_32_digits_with_nothing_of_the_secret_in_them(value: str, kind: Kind) -> None:
    printed = fingerprint(kind, ID, value)
    assert len(printed) == 32
    assert set(printed) <= set("0123456789abcdef")
    assert printed == fingerprint(kind, ID, value)
    assert all(value[at : at + 8].lower() not in printed for at in range(33))


def test_a_fingerprint_tells_kinds_values_and_their_borders_apart() -> None:
    prints = [
        fingerprint(Kind.PAIR, "ab", "c"),
        fingerprint(Kind.PAIR, "a", "bc"),
        fingerprint(Kind.PAIR, "abc"),
        fingerprint(Kind.PAIR, "c", "ab"),
        fingerprint(Kind.TEMPORARY, "ab", "c"),
    ]
    assert len(set(prints)) == len(prints)


def test_a_fingerprint_of_bytes_that_are_no_text_is_possible() -> None:
    assert len(fingerprint(Kind.CUSTOM, "\udcff\udc80")) == 32


def test_a_fingerprint_never_changes_from_one_release_to_the_next() -> None:
    assert fingerprint(Kind.ACCESS_KEY_ID, "AKIA" + "QRSTUVWXYZ234567") == "fcc4baa64d2d46dfbbb6a430783794df"


@pytest.mark.parametrize(
    ("text", "role", "value"),
    [
        (f"aws_secret_access_key={SECRET}", Role.SECRET, SECRET),
        (f"AWS_SESSION_TOKEN={(token := session_token(RNG))}", Role.TOKEN, token),
        (f"AWS_BEARER_TOKEN_BEDROCK={(api := bedrock_long(RNG))}", Role.API_KEY, api),
        (f"SMTP_USER={ID}\nSMTP_PASSWORD={(mail := smtp_password(RNG))}", Role.SMTP_PASSWORD, mail),
    ],
)
def test_every_kind_of_secret_is_redacted_in_repr_and_snippet(text: str, role: Role, value: str) -> None:
    finding = one(text)
    part = finding.part(role)
    assert part is not None
    assert part.value.reveal() == value
    shown = repr(finding)
    assert all(value[at : at + 8] not in shown for at in range(len(value) - 7))
    start, end = part.place.mark
    assert part.place.snippet[start:end] == value[:4] + "…"


@pytest.mark.parametrize("written", ["/_", "/-", "+-", "+_"])
def test_a_secret_as_a_file_name_can_hold_it_is_hidden_and_a_long_name_is_not(written: str) -> None:
    rng = random.Random(405)
    value = next(each for each in iter(lambda: secret(rng), "") if written[0] in each).replace(*written)
    name = "a_name_with_many_words_in_it_as_code_has_them"
    finding = one(f"{name} bucket?AWSAccessKeyId={ID}&secret={value}")
    assert all(value[at : at + 8] not in finding.place.snippet for at in range(len(value) - 7))
    assert name in finding.place.snippet


@pytest.mark.parametrize("distance", range(30, 90, 3))
def test_what_may_be_a_secret_is_no_part_of_a_snippet_that_ends_within_it(distance: int) -> None:
    value = secret(random.Random(distance))
    far = ("ab " * 40)[:distance]
    finding = one(f"ab/{value}/ab {far} {ID} {far} /{value}/ab and so on" + " and on" * 20)
    assert finding.kind is Kind.ACCESS_KEY_ID
    assert all(value[at : at + 8] not in finding.place.snippet for at in range(len(value) - 7))
    assert ID in finding.place.snippet


def test_a_place_points_at_the_stored_bytes() -> None:
    content = ("größe = 1\n" + CONFIG).encode()
    finding = one(content)
    for part in finding.parts:
        stored = content[part.place.offset : part.place.offset + part.place.length]
        assert stored.decode() == part.value.reveal()
    assert [part.place.line for part in finding.parts] == [3, 4]
    assert [part.place.column for part in finding.parts] == [21, 25]


def test_columns_count_characters_and_offsets_bytes() -> None:
    content = f"ключ: {ID}\n".encode()
    place = one(content).place
    assert (place.line, place.column, place.offset) == (1, 7, 10)


def test_a_finding_is_reported_where_its_first_part_stands() -> None:
    finding = one(f"secret_key: {SECRET}\naccess_key: {ID}\n")
    assert finding.parts[0].role is Role.KEY_ID
    assert finding.place == finding.parts[0].place
    assert finding.place.line == 2
    assert finding.part(Role.TOKEN) is None


def test_an_origin_shows_the_members_that_lead_to_the_content() -> None:
    assert Origin("a.tar.gz", members=("a.tar", "b/c.ini")).display == "a.tar.gz!a.tar!b/c.ini"


def test_severities_and_confidences_compare_and_have_the_names_that_reports_use() -> None:
    assert Severity.INFO < Severity.LOW < Severity.MEDIUM < Severity.HIGH < Severity.CRITICAL
    assert Confidence.LOW < Confidence.MEDIUM < Confidence.HIGH
    assert [each.label for each in Severity] == ["info", "low", "medium", "high", "critical"]
    assert [each.label for each in Confidence] == ["low", "medium", "high"]


def test_a_place_without_a_decoding_is_where_the_text_says() -> None:
    assert Place(1, 1, 0, 20).decoding == ()
