"""Organisations and users on Gitea and Forgejo."""

from __future__ import annotations

import pytest

from keysweep.errors import InventoryError
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import gitea_repository

API = "/api/v1"
REPLIES: dict[str, Reply | list[Reply]] = {
    f"{API}/orgs/acme": Reply({"id": 3, "name": "acme", "username": "acme", "visibility": "private"}),
    f"{API}/orgs/acme/repos?limit=50": Reply(
        [gitea_repository(1, "acme/web", has_wiki=True)],
        headers={"Link": f'<{{base}}{API}/orgs/acme/repos?limit=50&page=2>; rel="next"', "X-Total-Count": "2"},
    ),
    f"{API}/orgs/acme/repos?limit=50&page=2": Reply(
        [gitea_repository(2, "acme/fork", fork=True, parent=gitea_repository(9, "up/stream"), archived=True)]
    ),
}


@pytest.mark.parametrize(("kind", "variable"), [("gitea", "GITEA_TOKEN"), ("forgejo", "FORGEJO_TOKEN")])
def test_an_organisation_is_listed_over_all_its_pages(
    monkeypatch: pytest.MonkeyPatch, token: str, kind: str, variable: str
) -> None:
    monkeypatch.setenv(variable, token)
    with serving(dict(REPLIES)) as host:
        told = listing(f"{kind}:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/fork"]
    assert not told.problems
    web, wiki, fork = told.listed
    assert (web.size_bytes, web.private, wiki.url) == (25 * 1024, True, f"{host.base}/acme/web.wiki.git")
    assert (fork.fork_of, fork.archived) == (f"{host.base.removeprefix('http://')}/repository/9", True)
    assert {authorization for _, authorization in host.asked} == {f"token {token}"}


def test_an_installation_below_a_path_is_asked_there() -> None:
    replies: dict[str, Reply | list[Reply]] = {
        f"/git{API}/orgs/acme": Reply({"id": 3}),
        f"/git{API}/orgs/acme/repos": Reply([gitea_repository(1, "acme/web")]),
    }
    with serving(replies) as host:
        assert listing(f"gitea:{host.base}/git/acme").names == ["acme/web"]


def test_a_user_is_listed_where_no_organisation_has_the_name() -> None:
    with serving({f"{API}/users/sam/repos": Reply([gitea_repository(4, "sam/notes")])}) as host:
        assert listing(f"gitea:{host.base}/sam").names == ["sam/notes"]


def test_nobody_of_that_name_is_an_error() -> None:
    with serving({}) as host, pytest.raises(InventoryError, match="there is no such thing"):
        listing(f"gitea:{host.base}/nobody")


def test_an_expired_token_is_an_error(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GITEA_TOKEN", token)
    with (
        serving({f"{API}/orgs/acme": Reply({"message": "token is required"}, 401)}) as host,
        pytest.raises(InventoryError, match="the token of GITEA_TOKEN is wrong or has expired"),
    ):
        listing(f"gitea:{host.base}/acme")
