"""What the APIs answer, in the shapes that their documentation shows, with names of nobody."""

from __future__ import annotations

from typing import Any


def github_account(kind: str = "Organization", login: str = "acme") -> dict[str, Any]:
    return {
        "login": login,
        "id": 9919,
        "node_id": "MDEyOk9yZ2FuaXphdGlvbjk5MTk=",
        "avatar_url": "{base}/avatars/u/9919?v=4",
        "url": "{base}/api/v3/users/" + login,
        "html_url": "{base}/" + login,
        "repos_url": "{base}/api/v3/users/" + login + "/repos",
        "type": kind,
        "site_admin": False,
        "public_repos": 3,
    }


def github_repository(number: int, name: str, **changes: object) -> dict[str, Any]:
    owner, _, short = name.partition("/")
    return {
        "id": number,
        "node_id": "MDEwOlJlcG9zaXRvcnkxMjk2MjY5",
        "name": short,
        "full_name": name,
        "owner": github_account(login=owner),
        "private": False,
        "html_url": "{base}/" + name,
        "description": "This your first repo!",
        "fork": False,
        "url": "{base}/api/v3/repos/" + name,
        "git_url": "git://127.0.0.1/" + name + ".git",
        "ssh_url": "git@127.0.0.1:" + name + ".git",
        "clone_url": "{base}/" + name + ".git",
        "homepage": None,
        "language": None,
        "size": 108,
        "default_branch": "main",
        "is_template": False,
        "topics": ["octocat", "api"],
        "has_issues": True,
        "has_wiki": False,
        "archived": False,
        "disabled": False,
        "visibility": "public",
        "pushed_at": "2026-01-26T19:06:43Z",
        "created_at": "2021-01-26T19:01:12Z",
        "updated_at": "2026-01-26T19:14:43Z",
        "permissions": {"admin": False, "push": False, "pull": True},
        **changes,
    }


def github_gist(identity: str, **changes: object) -> dict[str, Any]:
    return {
        "url": "{base}/api/v3/gists/" + identity,
        "id": identity,
        "git_pull_url": "{base}/gist/" + identity + ".git",
        "html_url": "{base}/gist/" + identity,
        "files": {"hello.py": {"filename": "hello.py", "type": "application/x-python", "size": 167}},
        "public": True,
        "created_at": "2020-04-20T14:00:00Z",
        "updated_at": "2024-03-08T23:23:56Z",
        "description": "a gist",
        "owner": {"login": "sam", "id": 1, "type": "User"},
        **changes,
    }


def gitlab_group(number: int, path: str) -> dict[str, Any]:
    return {
        "id": number,
        "name": path.rpartition("/")[2],
        "path": path.rpartition("/")[2],
        "full_path": path,
        "visibility": "private",
        "web_url": "{base}/groups/" + path,
        "parent_id": None,
        "created_at": "2020-01-15T12:36:29.590Z",
    }


def gitlab_project(number: int, path: str, **changes: object) -> dict[str, Any]:
    return {
        "id": number,
        "description": None,
        "name": path.rpartition("/")[2],
        "name_with_namespace": path.replace("/", " / "),
        "path": path.rpartition("/")[2],
        "path_with_namespace": path,
        "created_at": "2013-09-30T13:46:02Z",
        "default_branch": "main",
        "topics": ["ios"],
        "ssh_url_to_repo": "git@127.0.0.1:" + path + ".git",
        "http_url_to_repo": "{base}/" + path + ".git",
        "web_url": "{base}/" + path,
        "last_activity_at": "2026-02-11T11:23:45.123+02:00",
        "visibility": "internal",
        "archived": False,
        "wiki_enabled": False,
        "wiki_access_level": "disabled",
        "snippets_enabled": False,
        "snippets_access_level": "disabled",
        **changes,
    }


