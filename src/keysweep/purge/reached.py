"""From which refs commits can be reached, told for all of them by one walk through the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from keysweep import git

_READ_BYTES = 1 << 20
_COLUMNS = "%(objectname) %(*objectname) %(refname)"


def refs_reaching(repository: str, wanted: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """For each group of commits in `wanted` the refs from which one of them can be reached.

    Of every commit it is kept which groups it reaches, as the bits of a number, from its parents on: a walk for
    each ref would take as many times as long as there are refs.
    """
    own: dict[bytes, int] = defaultdict(int)
    for number, group in enumerate(wanted):
        for commit in group:
            own[commit.encode("ascii")] |= 1 << number
    found: list[list[str]] = [[] for _ in wanted]
    if not own:
        return [() for _ in wanted]
    reach = _reach(repository, own)
    listing = git.answer(("for-each-ref", f"--format={_COLUMNS}"), repository) or b""
    for line in listing.split(b"\n")[:-1]:
        named, peeled, name = line.split(b" ", 2)
        bits = reach.get(peeled or named, 0)
        for number in range(bits.bit_length()):
            if bits >> number & 1:
                found[number].append(name.decode("utf-8", "surrogateescape"))
    return [tuple(sorted(each)) for each in found]


def _reach(repository: str, own: Mapping[bytes, int]) -> dict[bytes, int]:
    """Which groups each commit reaches, itself among them; parents are told of before their children."""
    reach: dict[bytes, int] = {}
    for line in _lines(repository):
        commit, *parents = line.split(b" ")
        bits = own.get(commit, 0)
        for parent in parents:
            bits |= reach.get(parent, 0)
        reach[commit] = bits
    return reach


def _lines(repository: str) -> Iterator[bytes]:
    command = ("rev-list", "--all", "--topo-order", "--reverse", "--parents")
    with git.Stream(command, repository) as stream:
        rest = b""
        while piece := stream.read(_READ_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
