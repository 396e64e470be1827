"""A repository on a forge, and checkouts of it as CI systems make them."""

from __future__ import annotations

import os
import random
from pathlib import Path

from fixtures.keys import key_id, secret
from tests.repositories import Repository

RNG = random.Random(77)
ID, SECRET = key_id(RNG), secret(RNG)
PAIR = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
ZERO = "0" * 40
CLEAN, LEAK = "clean", "leak"


class Forge:
    """`main`, and two branches from it: one is clean, one brings a key and takes it out again."""

    def __init__(self, path: Path) -> None:
        self.repository = Repository(path / "forge")
        self.main = self.add("main", {"README": "hello\n"})
        self.clean = self.branch(CLEAN, "main")
        self.add(CLEAN, {"docs/a b.md": "nothing here\n"})
        self.branch(LEAK, "main")
        self.add(LEAK, {"conf/key.ini": PAIR})
        self.add(LEAK, {"conf/key.ini": "nothing\n"})

    def branch(self, name: str, start: str) -> str:
        self.repository.git("branch", name, start)
        return self.at(name)

    def add(self, branch: str, files: dict[str, str], message: str = "a commit") -> str:
        """A commit on a branch; its ID."""
        if self.repository.git("symbolic-ref", "HEAD") != f"refs/heads/{branch}\n".encode():
            self.repository.git("checkout", "-q", branch)
        for name, content in files.items():
            self.repository.stage(name, content)
        return self.repository.commit(message)

    def at(self, name: str) -> str:
        return self.repository.git("rev-parse", "--verify", name).decode().strip()

    def merged(self, branch: str) -> str:
        """What a forge checks out for a merge request: the branch merged into main, below no branch."""
        self.repository.git("checkout", "-q", "--detach", "main")
        self.repository.git("merge", "-q", "--no-ff", "--no-edit", branch)
        merge = self.at("HEAD")
        self.repository.git("update-ref", "refs/pull/7/merge", merge)
        return merge

    def checkout(self, path: Path, commit: str, *, depth: int = 0) -> Repository:
        """All branches and tags and `commit` at a depth of 0, else `commit` alone with so many below it."""
        clone = Repository(path)
        clone.git("remote", "add", "origin", f"file://{self.repository.path}")
        self.repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
        what = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"] if not depth else []
        limit = [f"--depth={depth}"] if depth else []
        clone.git("fetch", "-q", "--no-tags", *limit, "origin", *what, f"+{commit}:refs/remotes/ci/checkout")
        clone.git("checkout", "-q", "--detach", commit)
        return clone


def planted(forge: Forge, path: Path) -> None:
    """Modules in the tree that a careless start of Python would run; whoever runs them leaves a mark at `path`."""
    mark = f"open({os.fspath(path)!r}, 'w').write('ran')\n"
    names = ("venv", "pip", "keysweep", "sitecustomize", "usercustomize", "click", "regex", "json")
    forge.add(LEAK, {f"{name}.py": mark for name in names})
