"""Groups with subgroups, and users, on GitLab."""

from __future__ import annotations

import warnings

import pytest

from keysweep.errors import InventoryError
from keysweep.repositories import Holds
from keysweep.sweep.inventory.filters import Filters
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import gitlab_group, gitlab_project, gitlab_snippet

API = "/api/v4"
GROUP = f"{API}/groups/acme"
PROJECTS, DEEPER, SECRET = (f"{API}/groups/{number}/projects" for number in (1, 2, 3))
Replies = dict[str, Reply | list[Reply]]
REPLIES: Replies = {
    GROUP: Reply(gitlab_group(1, "acme")),
    PROJECTS: Reply(
        [gitlab_project(10, "acme/web", wiki_access_level="enabled", snippets_access_level="private")],
        headers={"Link": f'<{{base}}{PROJECTS}?id_after=10&page=2>; rel="next"'},
    ),
    f"{PROJECTS}?id_after=10&page=2": Reply([gitlab_project(11, "acme/ios", archived=True, visibility="public")]),
    f"{API}/groups/1/descendant_groups": Reply([gitlab_group(2, "acme/deeper"), gitlab_group(3, "acme/secret")]),
    DEEPER: Reply([gitlab_project(12, "acme/deeper/down", forked_from_project={"id": 7, "name": "up"})]),
    SECRET: Reply([]),
    f"{API}/projects/10/snippets": Reply([gitlab_snippet(2, "acme/web")]),
}


def test_a_group_is_listed_with_its_subgroups_wikis_and_snippets(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    with serving(dict(REPLIES)) as host:
        where = host.base.removeprefix("http://")
        monkeypatch.setenv("GITLAB_TOKEN", token)
        monkeypatch.setenv("GITLAB_HOST", where)
        told = listing(f"gitlab:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/web/snippets/2", "acme/ios", "acme/deeper/down"]
    assert not told.problems
    web, wiki, snippet, ios, down = told.listed
    assert (web.url, wiki.url) == (f"{host.base}/acme/web.git", f"{host.base}/acme/web.wiki.git")
    assert (snippet.url, snippet.holds) == (f"{host.base}/acme/web/snippets/2.git", Holds.SNIPPET)
    assert (web.identity, down.fork_of) == (f"{where}/repository/10", f"{where}/repository/7")
    assert (ios.archived, ios.private, web.private) == (True, False, True)
    assert web.pushed is not None
    assert web.pushed.isoformat() == "2026-02-11T09:23:45.123000+00:00"
    assert {authorization for _, authorization in host.asked} == {f"Bearer {token}"}


def test_each_group_is_asked_for_its_own_projects_alone() -> None:
    with serving(dict(REPLIES)) as host:
        listing(f"gitlab:{host.base}/acme")
    first = [path for path, _ in host.asked if path.startswith((f"{PROJECTS}?", DEEPER)) and "page=2" not in path]
    assert len(first) == 2
    assert all("include_subgroups=false" in path and "with_shared=false" in path for path in first)


def test_a_token_of_gitlab_com_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", token)
    monkeypatch.setenv("KEYSWEEP_GITLAB_TOKEN", token)
    with serving(dict(REPLIES)) as host:
        listing(f"gitlab:{host.base}/acme")
    assert {authorization for _, authorization in host.asked} == {""}


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_subgroup_that_cannot_be_read_costs_only_itself(status: int) -> None:
    with serving(REPLIES | {DEEPER: Reply({"message": "no"}, status)}) as host:
        told = listing(f"gitlab:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/web/snippets/2", "acme/ios"]
    assert len(told.problems) == 1
    assert told.problems[0].startswith("the projects of acme/deeper cannot be listed: ")
    assert SECRET in host.paths


def test_subgroups_and_snippets_that_cannot_be_listed_are_told() -> None:
    refused = {f"{API}/groups/1/descendant_groups": Reply({}, 403), f"{API}/projects/10/snippets": Reply({}, 403)}
    with serving({**REPLIES, **refused}) as host:
        told = listing(f"gitlab:{host.base}/acme")
    assert told.names == ["acme/web", "acme/web.wiki", "acme/ios"]
    assert [each.partition(":")[0] for each in told.problems] == [
        "the snippets of acme/web cannot be listed",
        "not all subgroups are listed",
    ]


def test_nothing_is_asked_for_that_is_not_wanted() -> None:
    with serving(dict(REPLIES)) as host:
        told = listing(f"gitlab:{host.base}/acme", Filters(wikis=False, snippets=False))
    assert told.names == ["acme/web", "acme/ios", "acme/deeper/down"]
    assert f"{API}/projects/10/snippets" not in host.paths


def test_a_subgroup_by_itself_is_listed() -> None:
    with serving(
        {f"{API}/groups/acme%2Fdeeper": Reply(gitlab_group(2, "acme/deeper")), DEEPER: REPLIES[DEEPER]}
    ) as host:
        host.replies[f"{API}/groups/2/descendant_groups"] = Reply([])
        assert listing(f"gitlab:{host.base}/acme/deeper").names == ["acme/deeper/down"]


def test_a_user_is_listed_where_no_group_has_the_name() -> None:
    replies: Replies = {
        f"{API}/users": Reply([{"id": 5, "username": "sam", "name": "Sam", "state": "active"}]),
        f"{API}/users/5/projects": Reply([gitlab_project(20, "sam/notes")]),
    }
    with serving(replies) as host:
        assert listing(f"gitlab:{host.base}/sam").names == ["sam/notes"]


def test_neither_a_group_nor_a_user_is_an_error() -> None:
    with (
        serving({f"{API}/users": Reply([])}) as host,
        pytest.raises(InventoryError, match="there is no group and no user of that name"),
    ):
        listing(f"gitlab:{host.base}/nobody")


@pytest.mark.parametrize("content", [{"message": "hello"}, ["a", "b"], [["x"]], 7, None])
def test_a_list_that_is_none_is_told(content: object) -> None:
    with serving(REPLIES | {PROJECTS: Reply(content)}) as host:
        told = listing(f"gitlab:{host.base}/acme")
    assert told.names == ["acme/deeper/down"]
    assert told.problems
    assert all(each.startswith("the projects of acme") for each in told.problems)


def test_a_group_without_projects_of_its_own_that_cannot_be_read_is_told() -> None:
    with serving(REPLIES | {PROJECTS: Reply({}, 500)}) as host:
        told = listing(f"gitlab:{host.base}/acme")
    assert told.names == ["acme/deeper/down"]
    assert told.problems == ["the projects of acme cannot be listed: it failed with status 500, 3 times"]


@pytest.mark.parametrize("content", [["a"], "text", 7, None, {"id": None}])
def test_a_group_that_is_none_is_an_error(content: object) -> None:
    with serving(REPLIES | {GROUP: Reply(content)}) as host, pytest.raises(InventoryError):
        listing(f"gitlab:{host.base}/acme")


def test_a_next_page_elsewhere_gets_no_request_and_no_warning() -> None:
    with serving({}) as other, serving(dict(REPLIES), other.base) as host, warnings.catch_warnings():
        warnings.simplefilter("error")
        link = {"Link": '<{other}/api/v4/groups/1/projects?page=2>; rel="next"'}
        host.replies[PROJECTS] = Reply([gitlab_project(10, "acme/web")], headers=link)
        told = listing(f"gitlab:{host.base}/acme")
    assert told.problems == [
        "the projects of acme cannot be listed: its link to the next page leads to another host or protocol"
    ]
    assert not other.asked
