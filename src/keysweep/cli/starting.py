"""What `keysweep init` sets up in a repository: each step says what it would do before it does it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from keysweep import atomic, config, installer
from keysweep.cli import pre_commit_entry as entries
from keysweep.cli.own_address import Address
from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.tables import MOST_BYTES

STARTER = """\
# What counts as a leak in this repository. Every setting is optional: see docs/configuration.md of keysweep.

# What stops a commit and makes exit code 1: info, low, medium, high or critical.
fail-on = "medium"

# Paths with keys that are not real, such as "tests/*/fixtures/*". What is there is counted, and stops nobody.
exclude = []

# Single keys that are known, such as { fingerprint = "...", reason = "revoked on 2026-05-02" }. Reports show what
# to paste; `keysweep triage` asks about one key after the other and keeps the answers in .keysweep-baseline.
allow = []
"""


@frozen
class Step:
    """One change, not made yet."""

    told: str
    """What would be done, to which file."""
    lines: tuple[str, ...]
    """What would be written, where a person wants to see it first."""
    do: Callable[[], Sequence[str]]
    """Makes the change and returns what was done; raises KeysweepError where nothing was."""


@frozen
class Note:
    """Something that is as it should be already, or that only a person can do."""

    told: str
    lines: tuple[str, ...] = ()


def configuration(top: Path) -> Step | Note:
    """A starter configuration, unless there is one."""
    found = config.found(top)
    if found is not None:
        return Note(f"{found.name} is there already: left as it is.")
    path = top / config.FILE_NAME

    def write() -> list[str]:
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already: somebody made it just now.")
        _put(path, STARTER.encode())
        return [f"{path.name}: written"]

    return Step(f"write {path.name}, a starter configuration", tuple(STARTER.splitlines()), write)


def git_hooks(top: Path) -> Step | Note:
    """Git's own hooks, as `keysweep install` sets them up."""
    cwd = os.fspath(top)
    if set(installer.installed(cwd)) >= set(installer.STAGES):
        return Note("git hooks of keysweep are installed already.")

    def install() -> list[str]:
        changes = installer.install(installer.STAGES, everywhere=False, cwd=cwd)
        return [f"{os.path.relpath(each.path)}: {each.done}" for each in changes]

    stages = ", ".join(installer.STAGES)
    return Step(f"install git hooks: {stages}; hooks that are there keep running after them", (), install)


def pre_commit(top: Path, address: Callable[[], Address]) -> Step | Note:
    """keysweep's entry in the configuration of pre-commit, which is made where there is none."""
    path = top / entries.FILE_NAME
    if not os.path.lexists(path):
        where = address()
        text = entries.new_file(where.repo, where.rev)

        def write() -> list[str]:
            if os.path.lexists(path):
                raise UsageError(f"{path} is there already: somebody made it just now.")
            _put(path, text.encode())
            return [f"{path.name}: written", *_further(where)]

        return Step(f"write {path.name} with keysweep's hooks", tuple(text.splitlines()), write)
    content = _read(path)
    lacking = entries.missing(content.decode("utf-8", "replace")) if content is not None else entries.HOOKS
    if not lacking:
        return Note(f"{path.name} has keysweep's hooks already. If they do not run yet: {entries.INSTALL}")
    if len(lacking) < len(entries.HOOKS):
        ids = tuple(f"- id: {each}" for each in lacking)
        return Note(f"{path.name} has keysweep, but not all of its hooks: add these yourself.", ids)
    where = address()
    lines = tuple(entries.entry(where.repo, where.rev, indent="  "))
    if content is None or entries.added(content, where.repo, where.rev) is None:
        return Note(
            f"{path.name} is not written in a way that can be edited safely: add this below `repos:` yourself.",
            lines,
        )

    def add() -> list[str]:
        now = _read(path)
        changed = entries.added(now, where.repo, where.rev) if now is not None else None
        if now is None or changed is None or not entries.missing(now.decode("utf-8", "replace")):
            raise UsageError(f"{path} was changed by somebody just now: run `keysweep init` again.")
        _put(path, changed)
        return [f"{path.name}: keysweep's hooks added, everything else is as it was", *_further(where)]

    return Step(f"add keysweep's hooks to {path.name}", lines, add)


def _further(where: Address) -> list[str]:
    told = [f"To have pre-commit run them: {entries.INSTALL}"]
    if where.is_local:
        told.append(f"{where.repo} is a path of this machine: for others, give the address that they can clone.")
    return told


def _read(path: Path) -> bytes | None:
    """The content of a regular file of a size that such files have; None for anything else."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= MOST_BYTES else None


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is there keeps its permissions."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        atomic.write(os.fspath(path), content, mode)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): check who may write there.") from error
