"""What commits change, told by git: the way that needs nothing but git, and takes a look at every commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from keysweep import git
from keysweep.sources.diffs import Change, raw_columns
from keysweep.sources.history.placing.commits import shallow_commits

_LOG = (
    "log",
    "--raw",
    "-c",
    "--root",
    "--no-renames",
    "--no-abbrev",
    "--no-ext-diff",
    "--no-textconv",
    "--no-mailmap",
    "-z",
    "--format=%x01%H",
    "--no-walk=unsorted",
    "--stdin",
)
"""Each commit it is told with what it changes; a merge only where it differs from all its parents."""
_READ_BYTES = 1 << 20


def logged_changes(
    repository: str, commits: Sequence[str], jobs: int, blobs: set[str], names: set[str]
) -> tuple[list[Change], bool]:
    """Every change that has one of `blobs` before or after it, or one of `names` in its path.

    `jobs` gits are asked of a part of the commits each. Also says whether they told everything.
    """
    share = max(1, -(-len(commits) // jobs))
    deepened = _deepened(repository, commits)
    others = [commit for commit in commits if commit not in deepened] if deepened else commits
    parts: list[tuple[Sequence[str], Sequence[str]]] = [
        (_LOG, others[at : at + share]) for at in range(0, len(others), share)
    ]
    if deepened:
        parts.append((("--shallow-file", "", *_LOG), sorted(deepened)))
    with ThreadPoolExecutor(max(1, len(parts))) as threads:
        told = list(threads.map(lambda part: _told(repository, part[0], part[1], blobs, names), parts))
    return [change for changes, _ in told for change in changes], all(complete for _, complete in told)


def _deepened(repository: str, commits: Sequence[str]) -> set[str]:
    """Those commits at which a shallow clone is cut off, but whose parents are all here, from an earlier fetch.

    Git itself takes them for the beginning of history.
    """
    cut = shallow_commits(repository).intersection(commits)
    found: set[str] = set()
    with git.Objects(repository) as objects:
        for commit in sorted(cut):
            header = objects.read(commit, _READ_BYTES)[1].partition(b"\n\n")[0]
            parents = [
                line[7:].decode("ascii", "replace") for line in header.split(b"\n") if line[:7] == b"parent "
            ]
            if parents and all(_is_here(each, objects) for each in parents):
                found.add(commit)
    return found


def _is_here(name: str, objects: git.Objects) -> bool:
    return git.is_object_id(name) and objects.read(name, _READ_BYTES)[0] != git.MISSING


def _told(
    repository: str, command: Sequence[str], commits: Sequence[str], blobs: set[str], names: set[str]
) -> tuple[list[Change], bool]:
    """The changes of some commits, and whether git told them all."""
    wanted = {blob.encode("ascii") for blob in blobs}
    parts = [name.encode("utf-8", "surrogateescape") for name in names]
    found: list[Change] = []
    commit = b""
    with git.Stream(command, repository, "".join(f"{each}\n" for each in commits).encode("ascii")) as log:
        fields = _fields(log)
        for field in (each.removeprefix(b"\n") for each in fields):
            if field[:1] == b"\1":
                commit = field[1:]
            elif field[:1] == b":":
                path = next(fields, b"")
                _, ids = raw_columns(field)
                if ids[-1] in ids[:-1]:
                    continue  # only the mode is another than in that parent
                if not wanted.isdisjoint(ids) or any(part in path for part in parts):
                    *before, after = (each.decode("ascii") if each.strip(b"0") else "" for each in ids)
                    where = path.decode("utf-8", "surrogateescape")
                    found.append(Change(commit.decode("ascii"), where, tuple(before), after))
    return found, log.ended_well


def _fields(log: git.Stream) -> Iterator[bytes]:
    """What stands between zeros."""
    rest = b""
    while piece := log.read(_READ_BYTES):
        fields = (rest + piece).split(b"\0")
        rest = fields.pop()
        yield from fields
    if rest:
        yield rest
