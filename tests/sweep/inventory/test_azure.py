"""Collections and projects of Azure DevOps."""

from __future__ import annotations

import base64

import pytest

from keysweep.errors import InventoryError
from keysweep.repositories import Holds
from tests.sweep.inventory.host import Reply, listing, serving
from tests.sweep.inventory.shapes import azure_project, azure_repository, azure_wiki

PROJECTS = "/acme/_apis/projects"
REPLIES: dict[str, Reply | list[Reply]] = {
    PROJECTS: [
        Reply(
            {"count": 1, "value": [azure_project("p1", "Fabrikam Fiber")]}, headers={"x-ms-continuationtoken": "7"}
        ),
        Reply({"count": 1, "value": [azure_project("p2", "Secret")]}),
    ],
    "/acme/p1/_apis/git/repositories": Reply(
        {
            "count": 2,
            "value": [
                azure_repository("r1", "Fabrikam Fiber", "web"),
                azure_repository("r2", "Fabrikam Fiber", "off", isDisabled=True, isFork=True),
            ],
        }
    ),
    "/acme/p1/_apis/wiki/wikis": Reply(
        {
            "count": 2,
            "value": [azure_wiki("Fabrikam Fiber"), {"type": "codeWiki", "name": "docs", "repositoryId": "r1"}],
        }
    ),
    "/acme/p2/_apis/git/repositories": Reply({"count": 1, "value": [azure_repository("r3", "Secret", "app")]}),
    "/acme/p2/_apis/wiki/wikis": Reply({"count": 0, "value": []}),
}


def replies(**changes: Reply) -> dict[str, Reply | list[Reply]]:
    fresh = {path: list(each) if isinstance(each, list) else each for path, each in REPLIES.items()}
    return {**fresh, **changes}


def test_a_collection_is_listed_project_by_project(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    with serving(replies()) as host:
        monkeypatch.setenv("KEYSWEEP_AZURE_TOKEN", token)
        monkeypatch.setenv("KEYSWEEP_AZURE_HOST", host.base)
        told = listing(f"azure:{host.base}/acme")
    assert told.names == [
        "Fabrikam Fiber/web",
        "Fabrikam Fiber/off",
        "Fabrikam Fiber/Fabrikam Fiber.wiki",
        "Secret/app",
    ]
    assert not told.problems
    web, off, wiki, _ = told.listed
    assert web.url == f"{host.base}/acme/Fabrikam%20Fiber/_git/web"
    assert (wiki.url, wiki.holds) == (f"{host.base}/acme/Fabrikam%20Fiber/_git/Fabrikam%20Fiber.wiki", Holds.WIKI)
    assert (off.archived, off.fork_of, web.private, web.default_branch) == (True, "", True, "main")
    expected = base64.b64encode(f":{token}".encode()).decode()
    assert {authorization for _, authorization in host.asked} == {f"Basic {expected}"}
    assert any("continuationToken=7" in path for path, _ in host.asked)


def test_a_project_that_may_not_be_read_costs_only_itself() -> None:
    with serving(replies(**{"/acme/p1/_apis/git/repositories": Reply({}, 403)})) as host:
        told = listing(f"azure:{host.base}/acme")
    assert told.names == ["Secret/app"]
    assert told.problems == [
        "the repositories of Fabrikam Fiber cannot be listed: it cannot be read without a token"
    ]


def test_a_wiki_that_may_not_be_read_is_told() -> None:
    with serving(replies(**{"/acme/p1/_apis/wiki/wikis": Reply({}, 401)})) as host:
        told = listing(f"azure:{host.base}/acme")
    assert len(told.listed) == 3
    assert told.problems[0].startswith("the wiki of Fabrikam Fiber cannot be listed: it wants a token")


@pytest.mark.parametrize(
    "answer",
    [
        Reply(b"<html>Sign in</html>", 203, {"Content-Type": "text/html"}),
        Reply(b"", 401),
        Reply(b"<html>", 302, {"Location": "https://spsprodeus1.vssps.visualstudio.com/_signin"}),
    ],
    ids=["page", "status", "redirect"],
)
def test_an_expired_token_is_an_error(monkeypatch: pytest.MonkeyPatch, token: str, answer: Reply) -> None:
    with serving({PROJECTS: answer}) as host:
        monkeypatch.setenv("KEYSWEEP_AZURE_TOKEN", token)
        monkeypatch.setenv("KEYSWEEP_AZURE_HOST", host.base)
        with pytest.raises(
            InventoryError, match=r"KEYSWEEP_AZURE_TOKEN is wrong or has expired|leads to another host"
        ):
            listing(f"azure:{host.base}/acme")


def test_a_continuation_that_repeats_ends() -> None:
    again = Reply({"value": [azure_project("p2", "Secret")]}, headers={"x-ms-continuationtoken": "7"})
    with serving(replies(**{PROJECTS: again})) as host:
        told = listing(f"azure:{host.base}/acme")
    assert told.names == ["Secret/app"]
    assert told.problems


@pytest.mark.parametrize("project", [None, {}, {"id": "../../x"}, {"name": "a"}, "text"])
def test_a_project_that_is_none_is_told(project: object) -> None:
    with serving(replies(**{PROJECTS: Reply({"value": [project, azure_project("p2", "Secret")]})})) as host:
        told = listing(f"azure:{host.base}/acme")
    assert told.names == ["Secret/app"]
    assert len(told.problems) == 1


@pytest.mark.parametrize("url", ["https://evil.example/_git/web", "{base}@evil.example/_git/web", None, 7])
def test_a_repository_elsewhere_is_told_and_left_out(url: object) -> None:
    rows = [azure_repository("r8", "Secret", "bad", webUrl=url), azure_repository("r9", "Secret", "good")]
    with serving(replies(**{"/acme/p2/_apis/git/repositories": Reply({"value": rows})})) as host:
        told = listing(f"azure:{host.base}/acme")
    assert told.names[-1] == "Secret/good"
    assert len(told.listed) == 4
    assert len(told.problems) == 1
    assert told.problems[0].startswith("the repositories of Secret: a repository was listed with")