def gitlab_snippet(number: int, project: str) -> dict[str, Any]:
    return {
        "id": number,
        "title": "test",
        "file_name": "add.rb",
        "visibility": "private",
        "author": {"id": 1, "username": "sam"},
        "updated_at": "2022-06-28T10:52:04Z",
        "web_url": "{base}/" + project + f"/-/snippets/{number}",
        "http_url_to_repo": "{base}/" + project + f"/snippets/{number}.git",
        "ssh_url_to_repo": "git@127.0.0.1:" + project + f"/snippets/{number}.git",
    }


def bitbucket_repository(uuid: str, name: str, **changes: object) -> dict[str, Any]:
    return {
        "type": "repository",
        "uuid": uuid,
        "full_name": name,
        "is_private": True,
        "scm": "git",
        "name": name.rpartition("/")[2],
        "size": 2174,
        "language": "",
        "created_on": "2020-05-14T15:12:31.123456+00:00",
        "updated_on": "2026-05-14T15:12:31.123456+00:00",
        "has_wiki": False,
        "mainbranch": {"type": "branch", "name": "main"},
        "links": {
            "html": {"href": "{base}/" + name},
            "clone": [
                {"name": "https", "href": "{base}/" + name + ".git"},
                {"name": "ssh", "href": "git@127.0.0.1:" + name + ".git"},
            ],
        },
        **changes,
    }


def bitbucket_snippet(identity: str) -> dict[str, Any]:
    return {
        "type": "snippet",
        "id": identity,
        "title": "a snippet",
        "scm": "git",
        "is_private": True,
        "updated_on": "2025-05-14T15:12:31.123456+00:00",
        "links": {
            "html": {"href": "{base}/snippets/acme/" + identity},
            "clone": [{"name": "https", "href": "{base}/snippets/acme/" + identity + ".git"}],
        },
    }


def gitea_repository(number: int, name: str, **changes: object) -> dict[str, Any]:
    return {
        "id": number,
        "owner": {"id": 3, "login": name.partition("/")[0]},
        "name": name.partition("/")[2],
        "full_name": name,
        "description": "",
        "empty": False,
        "private": True,
        "fork": False,
        "template": False,
        "parent": None,
        "mirror": False,
        "size": 25,
        "html_url": "{base}/" + name,
        "ssh_url": "git@127.0.0.1:" + name + ".git",
        "clone_url": "{base}/" + name + ".git",
        "default_branch": "main",
        "archived": False,
        "created_at": "2024-11-10T20:48:00Z",
        "updated_at": "2026-01-10T20:48:00+01:00",
        "has_wiki": False,
        "topics": [],
        **changes,
    }


def azure_project(identity: str, name: str) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "url": "{base}/acme/_apis/projects/" + identity,
        "state": "wellFormed",
        "revision": 411,
        "visibility": "private",
        "lastUpdateTime": "2024-04-04T07:15:42.283Z",
    }


def azure_repository(identity: str, project: str, name: str, **changes: object) -> dict[str, Any]:
    quoted = project.replace(" ", "%20")
    return {
        "id": identity,
        "name": name,
        "url": "{base}/acme/_apis/git/repositories/" + identity,
        "project": {"id": "6ce954b1", "name": project, "state": "wellFormed"},
        "defaultBranch": "refs/heads/main",
        "size": 728,
        "remoteUrl": "http://acme@127.0.0.1/acme/" + quoted + "/_git/" + name,
        "sshUrl": "git@ssh.dev.azure.com:v3/acme/" + quoted + "/" + name,
        "webUrl": "{base}/acme/" + quoted + "/_git/" + name,
        "isDisabled": False,
        **changes,
    }


def azure_wiki(project: str) -> dict[str, Any]:
    return {
        "id": "6cc6b6a5",
        "versions": [{"version": "wikiMaster"}],
        "url": "{base}/acme/_apis/wiki/wikis/6cc6b6a5",
        "remoteUrl": "{base}/acme/" + project + "/_wiki/wikis/6cc6b6a5",
        "type": "projectWiki",
        "name": project + ".wiki",
        "projectId": "6ce954b1",
        "repositoryId": "6cc6b6a5",
        "mappedPath": "/",
    }
