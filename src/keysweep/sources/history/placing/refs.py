"""The refs of a repository, and which of them hold a blob under a path today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from keysweep import git
from keysweep.errors import GitError
from keysweep.frozen import frozen

_MOST_QUESTIONS = 5_000
"""Above this only branches are asked, not tags and the pull requests of a forge's mirror; one takes 0.1 ms."""
_MOST_SINGLE_QUESTIONS = 300
_BRANCHES = ("HEAD", "refs/heads/", "refs/remotes/", "refs/stash")


@frozen
class Ref:
    """A name that git keeps."""

    name: str
    object_id: str
    commit: str
    """What it leads to behind any tag: hardly ever anything but a commit."""


def list_refs(repository: str) -> tuple[Ref, ...]:
    """All refs, HEAD first, branches before others."""
    listing = git.answer(("show-ref", "--dereference"), repository) or b""
    named: dict[str, tuple[str, str]] = {}
    head = git.answer(("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), repository)
    if head:
        own = head.decode("ascii").strip()
        named["HEAD"] = own, own
    for line in listing.decode("utf-8", "surrogateescape").split("\n")[:-1]:
        own, _, name = line.partition(" ")
        if name.endswith("^{}"):
            tag = name.removesuffix("^{}")
            named[tag] = named[tag][0], own
        else:
            named[name] = own, own
    ordered = sorted(named, key=lambda name: (not name.startswith(_BRANCHES), name))
    return tuple(Ref(name, *named[name]) for name in ordered)


def refs_with(
    repository: str, refs: Sequence[Ref], places: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """For each (path, blob) the names of the refs whose tip has that blob there; an empty blob stands for any."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for path, blob in places:
        wanted[path].add(blob)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (path, blob), names in newest_versions(repository, refs, list(wanted)).items():
        for each in wanted[path] & {blob, ""}:
            found[path, each] += names
    return {place: tuple(names) for place, names in found.items()}


def newest_versions(
    repository: str, refs: Sequence[Ref], paths: Iterable[str]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Every (path, blob) that stands in the newest commit of a ref, with the names of those refs."""
    wanted = list(paths)
    by_commit: dict[str, list[str]] = defaultdict(list)
    for ref in refs:
        if len(refs) * len(wanted) <= _MOST_QUESTIONS or ref.name.startswith(_BRANCHES):
            by_commit[ref.commit].append(ref.name)
    questions = [(commit, path) for commit in by_commit for path in wanted]
    together = [each for each in questions if "\n" not in each[1]]  # which a question among others cannot hold
    try:
        answers = dict(zip(together, _asked_together(repository, together), strict=True))
    except GitError:  # a partial clone, where git gives up at the first object that was not cloned
        answers = {}
    alone = [each for each in questions if each not in answers][:_MOST_SINGLE_QUESTIONS]
    answers |= {(commit, path): _asked_alone(repository, commit, path) for commit, path in alone}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (commit, path), blob in answers.items():
        if blob:
            found[path, blob] += by_commit[commit]
    return {place: tuple(names) for place, names in found.items()}


def _asked_together(repository: str, questions: Sequence[tuple[str, str]]) -> list[str]:
    """The blob at each (commit, path), or an empty string; raises GitError where git gives up."""
    if not questions:
        return []
    lines = "".join(f"{commit}:{path}\n" for commit, path in questions).encode("utf-8", "surrogateescape")
    answers = git.run(("cat-file", "--batch-check=%(objectname)"), repository, lines).split(b"\n")
    return ["" if answer.endswith(b" missing") else answer.decode("ascii", "replace") for answer in answers[:-1]]


def _asked_alone(repository: str, commit: str, path: str) -> str:
    """The same for one, from trees alone."""
    listing = git.answer(("ls-tree", "-z", "--full-tree", commit, "--", path), repository) or b""
    columns = listing.partition(b"\t")[0].split(b" ")
    return columns[2].decode("ascii") if len(columns) == 3 else ""
