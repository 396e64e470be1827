"""Which token goes to which host: from the environment or a credential helper of git, never from arguments.

A token goes to the one host that it is for. Which one that is, its variable says: most belong to the public host
of their kind, and a second variable beside them can name another host.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from keysweep import git
from keysweep.errors import UsageError
from keysweep.findings import Secret
from keysweep.frozen import frozen

_BY_HOST = "KEYSWEEP_TOKEN_"
_USERS = {
    "github": "x-access-token",
    "gitlab": "oauth2",
    "bitbucket": "x-token-auth",
    "gitea": "oauth2",
    "forgejo": "oauth2",
    "azure": "pat",
}
"""The user name that each kind of host expects beside a token, when git asks."""
PUBLIC_HOSTS = {
    "github": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket": "bitbucket.org",
    "azure": "dev.azure.com",
}


@frozen
class Login:
    """A user and a secret for one host."""

    host: str
    user: str
    """Whom git says that it is; hosts that take a token want a name of theirs here."""
    secret: Secret
    origin: str
    """Where it came from, for people: the name of a variable, or git's credential helper."""
    api_user: str = ""
    """Whom requests to the API say that they are by, where that takes a name beside the secret."""


@frozen
class Variable:
    """A variable of the environment that may hold a token, and the host that it is for."""

    name: str
    host: str = ""
    """Empty where it is for a host of one's own, whichever that is."""
    told_by: tuple[str, ...] = ()
    """Variables that name its host, by address or name; the first one that is set holds."""
    users: tuple[str, ...] = ()
    """Variables with the user name that the API takes beside it; without any of them it is a token alone."""
    user: str = ""
    """Whom git says that it is, if not what is usual for this kind of host."""


VARIABLES: dict[str, tuple[Variable, ...]] = {
    "github": (
        Variable("KEYSWEEP_GITHUB_TOKEN", "github.com", ("KEYSWEEP_GITHUB_HOST",)),
        Variable("GH_TOKEN", "github.com"),
        Variable("GITHUB_TOKEN", "github.com", ("GITHUB_SERVER_URL",)),
        Variable("GH_ENTERPRISE_TOKEN", "", ("GH_HOST",)),
        Variable("GITHUB_ENTERPRISE_TOKEN", "", ("GH_HOST",)),
    ),
    "gitlab": (
        Variable("KEYSWEEP_GITLAB_TOKEN", "gitlab.com", ("KEYSWEEP_GITLAB_HOST",)),
        Variable("GITLAB_TOKEN", "gitlab.com", ("GITLAB_HOST", "CI_SERVER_URL")),
    ),
    "bitbucket": (
        Variable("KEYSWEEP_BITBUCKET_TOKEN", "bitbucket.org"),
        Variable("BITBUCKET_TOKEN", "bitbucket.org"),
        Variable(
            "BITBUCKET_API_TOKEN",
            "bitbucket.org",
            users=("KEYSWEEP_BITBUCKET_USER", "BITBUCKET_EMAIL"),
            user="x-bitbucket-api-token-auth",
        ),
        Variable(
            "BITBUCKET_APP_PASSWORD",
            "bitbucket.org",
            users=("KEYSWEEP_BITBUCKET_USER", "BITBUCKET_USERNAME"),
        ),
    ),
    "gitea": (
        Variable("KEYSWEEP_GITEA_TOKEN", "", ("KEYSWEEP_GITEA_HOST",)),
        Variable("GITEA_TOKEN", "", ("GITEA_SERVER_URL",)),
    ),
    "forgejo": (
        Variable("KEYSWEEP_FORGEJO_TOKEN", "", ("KEYSWEEP_FORGEJO_HOST",)),
        Variable("FORGEJO_TOKEN", "", ("FORGEJO_SERVER_URL",)),
    ),
    "azure": (
        Variable("KEYSWEEP_AZURE_TOKEN", "dev.azure.com", ("KEYSWEEP_AZURE_HOST",)),
        Variable("AZURE_DEVOPS_EXT_PAT", "dev.azure.com"),
        Variable("SYSTEM_ACCESSTOKEN", "dev.azure.com", ("SYSTEM_COLLECTIONURI",)),
    ),
}
"""By kind of host, in the order in which they are looked at."""


def login_for(kind: str, host: str) -> Login | None:
    """The login for `host`, which may name a port; None if there is none.

    `kind` is the kind of host, as in a target; one that is not known has only what is set for the host by its
    name, and what a credential helper of git answers. Raises UsageError for a token that cannot be one.
    """
    host = host.lower()
    account = host.removeprefix("gist.") if kind == "github" else host
    named = f"{_BY_HOST}{account.replace('-', '__').replace('.', '_').replace(':', '_').upper()}"
    if value := _value(named):
        return Login(host, _USERS.get(kind, "oauth2"), value, named)
    for variable in VARIABLES.get(kind, ()):
        if _is_for(variable, kind, account) and (value := _value(variable.name)):
            by = next((os.environ[each] for each in variable.users if os.environ.get(each)), "")
            return Login(host, variable.user or by or _USERS[kind], value, variable.name, by)
    return _from_helper(host)


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, to which nothing is sent over a network."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def names_for(kind: str, host: str) -> tuple[str, ...]:
    """The variables in which a token for `host` may stand, for advice."""
    return tuple(each.name for each in VARIABLES.get(kind, ()) if _is_for(each, kind, host.lower()))


def _is_for(variable: Variable, kind: str, host: str) -> bool:
    """Whether what a variable holds may go to `host`."""
    told = next((os.environ[each] for each in variable.told_by if os.environ.get(each)), "")
    if told:
        return _host_of(told) == host
    return variable.host == host if variable.host else host != PUBLIC_HOSTS.get(kind)


def _host_of(told: str) -> str:
    """The host, with a port that is not the usual one, of an address or a name."""
    return urlsplit(told if "://" in told else f"https://{told}").netloc.rpartition("@")[2].lower()


def _value(name: str) -> Secret | None:
    """What a variable holds; raises UsageError where that cannot be sent."""
    value = os.environ.get(name, "").strip()
    if not value:
        return None
    return Secret(_sent(value, f"the variable {name}"))


def _sent(value: str, where: str) -> str:
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise UsageError(
            f"{where} holds something else than a token: it has blanks or characters beyond ASCII in it."
        )
    return value


def _from_helper(host: str) -> Login | None:
    """What the user's credential helpers of git know; they are asked for https alone, and never ask back."""
    answer = git.credential("https", host) or {}
    if not answer.get("password"):
        return None
    where = "git's credential helper"
    return Login(
        host,
        answer.get("username", ""),
        Secret(_sent(answer["password"], where)),
        where,
        answer.get("username", ""),
    )
