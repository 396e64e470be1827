"""Which commits a narrowed scan looks at: those that every one of its conditions selects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from keysweep import git
from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.sources.history.part.revisions import resolve
from keysweep.sources.history.part.since import seconds_of
from keysweep.sources.history.part.tags import tags_into
from keysweep.sources.history.placing.commits import shallow_commits
from keysweep.sources.history.placing.refs import Ref, list_refs

_SHORTENED = ("", "refs/", "refs/heads/", "refs/tags/", "refs/remotes/")
"""What may be left out of the name of a ref."""
_MOST_NEAR = 3


@frozen
class Narrowing:
    """What a scan of history is narrowed by; conditions that are not given select everything."""

    ranges: tuple[str, ...] = ()
    since: str | None = None
    refs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@frozen
class Selection:
    """What fulfils all conditions on commits."""

    commits: tuple[str, ...]
    """About newest first."""
    tags: tuple[str, ...]
    """Annotated tags that lead to one of them."""
    cut: tuple[str, ...]
    """Those of the commits whose parents a shallow clone lacks, so that nobody can tell what they add."""
    notes: tuple[str, ...]


def select(repository: str, narrowing: Narrowing) -> Selection:
    """Find what is selected: commits that refs reach, within the ranges, since the date, from the refs.

    Raises UsageError for a condition that means nothing here, IncompleteError where the repository lacks what
    is needed, and GitError where git fails.
    """
    shallow = shallow_commits(repository)
    revisions = resolve(repository, narrowing.ranges, shallow=bool(shallow))
    oldest = seconds_of(narrowing.since, repository) if narrowing.since is not None else None
    matching = _matching_refs(repository, narrowing.refs)
    commits: Iterable[str]
    if revisions.starts:
        commits = _listed(repository, revisions.lines, oldest) if revisions.lines else ()
        if matching and commits:
            reached = set(_listed(repository, [ref.object_id for ref in matching], None))
            commits = [each for each in commits if each in reached]
    elif matching:
        commits = _listed(repository, [*(ref.object_id for ref in matching), *revisions.lines], oldest)
    else:
        commits = _listed(repository, revisions.lines, oldest, "--all")
    chosen = dict.fromkeys(commits)
    tags = tags_into(repository, chosen, revisions.named) if chosen else ()
    cut = tuple(each for each in chosen if each in shallow)
    return Selection(tuple(chosen), tags, cut, revisions.notes)


def _listed(repository: str, lines: Sequence[str], oldest: int | None, *options: str) -> list[str]:
    """The commits that git lists, without those committed before `oldest`.

    Git's own --since ends at the first commit with an older date: one wrong clock would hide all behind it.
    """
    asked = ("rev-list", "--timestamp", *options, "--stdin")
    listing = git.run(asked, repository, "".join(f"{line}\n" for line in lines).encode("ascii"))
    fields = listing.decode("ascii").split()
    if oldest is None:
        return fields[1::2]
    return [name for when, name in zip(fields[::2], fields[1::2], strict=True) if int(when) >= oldest]


def _matching_refs(repository: str, patterns: Sequence[str]) -> list[Ref]:
    refs = list_refs(repository) if patterns else ()
    found: dict[str, Ref] = {}
    for pattern in patterns:
        matching = {ref.name: ref for ref in refs if _matches(ref.name, pattern)}
        if not matching:
            raise UsageError(f"--refs '{pattern}' matches no ref: {_near(pattern, refs)}")
        found |= matching
    return list(found.values())


def _matches(name: str, pattern: str) -> bool:
    """Whether a pattern means a ref: by its name, the beginning of that up to a slash, or a glob."""
    for prefix in _SHORTENED:
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            if fnmatchcase(rest, pattern) or (pattern and rest.startswith(f"{pattern.rstrip('/')}/")):
                return True
    return False


def _near(pattern: str, refs: Sequence[Ref]) -> str:
    names = {ref.name: ref.name.removeprefix("refs/heads/").removeprefix("refs/") for ref in refs}
    wanted = pattern.strip("*/").removeprefix("refs/heads/").removeprefix("refs/")
    last = wanted.rpartition("/")[2]
    alike = [name for name, short in names.items() if last and short.rpartition("/")[2] == last]
    close = get_close_matches(wanted, names.values(), _MOST_NEAR)
    alike += [name for name, short in names.items() if short in close]
    near = list(dict.fromkeys(alike))[:_MOST_NEAR]
    return f"did you mean {' or '.join(near)}?" if near else "`git for-each-ref` lists those that there are."
