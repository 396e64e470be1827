"""What a sweep is pointed at, however it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.errors import UsageError
from keysweep.sweep.inventory.targets import Kind, Target, target


@pytest.mark.parametrize(
    ("text", "kind", "base", "name", "canonical"),
    [
        ("github:acme", "github", "https://github.com", "acme", "github:acme"),
        ("github:https://GitHub.com/acme/", "github", "https://github.com", "acme", "github:acme"),
        ("github:https://github.com:443/acme", "github", "https://github.com", "acme", "github:acme"),
        ("github:https://ghe.example.com:8443/acme", "github", "https://ghe.example.com:8443", "acme", "github:https://ghe.example.com:8443/acme"),
        ("github:http://127.0.0.1:1/acme", "github", "http://127.0.0.1:1", "acme", "github:http://127.0.0.1:1/acme"),
        ("gitlab:acme/deep/deeper", "gitlab", "https://gitlab.com", "acme/deep/deeper", "gitlab:acme/deep/deeper"),
        ("gitlab:https://git.example.com/acme/deep/", "gitlab", "https://git.example.com", "acme/deep", "gitlab:https://git.example.com/acme/deep"),
        ("bitbucket:acme", "bitbucket", "https://bitbucket.org", "acme", "bitbucket:acme"),
        ("bitbucket:https://bitbucket.org/acme", "bitbucket", "https://bitbucket.org", "acme", "bitbucket:acme"),
        ("gitea:https://git.example.com/acme", "gitea", "https://git.example.com", "acme", "gitea:https://git.example.com/acme"),
        ("gitea:https://git.example.com/git/acme", "gitea", "https://git.example.com/git", "acme", "gitea:https://git.example.com/git/acme"),
        ("forgejo:https://codeberg.org/acme", "forgejo", "https://codeberg.org", "acme", "forgejo:https://codeberg.org/acme"),
        ("azure:acme", "azure", "https://dev.azure.com/acme", "", "azure:acme"),
        ("azure:acme/Fabrikam Fiber", "azure", "https://dev.azure.com/acme", "Fabrikam Fiber", "azure:acme/Fabrikam Fiber"),
        ("azure:https://dev.azure.com/acme/Fabrikam%20Fiber", "azure", "https://dev.azure.com/acme", "Fabrikam Fiber", "azure:acme/Fabrikam Fiber"),
        ("azure:https://acme.visualstudio.com", "azure", "https://dev.azure.com/acme", "", "azure:acme"),
        ("azure:https://acme.visualstudio.com/app", "azure", "https://dev.azure.com/acme", "app", "azure:acme/app"),
        ("azure:https://tfs.example.com/tfs/Main", "azure", "https://tfs.example.com/tfs/Main", "", "azure:https://tfs.example.com/tfs/Main"),
        ("-", "stdin", "", "-", "-"),
    ],
)  # fmt: skip
def test_a_target_is_what_it_says_and_can_be_written_again(
    text: str, kind: str, base: str, name: str, canonical: str
) -> None:
    found = target(text)
    assert found == Target(Kind(kind), base, name)
    assert found.text == canonical
    assert target(found.text) == found


def test_a_directory_and_a_file_are_told_by_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_text("")
    monkeypatch.chdir(tmp_path)
    assert target("list") == Target(Kind.FILE, "", os.fspath(tmp_path / "list"))
    assert target(".") == target(os.fspath(tmp_path)) == Target(Kind.DIRECTORY, "", os.fspath(tmp_path))
    assert target(".").text == os.fspath(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing that can be swept"),
        ("acme", "nothing that can be swept"),
        ("no/such/directory", "nothing that can be swept"),
        ("https://github.com/acme", "does not say what kind of host it is"),
        ("github:", "names nothing that can be listed: write github:ORGANISATION"),
        ("github:acme/web", "names nothing that can be listed"),
        ("github:..", "names nothing that can be listed"),
        ("github:a b", "names nothing that can be listed"),
        ("github:acme?x=1", "names nothing that can be listed"),
        ("github:https://ghe.example.com", "names nothing that can be listed"),
        ("github:ssh://git@ghe.example.com/acme", "asked by https://, not by ssh://"),
        ("github:ftp://ghe.example.com/acme", "ftp addresses are not cloned"),
        ("github:https://-x/acme", "names no host"),
        ("github:https://host\\evil/acme", "names nothing that can be listed"),
        ("github:https://evil.example#/acme", "names nothing that can be listed"),
        ("gitea:acme", "gitea has no host of its own"),
        ("forgejo:acme", "forgejo has no host of its own"),
        ("gitea:https://git.example.com/../acme", "names nothing that can be listed"),
        ("gitlab:a//b", "names nothing that can be listed"),
        ("bitbucket:https://bitbucket.example.com/acme", "only workspaces on bitbucket.org"),
        ("azure:a/b/c", "names nothing that can be listed"),
        ("azure:https://tfs.example.com", "names nothing that can be listed"),
        ("azure:acme/..", "names nothing that can be listed"),
        ("azure:acme/a%2Fb", "names nothing that can be listed"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_advice(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        target(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["github:https://{}@h/acme", "github:https://sam:{}@h/acme", "https://x:{}@h/acme", "gitlab:https://h/acme?private_token={}", "azure:https://{}@h/acme"],
)  # fmt: skip
def test_a_target_with_credentials_is_refused_without_a_word_of_them(text: str, token: str) -> None:
    secret = token.replace("/", "x")
    with pytest.raises(UsageError, match="holds a user name, a password or a token") as raised:
        target(text.format(secret))
    assert secret not in str(raised.value)


BEGINNINGS = st.sampled_from(
    [f"{kind}:" for kind in Kind] + ["github:https://", "gitlab:https://h/", "azure:https://", ""]
)


@given(BEGINNINGS, st.text(max_size=40))
def test_any_text_is_a_target_or_refused(beginning: str, rest: str) -> None:
    text = (beginning + rest).replace("\0", "")
    try:
        found, refused = target(text), ""
    except UsageError as error:
        found, refused = None, str(error)
    assert refused.isprintable()
    if found:
        assert found.text.isprintable() or found.kind in (Kind.DIRECTORY, Kind.FILE)
        assert target(found.text) == found
        assert "@" not in found.host
        assert found.base.count("://") == (found.host != "")


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(lambda name: name.strip("."))


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_any_group_of_gitlab_is_one(names: list[str]) -> None:
    assert target(f"gitlab:{'/'.join(names)}").name == "/".join(names)
