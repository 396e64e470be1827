"""What the places where repositories are hosted keep of a history that was rewritten, from their documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from keysweep.frozen import frozen


@frozen
class Host:
    """A kind of host, and what has to be done there after the push."""

    name: str
    tells: str
    """What its addresses have in them."""
    kept: str
    """Refs that it lets nobody push to."""
    steps: tuple[str, ...]
    forks: str
    """How to list the forks."""


HOSTS = (
    Host(
        "GitHub",
        "github",
        "refs/pull/",
        (
            (
                "Refs of pull requests (refs/pull/*) cannot be pushed to: that the push reports them as "
                "refused is right."
            ),
            (
                "Views of old commits stay reachable by their IDs. Ask support to dereference the pull "
                "requests, to run a garbage collection and to drop cached views; they want the repository, the "
                "number of pull requests (`grep -c '^refs/pull/.*/head$' filter-repo/changed-refs` in the "
                "mirror), and the first changed commits, which git filter-repo prints."
            ),
            (
                "A fork shares the objects of its network: as long as one fork has a commit, every repository "
                "of the network shows it by its ID."
            ),
        ),
        "gh api --paginate repos/OWNER/NAME/forks --jq '.[].full_name'",
    ),
    Host(
        "GitLab",
        "gitlab",
        "refs/merge-requests/",
        (
            (
                "Protected branches refuse a forced push until you allow it in Settings, Repository, Protected "
                "branches."
            ),
            (
                "A push alone is not enough: GitLab keeps contents in its database and refs of its own "
                "(refs/merge-requests/*, refs/keep-around/*, refs/pipelines/*). An owner runs Settings, "
                "Repository, Repository maintenance, and there Remove blobs, with the IDs of the blobs; older "
                "versions have Repository cleanup instead, which takes filter-repo/commit-map of the mirror."
            ),
            "Then Settings, General, Advanced, Housekeeping, and there Prune unreachable objects.",
        ),
        "curl --header 'PRIVATE-TOKEN: ...' 'https://HOST/api/v4/projects/ID/forks'",
    ),
    Host(
        "Bitbucket",
        "bitbucket",
        "refs/pull-requests/",
        (
            "Branch restrictions may refuse a forced push: lift them for it.",
            (
                "Old commits stay reachable by their IDs until the repository is collected: on Bitbucket Cloud "
                "ask support for that; on Data Center an administrator runs git gc --prune=now in its "
                "directory."
            ),
        ),
        "curl --user NAME 'https://api.bitbucket.org/2.0/repositories/WORKSPACE/NAME/forks'",
    ),
    Host(
        "Gitea or Forgejo",
        "gitea forgejo codeberg",
        "refs/pull/",
        (
            "Branch protection may refuse a forced push: lift it for it.",
            (
                "Refs of pull requests (refs/pull/*) keep old commits: an administrator deletes them in the "
                "directory of the repository, and runs there git reflog expire --expire=now --all and git gc "
                "--prune=now."
            ),
        ),
        "curl 'https://HOST/api/v1/repos/OWNER/NAME/forks'",
    ),
)
ANY = Host(
    "The host",
    "",
    "",
    (
        (
            "Refs that the host keeps for itself (of pull or merge requests, for instance) hold the old "
            "commits: whoever runs it has to delete them, and to run git reflog expire --expire=now --all and "
            "git gc --prune=now there."
        ),
        "What it shows of old commits from a cache goes only where its administrators see to it: ask them.",
    ),
    "",
)


def host_of(addresses: Iterable[str]) -> Host:
    """The kind of host that one of some addresses names, or any."""
    for address in addresses:
        named = re.sub(r"\A[a-z+]+://", "", address.lower()).partition("@")[2] or address.lower()
        server = re.split(r"[:/]", re.sub(r"\A[a-z+]+://", "", named), maxsplit=1)[0]
        for host in HOSTS:
            if any(word in server for word in host.tells.split()):
                return host
    return ANY
