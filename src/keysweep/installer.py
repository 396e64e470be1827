"""Git hooks set up and taken out again, beside whatever hooks are there already."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from enum import StrEnum

from keysweep import git
from keysweep.errors import KeysweepError, UsageError
from keysweep.frozen import frozen

STAGES = ("pre-commit", "commit-msg", "pre-push")
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
_MARK = "# keysweep hook: `keysweep uninstall` takes it out again and puts back what was here before."
_CHAINED = ".before-keysweep"
_SCRIPT = """\
#!/bin/sh
{mark}
python={python}
packages={packages}
input={input}
run() {{
  if [ -x "$python" ] && [ -d "$packages/keysweep" ]; then
    "$python" -I -S -c '{start}' "$packages" hook {stage} "$@"
  elif command -v keysweep >/dev/null 2>&1; then
    keysweep hook {stage} "$@"
  else
    echo "keysweep: it is gone from $packages, so nothing was checked: run 'keysweep install' again," >&2
    echo "or take this hook out: $0" >&2
    return 3
  fi
}}
{check}
{chain}
"""
_START = "import sys; sys.path.append(sys.argv.pop(1)); from keysweep.__main__ import main; sys.exit(main())"
"""Without `site`, which takes a tenth of the hook's time; `keysweep.hook` loads it once something looks wrong."""
_CHAIN = """\
before={before}
if [ -x "$before" ]; then
  {feed}"$before" "$@" || exit $?
fi
exit 0"""


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
    changes = [_install(os.path.join(directory, stage), stage, everywhere) for stage in stages]
    if everywhere and directory == _own_directory():
        for name in _OTHER_HOOKS:
            _write(os.path.join(directory, name), _passing_on(name))
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


def installed(cwd: str = ".") -> tuple[str, ...]:
    """The stages at which a hook of keysweep's runs in this repository, whether its own or everybody's."""
    directory = _hooks_of(cwd)
    return tuple(stage for stage in STAGES if _is_ours(os.path.join(directory, stage)))


def _install(path: str, stage: str, everywhere: bool) -> Change:
    if os.path.lexists(path) and not _is_ours(path):
        if os.path.lexists(path + _CHAINED):
            raise UsageError(
                f"{path + _CHAINED} is in the way: it is from an earlier installation; remove it first."
            )
        _renamed(path, path + _CHAINED)
        done = Done.CHAINED
    elif os.path.lexists(path):
        done = Done.RENEWED
    else:
        done = Done.INSTALLED
    _write(path, _script(stage, everywhere))
    return Change(path, done)


def _uninstall(path: str) -> Change:
    if not os.path.lexists(path):
        return Change(path, Done.ABSENT)
    if not _is_ours(path):
        return Change(path, Done.FOREIGN)
    if os.path.lexists(path + _CHAINED):
        _renamed(path + _CHAINED, path)
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


def _script(stage: str, everywhere: bool) -> str:
    pushes = stage == "pre-push"
    before = f'"$0{_CHAINED}"'
    chain = _CHAIN.format(before=before, feed='printf "%s\\n" "$input" | ' if pushes else "")
    if everywhere:
        chain = chain.replace("\nexit 0", "\n" + _repository_hook(stage, feed=pushes))
    return _SCRIPT.format(
        mark=_MARK,
        python=shlex.quote(sys.executable),
        packages=shlex.quote(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        start=_START,
        input='"$(cat)"' if pushes else '""',
        stage=stage,
        check='printf "%s\\n" "$input" | run "$@" || exit $?' if pushes else 'run "$@" || exit $?',
        chain=chain,
    )


def _passing_on(name: str) -> str:
    return f"#!/bin/sh\n{_MARK}\n{_repository_hook(name, feed=False)}\n"


def _repository_hook(name: str, *, feed: bool) -> str:
    """Go on with the repository's own hook, which a global hooks directory would otherwise hide."""
    run = 'printf "%s\\n" "$input" | "$own" "$@"' if feed else 'exec "$own" "$@"'
    return f'own="$(git rev-parse --git-common-dir)/hooks/{name}"\n[ -x "$own" ] || exit 0\n{run}'


def _is_ours(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return _MARK.encode() in stream.read(1000)
    except OSError:
        return False


def _renamed(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except OSError as error:
        raise _refused(old, error) from error


def _write(path: str, text: str) -> None:
    """Write an executable file whole or not at all: git may run it at any moment."""
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".keysweep-")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(temporary, 0o755)  # noqa: S103 - git runs a hook only if it may be executed
        os.replace(temporary, path)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: str, error: OSError) -> KeysweepError:
    return UsageError(f"{path} cannot be changed ({error.strerror}): check who may write there.")
