"""Ranges of commits as people and CI systems write them, made exact: only object IDs reach git from here on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keysweep import git
from keysweep.errors import IncompleteError, UsageError
from keysweep.frozen import frozen

_ZERO = re.compile(r"0{40}(0{24})?")
_SUFFIX = re.compile(r"[\^~:]|@\{")
"""Where in a revision the name of a ref ends."""
_FORMS = ("refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
"""What git takes a name for, in its order."""
_SHALLOW_ADVICE = "this clone is shallow: fetch all of it (fetch-depth: 0, or `git fetch --unshallow`)"


@frozen
class Revisions:
    """What the ranges select, in the words of `git rev-list --stdin`."""

    lines: tuple[str, ...] = ()
    """IDs, excluded ones behind `^`, and symmetric differences."""
    starts: bool = False
    """Whether they say where to start, if only from a branch that is no more; else they only exclude."""
    named: tuple[str, ...] = ()
    """The objects, such as annotated tags, that were named as the end of a range."""
    notes: tuple[str, ...] = ()


def resolve(repository: str, ranges: Sequence[str], *, shallow: bool) -> Revisions:
    """Resolve `A..B`, `A...B`, `B` and `^A`.

    An A of zeros is what a push to a new branch replaces; so is a whole ID that is not here, unless the clone is
    `shallow`: what was pushed over by force is fetched by nobody. Then everything is left out that another branch
    of a remote has.

    Raises UsageError for what names no commit, or more than one thing, and IncompleteError where a shallow clone
    lacks what a range needs.
    """
    resolver = _Resolver(repository, shallow=shallow)
    for each in ranges:
        resolver.add(each)
    return resolver.revisions()


class _Resolver:
    def __init__(self, repository: str, *, shallow: bool) -> None:
        self._repository = repository
        self._shallow = shallow
        self._lines: list[str] = []
        self._ends: list[str] = []
        self._named: list[str] = []
        self._notes: list[str] = []
        self._starts = self._lacks_a_start = False

    def add(self, given: str) -> None:
        dots = "..." if "..." in given else ".."
        old, found, new = given.partition(dots)
        if not found:
            old, new = (given[1:], "") if given.startswith("^") else ("", given)
        if not (old and new if found else old or new):
            raise UsageError(
                f"--range '{given}' lacks a side (an unset variable?): write A..B, and HEAD where you mean it."
            )
        end = self._end(new) if new else None
        if new and end is None:
            return
        start = self._start(old) if old else None
        if start and end and dots == "...":
            self._lines.append(f"{start}...{end}")
            return
        if start:
            self._lines.append(f"^{start}")
        if end:
            self._lines.append(end)

    def revisions(self) -> Revisions:
        if not (self._lacks_a_start and self._ends):
            return Revisions(tuple(self._lines), self._starts, tuple(self._named))
        self._lines += [f"^{each}" for each in self._on_other_branches()]
        return Revisions(tuple(self._lines), self._starts, tuple(self._named), tuple(dict.fromkeys(self._notes)))

    def _end(self, new: str) -> str | None:
        """The commit that a range leads to; None where its branch was deleted: nothing is left to scan."""
        self._starts = True
        if _ZERO.fullmatch(new):
            return None
        self._ends.append(self._commit(new))
        self._named.append(git.object_id(new, self._repository))
        return self._ends[-1]

    def _start(self, old: str) -> str | None:
        """The commit before a range; None where there is none, or one that was pushed over."""
        if _ZERO.fullmatch(old):
            self._notes.append("a range begins with a new branch: scanned is what no other remote branch has")
        elif not git.is_object_id(old) or self._found(old) or self._exists(old):
            return self._commit(old)
        elif self._shallow:
            raise IncompleteError(f"--range begins with {old}, which is not here; {_SHALLOW_ADVICE}.")
        else:
            self._notes.append(
                f"{old[:12]} is not here (a forced push?): scanned is what no other remote branch has"
            )
        self._lacks_a_start = True
        return None

    def _commit(self, name: str) -> str:
        self._check_unambiguous(name)
        if found := self._found(name):
            return found
        if self._shallow and git.is_object_id(name) and not self._exists(name):
            raise IncompleteError(f"--range names {name}, which is not here; {_SHALLOW_ADVICE}.")
        advice = f"; {_SHALLOW_ADVICE}." if self._shallow else ": check how it is written, or fetch it first."
        raise UsageError(f"--range names '{name}', which is no commit here{advice}")

    def _found(self, name: str) -> str | None:
        asked = ("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        answer = (git.answer(asked, self._repository) or b"").decode("ascii", "replace").strip()
        return answer if git.is_object_id(answer) else None

    def _exists(self, object_id: str) -> bool:
        return git.answer(("cat-file", "-e", object_id), self._repository) is not None

    def _check_unambiguous(self, name: str) -> None:
        """Git takes a tag before a branch of the same name, so that a tag could empty a range."""
        base = _SUFFIX.split(name, maxsplit=1)[0]
        if not base or base == "HEAD" or base.startswith("refs/") or git.is_object_id(base):
            return
        possible = [form.format(base) for form in _FORMS]
        asked = ("for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", *possible)
        lines = (git.answer(asked, self._repository) or b"").decode("utf-8", "surrogateescape").splitlines()
        found = {
            ref: peeled or own for own, peeled, ref in (line.split(" ", 2) for line in lines) if ref in possible
        }
        if len(set(found.values())) > 1:
            raise UsageError(f"--range names '{name}', which may be {' or '.join(found)}: write its full name.")

    def _on_other_branches(self) -> list[str]:
        """What the remotes' branches have, but for those that have the end of a range: they may be new as well."""
        without = [f"--no-contains={end}" for end in self._ends]
        asked = ("for-each-ref", *without, "--format=%(objectname)", "refs/remotes")
        return git.run(asked, self._repository).decode("ascii").split()
