"""Selected changes and messages scanned in a worker: what they add, and which versions hold what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.findings import Finding, Origin, Problem, Source
from keysweep.frozen import frozen
from keysweep.sources.diffs import Change
from keysweep.sources.versions import Version, Versions

_CHANGES_IN_PIECE = 200
_MESSAGES_IN_PIECE = 2000


@frozen
class Piece:
    """Some changes, those of one file together, or some messages."""

    changes: tuple[Change, ...] = ()
    messages: tuple[Version, ...] = ()

    @property
    def size(self) -> int:
        """How many these are."""
        return len(self.changes) + len(self.messages)


@frozen
class Brought:
    """What came of one piece."""

    size: int
    added: tuple[tuple[Change, tuple[Finding, ...]], ...] = ()
    said: tuple[Finding, ...] = ()
    """What stands in messages."""
    holding: tuple[tuple[str, str, frozenset[str]], ...] = ()
    """Blob, path, and the fingerprints of what stands there."""
    problems: tuple[Problem, ...] = ()
    scanned: tuple[tuple[str, int], ...] = ()
    """Objects and their sizes in bytes."""


def pieces(changes: Sequence[Change], messages: Sequence[Version]) -> Iterator[Piece]:
    """All of them, cut into pieces; versions of a file are near one another, so that git unpacks them together."""
    for at in range(0, len(messages), _MESSAGES_IN_PIECE):
        yield Piece(messages=tuple(messages[at : at + _MESSAGES_IN_PIECE]))
    ordered = sorted(changes, key=lambda change: change.path)
    for at in range(0, len(ordered), _CHANGES_IN_PIECE):
        yield Piece(tuple(ordered[at : at + _CHANGES_IN_PIECE]))


def scan_piece(piece: Piece, repository: str, limits: Limits, options: Options) -> Brought:
    """Scan a piece; runs in a worker."""
    with Versions(limits, options, repository) as versions:
        versions.scan(piece.messages)
        said = [versions.findings(each.object_id, each.origin.path) for each in piece.messages]
        added = [(change, tuple(new)) for change, new in versions.added_by(piece.changes, Source.HISTORY)]
        holding = [
            (blob, path, frozenset(finding.fingerprint for finding in findings))
            for blob, path, findings in versions.holding()
        ]
        return Brought(
            piece.size,
            tuple(added),
            tuple(finding for findings in said for finding in findings),
            tuple(holding),
            tuple(versions.problems),
            tuple(versions.scanned.items()),
        )


def message(object_id: str, kind: str) -> Version:
    """The message of a commit or an annotated tag."""
    if kind == "commit":
        return Version(object_id, kind, Origin("", Source.COMMIT_MESSAGE, commit=object_id))
    return Version(object_id, kind, Origin("", Source.TAG_MESSAGE, blob=object_id))
