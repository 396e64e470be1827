"""What opening a container gives: members, halts, and the budget they share."""

from __future__ import annotations

from keysweep.detect.limits import MIB, Limits
from keysweep.findings import ProblemCode
from keysweep.frozen import frozen

RATIO_FROM_BYTES = 64 * MIB
"""Small text compresses well; only above this size is a high ratio the mark of a bomb."""


@frozen
class Member:
    """One unpacked file."""

    name: str
    """As the container has it; empty for a plain compressed stream."""
    content: bytes
    step: str
    """The container in words, for the decoding path."""


@frozen
class Halt:
    """Something in a container that was not opened, or not wholly."""

    code: ProblemCode
    message: str
    name: str | None = None


class Budget:
    """What one outermost container may still unpack, nested ones included."""

    def __init__(self) -> None:
        """An untouched budget."""
        self.unpacked_bytes = 0
        self.members = 0

    def room(self, limits: Limits, packed_bytes: int) -> int:
        """Bytes that the next member may unpack to."""
        by_ratio = max(RATIO_FROM_BYTES, packed_bytes * limits.ratio)
        return max(0, min(limits.member_bytes, limits.total_bytes - self.unpacked_bytes, by_ratio))

    def exhausted(self, limits: Limits) -> Halt | None:
        """Why nothing more may be opened, or None."""
        if self.members >= limits.members:
            return Halt(ProblemCode.LIMIT, f"holds more than {limits.members} members; the rest was not scanned")
        if self.unpacked_bytes >= limits.total_bytes:
            size = limits.total_bytes // MIB
            return Halt(ProblemCode.LIMIT, f"unpacks to more than {size} MiB; the rest was not scanned")
        return None

    def spend(self, unpacked_bytes: int) -> None:
        """Account for one member."""
        self.members += 1
        self.unpacked_bytes += unpacked_bytes


def too_large(room: int, name: str | None = None) -> Halt:
    """The halt for a member that unpacks to more than it may."""
    return Halt(ProblemCode.LIMIT, f"unpacks to more than {room // MIB} MiB; only that much was scanned", name)


def damaged(reason: str, name: str | None = None) -> Halt:
    """The halt for what a parser refused.

    `reason` is in words of our own: the text of an exception repeats what stands in the content.
    """
    return Halt(ProblemCode.DAMAGED, f"is damaged or truncated ({reason}); what could be read was scanned", name)
