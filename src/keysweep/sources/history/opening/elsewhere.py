"""Git held to the repository that was named, whatever variables of the environment say."""

from __future__ import annotations

import os

_LOCATIONS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_TEMPLATE_DIR",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
)
"""Variables that point git at another repository than the one it is started in, or change the one it makes."""


class Elsewhere:
    """In its `with`, git works where it is started, not where the environment points it, as it does in a hook."""

    def __init__(self, git_directory: str | None = None, *, top: str | None = None) -> None:
        """Changes nothing before the `with`.

        `top` is a directory above which git looks for no repository.

        Started in `git_directory`, git takes that for its repository or none: one that is broken must not stand
        for the repository around it, and one whose work tree is gone is still one.
        """
        traces = (name for name in os.environ if name.startswith("GIT_TRACE"))
        self._other: dict[str, str | None] = dict.fromkeys((*_LOCATIONS, *traces))
        if top is not None:
            self._other["GIT_CEILING_DIRECTORIES"] = os.path.dirname(os.path.realpath(top))
        if git_directory is not None:
            whole = os.path.realpath(git_directory)
            self._other |= {"GIT_WORK_TREE": whole, "GIT_CEILING_DIRECTORIES": os.path.dirname(whole)}

    def __enter__(self) -> None:
        self._exchange()

    def __exit__(self, *_: object) -> None:
        self._exchange()

    def _exchange(self) -> None:
        before = {name: os.environ.get(name) for name in self._other}
        for name, value in self._other.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._other = before
