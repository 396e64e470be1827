"""Profiles as botocore reads them, and the same of files that botocore refuses."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from botocore.configloader import load_config, raw_config_parse
from botocore.exceptions import ConfigParseError
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fixtures.keys import key_id, secret, session_token
from keysweep.sources.machine.profiles import Profile, configured, sections

RNG = random.Random(84)
ID, SECRET = key_id(RNG), secret(RNG)

LINES = st.sampled_from(
    [
        "[default]",
        "[profile dev]",
        "[profile 'two words']",
        "[profile]",
        "[profile a b c]",
        '[profile "open]',
        "[sso-session corp]",
        "[DEFAULT]",
        "  [indented]",
        "[a] # b]",
        "[services x]",
        "region = eu-west-1",
        "Region: eu-west-1",
        "region=",
        " role_arn = arn:aws:iam::1:role/x",
        "\tsource_profile = default",
        "s3 =",
        "  max_concurrent_requests = 20",
        "    deeper = 1",
        "# a comment",
        "  ; another",
        "",
        "   ",
        'credential_process = "a b" = c # d',
        "output = json\r",
        "x y = z",
        "sso_session = corp",
        "\x1c",
        "a = \x85b",
        "é = ü",
    ]
)


@given(st.lists(LINES, max_size=14))
@example(["[default]", "a =", "  b", "", "  c", "d = e"])
@example(["[x]", "# c", "a = b", "  # c", "  d"])
def test_what_botocore_reads_this_reads_the_same(lines: list[str]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "config"
        path.write_text("\n".join(lines), encoding="utf-8", newline="")
        try:
            raw = raw_config_parse(str(path), parse_subsections=False)
            loaded = load_config(str(path))
        except ConfigParseError:
            assume(False)
        text = path.read_text(encoding="utf-8")
    assert sections(text) == raw
    known = configured(text, "")
    assert {each.name for each in known.profiles} == set(loaded["profiles"])
    assert set(known.sso_sessions) == set(loaded["sso_sessions"])
    for each in known.profiles:
        flat = {name: value for name, value in loaded["profiles"][each.name].items() if isinstance(value, str)}
        assert flat.items() <= each.settings.items()


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_stops_it(config: str, credentials: str) -> None:
    configured(config, credentials)


def test_a_file_that_botocore_refuses_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    text = f"{SECRET}\n[default]\n{SECRET}\naws_access_key_id = {ID}\n= x\naws_secret_access_key = {SECRET}\n"
    path = tmp_path / "credentials"
    path.write_text(text)
    (profile,) = configured("", text).profiles
    assert (profile.key_id, profile.is_long_term) == (ID, True)


def test_a_secret_is_not_kept() -> None:
    text = f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\naws_session_token = {SECRET}\n"
    assert SECRET not in repr(configured(text, text))


def test_what_the_credentials_file_says_counts() -> None:
    known = configured(
        "[profile ci]\naws_access_key_id = OLD\nregion = eu-west-1\n[other]\nregion = x\n",
        f"[ci]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n",
    )
    (profile,) = known.profiles
    assert (profile.key_id, profile.settings["region"]) == (ID, "eu-west-1")


@pytest.mark.parametrize(
    ("lines", "long_term", "temporary", "expires", "source"),
    [
        (f"aws_access_key_id={ID}\naws_secret_access_key={SECRET}", True, False, "", ""),
        (f"aws_access_key_id={ID}\n", False, False, "", ""),
        (
            f"aws_access_key_id={key_id(RNG, 'ASIA')}\naws_secret_access_key={SECRET}\nexpiration=2027-01-01T00:00:00Z",
            False,
            True,
            "2027-01-01T00:00:00Z",
            "",
        ),
        (
            f"aws_access_key_id={ID}\naws_secret_access_key={SECRET}\naws_session_token={session_token(RNG)}",
            False,
            True,
            "",
            "",
        ),
        ("sso_session = corp", False, False, "", "IAM Identity Center"),
        ("sso_start_url = https://x", False, False, "", "IAM Identity Center"),
        ("login_session = arn:aws:iam::1:user/me", False, False, "", "`aws login`"),
        ("credential_process = x", False, False, "", "a program (credential_process)"),
        ("role_arn = x\nsource_profile = y", False, False, "", "a role"),
        ("role_arn = x\nweb_identity_token_file = y", False, False, "", "a role, by a token"),
        ("region = x", False, False, "", ""),
    ],
)
def test_profiles_say_how_they_get_credentials(
    lines: str, long_term: bool, temporary: bool, expires: str, source: str
) -> None:
    (profile,) = configured("", f"[a]\n{lines}\n").profiles
    assert isinstance(profile, Profile)
    assert (profile.is_long_term, profile.is_temporary) == (long_term, temporary)
    assert (profile.expires, profile.source) == (expires, source)
