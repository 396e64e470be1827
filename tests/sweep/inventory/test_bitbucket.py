"""Workspaces of Bitbucket, asked on this machine instead of at bitbucket.org."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from keysweep.errors import InventoryError
from keysweep.repositories import Holds
from keysweep.sweep import tokens
from keysweep.sweep.inventory.bitbucket import api
from keysweep.sweep.inventory.targets import Kind, Target, target
from tests.sweep.inventory.host import Host, Reply, listing, serving
from tests.sweep.inventory.shapes import bitbucket_repository, bitbucket_snippet

LIST, SNIPPETS = "/2.0/repositories/acme", "/2.0/snippets/acme"
LINKS = bitbucket_repository("{3}", "acme/web")["links"]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """bitbucket.org, as far as tokens know."""
    with serving({}) as host:
        where = host.base.removeprefix("http://")
        monkeypatch.setitem(
            tokens.VARIABLES,
            "bitbucket",
            tuple(
                tokens.Variable(each.name, where, each.told_by, each.users, each.user)
                for each in tokens.VARIABLES["bitbucket"]
            ),
        )
        clone = [{"name": "https", "href": f"http://sam@{where}/acme/web.git"}]
        host.replies |= {
            LIST: Reply(
                {
                    "pagelen": 1,
                    "values": [
                        bitbucket_repository("{a1}", "acme/web", has_wiki=True, links=LINKS | {"clone": clone})
                    ],
                    "next": "{base}/2.0/repositories/acme?page=2",
                }
            ),
            f"{LIST}?page=2": Reply(
                {
                    "values": [
                        bitbucket_repository("{a2}", "acme/fork", parent={"uuid": "{b}", "full_name": "up/x"})
                    ]
                }
            ),
            SNIPPETS: Reply({"values": [bitbucket_snippet("kypj")]}),
        }
        yield host


def workspace(host: Host) -> Target:
    return Target(Kind.BITBUCKET, host.base, "acme")


def test_a_workspace_is_listed_over_all_its_pages_without_the_name_of_the_user(
    host: Host, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("BITBUCKET_TOKEN", token)
    told = listing(workspace(host))
    assert told.names == ["acme/web", "acme/web.wiki", "acme/fork", "acme/snippets/kypj"]
    assert not told.problems
    web, wiki, fork, snippet = told.listed
    assert (web.url, wiki.url) == (f"{host.base}/acme/web.git", f"{host.base}/acme/web.git/wiki")
    assert (web.size_bytes, web.private, web.default_branch) == (2174, True, "main")
    where = host.base.removeprefix("http://")
    assert (web.identity, fork.fork_of) == (f"{where}/repository/{{a1}}", f"{where}/repository/{{b}}")
    assert snippet.holds is Holds.SNIPPET
    assert {authorization for _, authorization in host.asked} == {f"Bearer {token}"}


def test_an_api_token_goes_with_the_address_of_its_user(
    host: Host, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("BITBUCKET_API_TOKEN", token)
    monkeypatch.setenv("BITBUCKET_EMAIL", "sam@example.net")
    listing(workspace(host))
    expected = base64.b64encode(f"sam@example.net:{token}".encode()).decode()
    assert {authorization for _, authorization in host.asked} == {f"Basic {expected}"}


def test_snippets_that_may_not_be_read_are_told(host: Host) -> None:
    host.replies[SNIPPETS] = Reply({"type": "error"}, 403)
    told = listing(workspace(host))
    assert told.problems == ["the snippets cannot be listed: it cannot be read without a token"]
    assert len(told.listed) == 3


@pytest.mark.parametrize(
    "following", ["{other}/2.0/x", "{base}.evil.example/", "nonsense", "//evil.example/", "http://[::1"]
)
def test_a_next_page_elsewhere_gets_no_request(host: Host, following: str) -> None:
    with serving({}) as other:
        host.other = other.base
        host.replies[LIST] = Reply({"values": [bitbucket_repository("{a}", "acme/web")], "next": following})
        told = listing(workspace(host))
    assert told.names == ["acme/web", "acme/snippets/kypj"]
    assert len(told.problems) == 1
    assert told.problems[0].startswith("the repositories are listed only in part, because of the host")
    assert not other.asked


@pytest.mark.parametrize("following", [7, ["x"], "x" * 9999])
def test_a_next_page_that_is_none_is_told(host: Host, following: object) -> None:
    host.replies[LIST] = Reply({"values": [bitbucket_repository("{a}", "acme/web")], "next": following})
    assert "cannot be read" in listing(workspace(host)).problems[0]


def test_no_such_workspace_is_an_error(host: Host) -> None:
    host.replies.clear()
    with pytest.raises(InventoryError, match="cannot be listed: there is no such thing"):
        listing(workspace(host))


@pytest.mark.parametrize(
    "clone",
    [
        None,
        [],
        "x",
        [{"name": "ssh", "href": "git@x:y"}],
        [{"name": "https", "href": "https://sam:word@bitbucket.org/x"}],
    ],
)
def test_a_repository_without_an_address_is_told(host: Host, clone: object) -> None:
    row = bitbucket_repository("{a}", "acme/bad", links={"clone": clone})
    host.replies[LIST] = Reply({"values": [row, bitbucket_repository("{b}", "acme/good")]})
    told = listing(workspace(host))
    assert told.names == ["acme/good", "acme/snippets/kypj"]
    assert len(told.problems) == 1


def test_where_the_api_is() -> None:
    assert api(target("bitbucket:acme")) == "https://api.bitbucket.org/2.0"
