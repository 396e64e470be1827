"""Where others can get the keysweep that runs here: what `repo:` and `rev:` say in a pre-commit configuration."""

from __future__ import annotations

import json
import os
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from urllib.parse import unquote, urlsplit

from keysweep import __version__, git
from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.sources.history.opening.addresses import without_credentials

_ASK = "give --repo ADDRESS, the address or path that you clone keysweep from, or --hook git."


@frozen
class Address:
    """What pre-commit clones, and at which revision."""

    repo: str
    rev: str
    is_local: bool = False
    """Whether it is a path of this machine, which means nothing on another."""


def address(repo: str | None, rev: str | None) -> Address:
    """The address that was named, or else where this keysweep was installed from; UsageError without one."""
    if repo is None:
        found = _installed_from()
        return found if rev is None else Address(found.repo, _checked(rev, "--rev"), found.is_local)
    shown = without_credentials(_checked(repo, "--repo"))
    if shown != repo and not repo.startswith("ssh://"):
        raise UsageError("--repo holds a user name or a token, and the file is for everyone: leave it out.")
    is_local = os.path.isdir(repo)
    head = _head(repo) if is_local else None
    return Address(repo, _checked(rev, "--rev") if rev else head or f"v{__version__}", is_local)


def _checked(text: str, option: str) -> str:
    if not text.strip() or text.startswith("-") or not text.isprintable():
        raise UsageError(f"{option} is empty, begins with a dash or holds control characters: check it.")
    return text


def _installed_from() -> Address:
    """By what pip noted when it installed keysweep (PEP 610)."""
    try:
        noted = distribution("keysweep").read_text("direct_url.json")
        told: Any = json.loads(noted) if noted else {}
        url, vcs = str(told["url"]), told.get("vcs_info")
    except (PackageNotFoundError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"nothing notes where this keysweep was installed from: {_ASK}") from error
    if vcs is not None:
        return Address(
            without_credentials(url), _checked(str(vcs.get("commit_id")), "the revision noted for keysweep")
        )
    parts = urlsplit(url)
    path = unquote(parts.path)
    head = _head(path) if parts.scheme == "file" and os.path.isdir(path) else None
    if head is None:
        raise UsageError(f"what this keysweep was installed from is no repository: {_ASK}")
    return Address(path, head, is_local=True)


def _head(path: str) -> str | None:
    """The commit that is checked out in a clone of keysweep; None for another directory."""
    if git.answer(("cat-file", "-e", "HEAD:.pre-commit-hooks.yaml"), path) is None:
        return None
    found = git.answer(("rev-parse", "--verify", "HEAD"), path)
    return found.decode("ascii").strip() if found else None
