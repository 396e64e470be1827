"""Git hooks set up and taken out again, beside whatever hooks are there already."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Sequence
from enum import StrEnum

from keysweep import atomic, git
from keysweep.errors import KeysweepError, UsageError
from keysweep.frozen import frozen
from keysweep.hook_scripts import CHAINED, MARK, passing_on, script

STAGES = ("pre-commit", "commit-msg", "pre-push")
SERVER_STAGE = "pre-receive"
_OTHER_HOOKS = (
    "applypatch-msg",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "p4-prepare-changelist",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-merge-commit",
    "pre-rebase",
    "prepare-commit-msg",
    "reference-transaction",
    "sendemail-validate",
)
"""Client hooks that a global hooks directory would switch off in every repository if it did not pass them on."""


class Done(StrEnum):
    """What became of one hook."""

    INSTALLED = "installed"
    CHAINED = "installed; the hook that was there runs after it"
    RENEWED = "was installed already, and is up to date now"
    REMOVED = "removed"
    RESTORED = "removed; the hook that was there before is back"
    FOREIGN = "left alone: it is not keysweep's"
    ABSENT = "was not installed"


@frozen
class Change:
    """One hook, by its path, and what became of it."""

    path: str
    done: Done


def install(stages: Sequence[str], *, everywhere: bool, cwd: str = ".") -> list[Change]:
    """Set up hooks for one repository, or for all of this user's.

    A hook that is there keeps running, after keysweep's, with the same arguments and input. Installing twice
    changes nothing. Raises GitError outside a repository, UsageError where hooks cannot be written.
    """
    directory = _global_directory(create=True) if everywhere else _directory(cwd)
    changes = [_install(os.path.join(directory, each), script(each, everywhere=everywhere)) for each in stages]
    if everywhere and directory == _own_directory():
        for name in _OTHER_HOOKS:
            _write(os.path.join(directory, name), passing_on(name))
        git.run(("config", "--global", "core.hooksPath", directory), cwd)
    return changes


def uninstall(*, everywhere: bool, cwd: str = ".") -> list[Change]:
    """Take out what `install` set up, and nothing else; hooks that were there before are put back as they were."""
    directory = _global_directory(create=False) if everywhere else _directory(cwd)
    changes = [_uninstall(os.path.join(directory, stage)) for stage in STAGES]
    if everywhere and directory == _own_directory():
        for name in _OTHER_HOOKS:
            path = os.path.join(directory, name)
            if _is_ours(path):
                os.unlink(path)
        git.answer(("config", "--global", "--unset", "core.hooksPath"), cwd)
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return changes


def install_server(repository: str, options: Sequence[str]) -> list[Change]:
    """Set up the hook of a bare repository, which refuses pushes that bring a key, with its `options`.

    Like `install`. Raises UsageError where the repository is not bare, or where git would run no hook of its own.
    """
    path = os.path.join(_server_directory(repository), SERVER_STAGE)
    return [_install(path, script(SERVER_STAGE, options))]


def uninstall_server(repository: str) -> list[Change]:
    """Take out what `install_server` set up, and nothing else; a hook that was there before is put back."""
    return [_uninstall(os.path.join(_server_directory(repository), SERVER_STAGE))]


def installed_on_server(cwd: str = ".") -> bool:
    """Whether keysweep's hook runs where others push to this repository."""
    return _is_ours(os.path.join(_hooks_of(cwd), SERVER_STAGE))


def is_bare(cwd: str = ".") -> bool:
    """Whether this is a repository without files beside it, as servers have them."""
    return git.answer(("rev-parse", "--is-bare-repository"), cwd) == b"true\n"


def installed(cwd: str = ".") -> tuple[str, ...]:
    """The stages at which a hook of keysweep's runs in this repository, whether its own or everybody's."""
    directory = _hooks_of(cwd)
    return tuple(stage for stage in STAGES if _is_ours(os.path.join(directory, stage)))


def _install(path: str, text: str) -> Change:
    if os.path.lexists(path) and not _is_ours(path):
        if os.path.lexists(path + CHAINED):
            raise UsageError(
                f"{path + CHAINED} is in the way: it is from an earlier installation; remove it first."
            )
        _renamed(path, path + CHAINED)
        done = Done.CHAINED
    elif os.path.lexists(path):
        done = Done.RENEWED
    else:
        done = Done.INSTALLED
    _write(path, text)
    return Change(path, done)


def _uninstall(path: str) -> Change:
    if not os.path.lexists(path):
        return Change(path, Done.ABSENT)
    if not _is_ours(path):
        return Change(path, Done.FOREIGN)
    if os.path.lexists(path + CHAINED):
        _renamed(path + CHAINED, path)
        return Change(path, Done.RESTORED)
    os.unlink(path)
    return Change(path, Done.REMOVED)


def _directory(cwd: str) -> str:
    """Where this repository's own hooks are written; UsageError where everybody's are keysweep's already."""
    directory = _hooks_of(cwd)
    if directory == _own_directory():
        raise UsageError(
            "keysweep is installed for all repositories already, this one included: "
            "`keysweep uninstall --global` first if you want it for this one alone."
        )
    return directory


def _server_directory(repository: str) -> str:
    """Where the hooks of a bare repository are; UsageError where it has none of its own."""
    if not os.path.isdir(repository):
        raise UsageError(f"{repository} is no directory: name the bare repository that others push to.")
    if not is_bare(repository):
        raise UsageError(
            f"{repository} is no bare repository, and people push to those: "
            "without --server, keysweep is installed for whoever commits in this one."
        )
    own = os.path.join(_path(git.run(("rev-parse", "--absolute-git-dir"), repository)), "hooks")
    hooks = _hooks_of(repository)
    if os.path.realpath(hooks) != os.path.realpath(own):
        raise UsageError(
            f"git looks for hooks in {hooks} (core.hooksPath), not in {own}: "
            f"run `git -C {shlex.quote(repository)} config core.hooksPath {shlex.quote(own)}` first."
        )
    return own


def _hooks_of(cwd: str) -> str:
    """Where git looks for this repository's hooks: `core.hooksPath` if it is set, else the common directory.

    Each file of configuration is asked by itself, because a git that keysweep runs is told of no hooks at all.
    """
    common = _path(git.run(("rev-parse", "--git-common-dir"), cwd))
    for scope in ("--worktree", "--local", "--global", "--system"):
        configured = git.answer(("config", scope, "--type=path", "--get", "core.hooksPath"), cwd)
        if configured:
            top = git.answer(("rev-parse", "--show-toplevel"), cwd)
            return os.path.join(_path(top) if top else cwd, _path(configured))
    return os.path.normpath(os.path.join(cwd, common, "hooks"))


def _global_directory(*, create: bool) -> str:
    """The user's global hooks directory, or one of keysweep's own where there is none."""
    configured = git.answer(("config", "--global", "--type=path", "--get", "core.hooksPath"))
    directory = _path(configured) if configured else _own_directory()
    if create:
        os.makedirs(directory, exist_ok=True)
    return directory


def _own_directory() -> str:
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "keysweep", "hooks")


def _path(output: bytes) -> str:
    return os.fsdecode(output.removesuffix(b"\n"))


def _is_ours(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return MARK.encode() in stream.read(1000)
    except OSError:
        return False


def _renamed(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except OSError as error:
        raise _refused(old, error) from error


def _write(path: str, text: str) -> None:
    """Write an executable file whole or not at all: git may run it at any moment."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write(path, text.encode(), 0o755)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: str, error: OSError) -> KeysweepError:
    return UsageError(f"{path} cannot be changed ({error.strerror}): check who may write there.")
