"""A token goes to the host that it is for, and to no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keysweep.errors import UsageError
from keysweep.findings import Secret
from keysweep.sweep.tokens import Login, login_for, names_for
from tests.repositories import Repository
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import gitea_repository

ALL = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "GITLAB_TOKEN",
    "BITBUCKET_TOKEN",
    "GITEA_TOKEN",
    "FORGEJO_TOKEN",
    "AZURE_DEVOPS_EXT_PAT",
    "KEYSWEEP_GITHUB_TOKEN",
    "KEYSWEEP_GITLAB_TOKEN",
    "KEYSWEEP_BITBUCKET_TOKEN",
    "KEYSWEEP_GITEA_TOKEN",
    "KEYSWEEP_FORGEJO_TOKEN",
    "KEYSWEEP_AZURE_TOKEN",
    "SYSTEM_ACCESSTOKEN",
]


def origin(kind: str, host: str) -> str | None:
    login = login_for(kind, host)
    return login.origin if login else None


@pytest.mark.parametrize(
    ("variables", "kind", "host", "expected"),
    [
        ({}, "github", "github.com", None),
        ({"GITHUB_TOKEN": "t"}, "github", "github.com", "GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "t", "GH_TOKEN": "t"}, "github", "GitHub.com", "GH_TOKEN"),
        ({"GITHUB_TOKEN": "t", "KEYSWEEP_GITHUB_TOKEN": "t"}, "github", "github.com", "KEYSWEEP_GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "t"}, "github", "gist.github.com", "GITHUB_TOKEN"),
        ({"GITHUB_TOKEN": "t", "GH_TOKEN": "t", "KEYSWEEP_GITHUB_TOKEN": "t"}, "github", "ghe.example.com", None),
        ({"GH_ENTERPRISE_TOKEN": "t"}, "github", "ghe.example.com", "GH_ENTERPRISE_TOKEN"),
        ({"GH_ENTERPRISE_TOKEN": "t", "GITHUB_ENTERPRISE_TOKEN": "t"}, "github", "github.com", None),
        ({"GH_ENTERPRISE_TOKEN": "t", "GH_HOST": "other.example.com"}, "github", "ghe.example.com", None),
        ({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://ghe.example.com"}, "github", "github.com", None),
        ({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://ghe.example.com"}, "github", "ghe.example.com", "GITHUB_TOKEN"),
        ({"KEYSWEEP_GITHUB_TOKEN": "t", "KEYSWEEP_GITHUB_HOST": "ghe.example.com:8443"}, "github", "ghe.example.com:8443", "KEYSWEEP_GITHUB_TOKEN"),
        ({"KEYSWEEP_GITHUB_TOKEN": "t", "KEYSWEEP_GITHUB_HOST": "ghe.example.com:8443"}, "github", "ghe.example.com", None),
        ({"GITLAB_TOKEN": "t"}, "gitlab", "gitlab.com", "GITLAB_TOKEN"),
        ({"GITLAB_TOKEN": "t"}, "gitlab", "gitlab.example.com", None),
        ({"GITLAB_TOKEN": "t", "CI_SERVER_URL": "https://gitlab.example.com"}, "gitlab", "gitlab.example.com", "GITLAB_TOKEN"),
        ({"GITLAB_TOKEN": "t", "CI_SERVER_URL": "https://gitlab.example.com"}, "gitlab", "gitlab.com", None),
        ({"BITBUCKET_TOKEN": "t"}, "bitbucket", "bitbucket.org", "BITBUCKET_TOKEN"),
        ({"BITBUCKET_TOKEN": "t"}, "bitbucket", "bitbucket.example.com", None),
        ({"GITEA_TOKEN": "t"}, "gitea", "git.example.com", "GITEA_TOKEN"),
        ({"GITEA_TOKEN": "t"}, "forgejo", "codeberg.org", None),
        ({"GITEA_TOKEN": "t", "GITEA_SERVER_URL": "https://git.example.com/"}, "gitea", "evil.example.com", None),
        ({"AZURE_DEVOPS_EXT_PAT": "t"}, "azure", "dev.azure.com", "AZURE_DEVOPS_EXT_PAT"),
        ({"AZURE_DEVOPS_EXT_PAT": "t"}, "azure", "tfs.example.com", None),
        ({"SYSTEM_ACCESSTOKEN": "t", "SYSTEM_COLLECTIONURI": "https://tfs.example.com/C"}, "azure", "tfs.example.com", "SYSTEM_ACCESSTOKEN"),
        ({"KEYSWEEP_TOKEN_GHE_EXAMPLE_COM_8443": "t"}, "github", "ghe.example.com:8443", "KEYSWEEP_TOKEN_GHE_EXAMPLE_COM_8443"),
        ({"KEYSWEEP_TOKEN_MY__GIT_EXAMPLE_COM": "t"}, "file", "my-git.example.com", "KEYSWEEP_TOKEN_MY__GIT_EXAMPLE_COM"),
        ({"KEYSWEEP_TOKEN_MY__GIT_EXAMPLE_COM": "t"}, "file", "my.git.example.com", None),
        ({"GITHUB_TOKEN": "  "}, "github", "github.com", None),
    ],
)  # fmt: skip
def test_which_variable_is_for_which_host(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kind: str, host: str, expected: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert origin(kind, host) == expected


@pytest.mark.parametrize("kind", ["file", "stdin", "directory", "unknown"])
def test_hosts_that_only_a_list_names_get_no_token_by_their_kind(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in ALL:
        monkeypatch.setenv(name, "t")
    assert login_for(kind, "evil.example.com") is None
    assert login_for(kind, "github.com") is None


@pytest.mark.parametrize(
    ("kind", "variable", "host", "user"),
    [
        ("github", "GITHUB_TOKEN", "github.com", "x-access-token"),
        ("gitlab", "GITLAB_TOKEN", "gitlab.com", "oauth2"),
        ("bitbucket", "BITBUCKET_TOKEN", "bitbucket.org", "x-token-auth"),
        ("bitbucket", "BITBUCKET_API_TOKEN", "bitbucket.org", "x-bitbucket-api-token-auth"),
        ("gitea", "GITEA_TOKEN", "git.example.com", "oauth2"),
        ("azure", "AZURE_DEVOPS_EXT_PAT", "dev.azure.com", "pat"),
    ],
)
def test_whom_git_says_that_it_is(
    monkeypatch: pytest.MonkeyPatch, token: str, kind: str, variable: str, host: str, user: str
) -> None:
    monkeypatch.setenv(variable, token)
    login = login_for(kind, host)
    assert login is not None
    assert (login.host, login.user, login.secret.reveal()) == (host, user, token)
    assert token not in repr(login)


def test_an_app_password_goes_with_its_user(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("BITBUCKET_APP_PASSWORD", token)
    monkeypatch.setenv("BITBUCKET_USERNAME", "sam")
    login = login_for("bitbucket", "bitbucket.org")
    assert login is not None
    assert (login.user, login.api_user) == ("sam", "sam")


@pytest.mark.parametrize("spoiled", ["{}\nX-Header: 1", "{} {}", "{}é", "{}\x00"[:-1] + "\x7f"])
def test_what_cannot_be_a_token_is_refused_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, token: str, spoiled: str
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", spoiled.replace("{}", token))
    with pytest.raises(UsageError, match="the variable GITHUB_TOKEN holds something else than a token") as raised:
        login_for("github", "github.com")
    assert token not in str(raised.value)


def test_advice_names_the_variables_of_a_host() -> None:
    assert names_for("github", "github.com") == ("KEYSWEEP_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN")
    assert names_for("github", "ghe.example.com") == ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


HELPER = """#!/bin/sh
cat >> {log}
[ "$1" = get ] || exit 0
echo username={user}
echo password="$(cat {secret})"
"""


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str) -> Path:
    """A credential helper of the user, which knows 127.0.0.1 and writes down what it is asked."""
    log, script, secret = tmp_path / "log", tmp_path / "helper", tmp_path / "secret"
    secret.write_text(token)
    script.write_text(HELPER.format(log=log, user="sam", secret=secret))
    script.chmod(0o755)
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f'[credential "https://127.0.0.1"]\n\thelper = {script}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.fspath(configuration))
    return log


def test_a_credential_helper_is_asked_where_no_variable_is_set(helper: Path, token: str) -> None:
    login = login_for("gitea", "127.0.0.1")
    assert login == Login("127.0.0.1", "sam", Secret(token), "git's credential helper", "sam")
    assert "host=127.0.0.1" in helper.read_text().splitlines()


def test_a_variable_goes_before_a_credential_helper(helper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITEA_TOKEN", "t")
    assert origin("gitea", "127.0.0.1") == "GITEA_TOKEN"
    assert not helper.exists()


def test_a_helper_for_one_host_is_not_asked_for_another(helper: Path) -> None:
    assert login_for("gitea", "127.0.0.2") is None
    assert not helper.exists()


def test_a_host_cannot_ask_a_helper_for_another(helper: Path) -> None:
    assert login_for("gitea", "127.0.0.2\nhost=127.0.0.1") is None
    assert not helper.exists()


def test_nobody_is_asked_and_no_repository_has_a_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trap, marker = tmp_path / "trap", tmp_path / "marker"
    trap.write_text(f"#!/bin/sh\necho run >> {marker}\necho password=x\n")
    trap.chmod(0o755)
    repository = Repository(tmp_path / "r")
    repository.git("config", "credential.helper", os.fspath(trap))
    repository.git("config", "core.askPass", os.fspath(trap))
    monkeypatch.chdir(repository.path)
    monkeypatch.setenv("GIT_DIR", os.fspath(repository.path / ".git"))
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, os.fspath(trap))
    assert login_for("gitea", "127.0.0.1") is None
    assert not marker.exists()


def test_what_a_helper_knows_is_what_a_host_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    with serving(
        {"/api/v1/orgs/acme": Reply({}), "/api/v1/orgs/acme/repos": Reply([gitea_repository(1, "acme/web")])}
    ) as host:
        script, secret = tmp_path / "helper", tmp_path / "secret"
        secret.write_text(token)
        script.write_text(HELPER.format(log=os.devnull, user="sam", secret=secret))
        script.chmod(0o755)
        (tmp_path / "gitconfig").write_text(f"[credential]\n\thelper = {script}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.fspath(tmp_path / "gitconfig"))
        assert listing(f"gitea:{host.base}/acme").names == ["acme/web"]
    assert all(authorization.startswith("Basic ") for _, authorization in host.asked)
