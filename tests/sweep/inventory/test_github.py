"""Organisations and users of GitHub Enterprise, page by page, whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keysweep.errors import InventoryError
from keysweep.repositories import Holds
from keysweep.sweep.inventory.filters import Filters
from keysweep.sweep.inventory.github import api
from keysweep.sweep.inventory.targets import target
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import github_account, github_gist, github_repository

ORG = "/api/v3/users/acme"
LIST = "/api/v3/orgs/acme/repos"
LINK = '<{base}/api/v3/organizations/9919/repos?page=2>; rel="next", <{base}/api/v3/organizations/9919/repos?page=2>; rel="last"'
PAGES: dict[str, Reply | list[Reply]] = {
    ORG: Reply(github_account()),
    LIST: Reply(
        [
            github_repository(1, "acme/web", has_wiki=True, private=True, fork=True),
            github_repository(2, "acme/old", archived=True),
        ],
        headers={"Link": LINK},
    ),
    "/api/v3/organizations/9919/repos?page=2": Reply([github_repository(3, "acme/last")]),
}


def test_an_organisation_is_listed_over_all_its_pages_with_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)
    with serving(dict(PAGES)) as host:
        told = listing(f"github:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/old", "acme/last"]
    assert told.progress == [1, 2, 3, 4]
    assert not told.problems
    web, wiki, old, _ = told.listed
    where = host.base.removeprefix("http://")
    assert (web.identity, wiki.identity) == (f"{where}/repository/1", f"{where}/repository/1/wiki")
    assert (web.url, wiki.url) == (f"{host.base}/acme/web.git", f"{host.base}/acme/web.wiki.git")
    assert (web.size_bytes, web.private, web.fork_of, web.topics) == (108 * 1024, True, "", ("octocat", "api"))
    assert web.pushed == datetime(2026, 1, 26, 19, 6, 43, tzinfo=UTC)
    assert (old.archived, wiki.holds, wiki.private) == (True, Holds.WIKI, True)
    assert {authorization for _, authorization in host.asked} == {f"Bearer {token}"}


def test_where_the_api_is() -> None:
    assert api(target("github:acme")) == "https://api.github.com"
    assert api(target("github:https://acme.ghe.com/org")) == "https://api.acme.ghe.com"
    assert api(target("github:https://ghe.example.com/org")) == "https://ghe.example.com/api/v3"


def test_no_row_is_asked_for_again_although_fields_are_missing() -> None:
    row = {"id": 4, "full_name": "acme/bare", "clone_url": "{base}/acme/bare.git"}
    with serving({ORG: Reply(github_account()), LIST: Reply([row])}) as host:
        (bare,) = listing(f"github:{host.base}/acme").listed
    assert (bare.size_bytes, bare.pushed, bare.private, bare.topics) == (None, None, None, ())
    assert len(host.asked) == 2


@pytest.mark.parametrize("has_token", [True, False])
def test_somebody_elses_repositories_and_gists_are_listed(
    monkeypatch: pytest.MonkeyPatch, token: str, has_token: bool
) -> None:
    if has_token:
        monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)
    replies: dict[str, Reply | list[Reply]] = {
        "/api/v3/users/sam": Reply(github_account("User", "sam")),
        "/api/v3/user": Reply(github_account("User", "me") | {"id": 7}),
        "/api/v3/users/sam/repos": Reply([github_repository(5, "sam/dotfiles")]),
        "/api/v3/users/sam/gists": Reply([github_gist("aa5a315d61ae9438b18d")]),
    }
    with serving(replies) as host:
        told = listing(f"github:{host.base}/sam")
    assert told.names == ["sam/dotfiles", "sam/aa5a315d61ae9438b18d"]
    assert ("/api/v3/user" in host.paths) == has_token
    gist = told.listed[1]
    assert (gist.holds, gist.private, gist.size_bytes) == (Holds.SNIPPET, False, 167)
    assert not told.problems


def test_ones_own_private_repositories_and_gists_are_listed(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)
    replies: dict[str, Reply | list[Reply]] = {
        "/api/v3/users/sam": Reply(github_account("User", "sam")),
        "/api/v3/user": Reply(github_account("User", "Sam")),
        "/api/v3/user/repos": Reply([github_repository(6, "sam/diary", private=True)]),
        "/api/v3/gists": Reply([github_gist("bb", public=False)]),
    }
    with serving(replies) as host:
        told = listing(f"github:{host.base}/sam")
    assert [each.private for each in told.listed] == [True, True]


def test_gists_that_may_not_be_read_are_told_and_cost_nothing_else() -> None:
    replies: dict[str, Reply | list[Reply]] = {
        "/api/v3/users/sam": Reply(github_account("User", "sam")),
        "/api/v3/users/sam/repos": Reply([github_repository(5, "sam/dotfiles")]),
        "/api/v3/users/sam/gists": Reply({"message": "Resource not accessible"}, 403),
    }
    with serving(replies) as host:
        told = listing(f"github:{host.base}/sam")
        assert told.names == ["sam/dotfiles"]
        assert told.problems == ["the gists cannot be listed: it cannot be read without a token"]
        assert not listing(f"github:{host.base}/sam", Filters(snippets=False)).problems


def test_a_renamed_organisation_is_followed_on_its_host() -> None:
    moved = {"message": "Moved Permanently", "url": "{base}/api/v3/user/9919"}
    replies = dict(PAGES) | {
        ORG: Reply(moved, 301, {"Location": "{base}/api/v3/user/9919"}),
        "/api/v3/user/9919": Reply(github_account(login="acme-inc")),
        LIST: Reply({}, 404),
        "/api/v3/orgs/acme-inc/repos": Reply([github_repository(3, "acme-inc/last")]),
    }
    with serving(replies) as host:
        assert listing(f"github:{host.base}/acme").names == ["acme-inc/last"]


def test_an_organisation_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)
    with serving({}) as host, pytest.raises(InventoryError) as raised:
        listing(f"github:{host.base}/acme")
    assert str(raised.value) == (
        f"github:{host.base}/acme cannot be listed: there is no such thing, or the token of GH_ENTERPRISE_TOKEN may "
        "not see it."
    )


def test_a_token_without_single_sign_on_is_told_apart(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", token)
    refused = Reply(
        {"message": "Resource protected by organization SAML enforcement."}, 403, {"X-GitHub-SSO": "required"}
    )
    with (
        serving({ORG: Reply(github_account()), LIST: refused}) as host,
        pytest.raises(InventoryError, match="not authorised for the single sign-on"),
    ):
        listing(f"github:{host.base}/acme")


def test_a_page_that_stays_broken_ends_the_list_and_is_told() -> None:
    broken = dict(PAGES) | {"/api/v3/organizations/9919/repos?page=2": Reply({"message": "Server Error"}, 502)}
    with serving(broken) as host:
        told = listing(f"github:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/old"]
    assert told.problems == [
        "the repositories are listed only in part, because of the host: it failed with status 502, 3 times"
    ]
