"""What a person decides of findings, one after the other: each is in the baseline at once, and can be taken back.

Somebody else may change the file meanwhile. It is read anew before it is written, so that nothing of theirs is
lost; where they changed the very entry, theirs stays until it was seen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from keysweep.frozen import frozen
from keysweep.suppress.baseline import Entry, held, load, save

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Choice(StrEnum):
    """What somebody said of a finding; the values are what people read."""

    REAL = "real"
    """It stays a finding: no entry accepts it."""
    FALSE = "false"
    """Accepted for good."""
    UNTIL = "accepted"
    """Accepted until a day."""
    SKIPPED = "skipped"
    """Left as it was."""


@frozen
class Decision:
    """What was said of the credential with a fingerprint."""

    fingerprint: str
    choice: Choice
    entry: Entry | None = None
    """What accepts it, where the choice does."""


def last_of(made: Sequence[Decision], fingerprint: str) -> Decision | None:
    """What holds of a credential after all that was decided."""
    return next((each for each in reversed(made) if each.fingerprint == fingerprint), None)


def wanted(decision: Decision | None, before: Entry | None) -> Entry | None:
    """The entry that there has to be by a decision, where there was one `before` any was made."""
    if decision is None or decision.choice is Choice.SKIPPED:
        return before
    return decision.entry


class Decisions:
    """Decisions on a baseline, in the order in which they were made; the file has each when a method returns."""

    def __init__(self, path: Path) -> None:
        """Read the baseline; ConfigError where it is damaged. Nothing is written before something is decided."""
        self._path = path
        self._is_new = not os.path.lexists(path)
        self.made: tuple[Decision, ...] = ()
        self._before: dict[str, Entry] = dict(self._read())
        """Entries as they were without us."""

    def entry(self, fingerprint: str) -> Entry | None:
        """The entry of a credential, as far as we know."""
        return wanted(last_of(self.made, fingerprint), self._before.get(fingerprint))

    def decide(self, decision: Decision) -> bool:
        """Make a decision; False where somebody else changed the entry meanwhile, which then is as they want it.

        Raises KeysweepError where the file cannot be read or written, and nothing is decided then.
        """
        return self._put(decision.fingerprint, (*self.made, decision))

    def undo(self) -> Decision | None:
        """Take the last decision back and return it, if there is one; an entry that others changed stays."""
        if not self.made:
            return None
        last = self.made[-1]
        self._put(last.fingerprint, self.made[:-1])
        return last

    def _put(self, fingerprint: str, made: tuple[Decision, ...]) -> bool:
        with held(self._path):
            entries = self._read()
            there = entries.get(fingerprint)
            if there != self.entry(fingerprint):
                self._overtaken(fingerprint, there)
                return False
            entry = wanted(last_of(made, fingerprint), self._before.get(fingerprint))
            if entry != there:
                self._write({**entries, fingerprint: entry})
        self.made = made
        return True

    def _overtaken(self, fingerprint: str, there: Entry | None) -> None:
        """From now on what others made of it is how it was before; what we said of it counts no more."""
        self.made = tuple(each for each in self.made if each.fingerprint != fingerprint)
        self._before.pop(fingerprint, None)
        if there:
            self._before[fingerprint] = there

    def _read(self) -> dict[str, Entry]:
        return load(self._path) if os.path.lexists(self._path) else {}

    def _write(self, entries: Mapping[str, Entry | None]) -> None:
        left = [each for each in entries.values() if each]
        if left or not self._is_new:
            save(self._path, left)
        else:
            self._path.unlink(missing_ok=True)  # as it was before the first decision
