"""Environments of the processes that run as whoever runs keysweep."""

from __future__ import annotations

import os
import re
import sys

from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.scanner import redactor
from keysweep.findings import INTERRUPTED, Finding, Origin, Problem, ProblemCode, Source
from keysweep.frozen import frozen, replace
from keysweep.sources.progress import OnProgress, Progress
from keysweep.sources.windows import scan_in_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psutil

    _Redacted = Callable[[str], str]

MOST_PROCESSES = 50_000
MOST_NAMED = 4
"""Processes that a report names beside a finding."""
_ORIGIN = Origin("(environment)", Source.PROCESS)
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


@frozen
class Inherited:
    """A finding, and all processes that have it in their environment."""

    finding: Finding
    processes: tuple[str, ...]
    """Such as `pid 12 node`, the shortest first."""
    variables: tuple[str, ...]
    """In which it stands."""


@frozen
class Environments:
    """What came of looking at them."""

    inherited: tuple[Inherited, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    scanned_bytes: int = 0
    scanned_items: int = 0


def scan_environments(
    limits: Limits, options: Options, on_progress: OnProgress | None = None, most: int = MOST_PROCESSES
) -> Environments:
    """Scan the environment of every own process; the same credential in many of them is one finding.

    A process that ends meanwhile, and one of somebody else, is passed over. One's own that cannot be read is a
    problem, unless Linux keeps it from its own user, as it does with agents that hold keys: whoever runs as that
    user cannot read it either, so that is only told. An interrupt ends with what was found.
    """
    looked = _Looked(on_progress)
    found: dict[str, _Holders] = {}
    problems: list[Problem] = []
    size = 0
    try:
        looked.at_processes(most)
        for content, processes in looked.by_content.items():
            result = scan_in_memory(content, _ORIGIN, limits, options)
            size += len(content)
            problems += [each for each in result.problems if each not in problems]
            for finding in result.findings:
                holders = found.setdefault(finding.fingerprint, _Holders(finding, content))
                holders.processes += processes
    except KeyboardInterrupt:
        problems.append(INTERRUPTED)
    redacted = redactor([each.finding for each in found.values()])
    return Environments(
        tuple(each.inherited(redacted) for each in found.values()),
        (*looked.problems, *problems),
        looked.notes(),
        size,
        sum(map(len, looked.by_content.values())),
    )


class _Holders:
    """Who has a credential in the environment."""

    def __init__(self, finding: Finding, content: bytes) -> None:
        self.finding = finding
        self.processes: list[str] = []
        self._content = content

    def inherited(self, redacted: _Redacted) -> Inherited:
        processes = tuple(map(redacted, sorted(set(self.processes), key=_shortest)))
        variables = dict.fromkeys(self._variable(part.place.offset) for part in self.finding.parts)
        origin = replace(_ORIGIN, path=f"({said_of(processes)})", what="environment of processes")
        return Inherited(replace(self.finding, origin=origin), processes, tuple(filter(None, variables)))

    def _variable(self, offset: int) -> str:
        start = self._content.rfind(b"\n", 0, offset) + 1
        name = self._content[start:offset].partition(b"=")[0]
        return name.decode("ascii") if _NAME.fullmatch(name) else ""


def _shortest(described: str) -> tuple[int, str]:
    return len(described), described


def said_of(processes: Sequence[str], most: int = MOST_NAMED) -> str:
    """Whose environment it is: `environment of 3 processes: pid 12 node, ...`."""
    if len(processes) == 1:
        return f"environment of {processes[0]}"
    more = f" and {len(processes) - most} more" if len(processes) > most else ""
    return f"environment of {len(processes)} processes: {', '.join(processes[:most])}{more}"


class _Looked:
    """What was seen of processes so far."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.by_content: dict[bytes, list[str]] = {}
        self.problems: list[Problem] = []
        self._kept: list[str] = []
        self._on_progress = on_progress

    def at_processes(self, most: int) -> None:
        for number, process in enumerate(self._listed()):
            if number == most:
                message = f"there are more than {most} processes, and the others were not looked at"
                self.problems.append(Problem(ProblemCode.LIMIT, message))
                return
            if self._on_progress:
                self._on_progress(Progress("reading environments", number))
            self._at(process)

    def _listed(self) -> Iterator[psutil.Process]:
        import psutil

        try:
            yield from psutil.process_iter()
        except (psutil.Error, OSError):
            message = "the processes of this machine cannot be listed, so none was looked at"
            self.problems.append(Problem(ProblemCode.UNREADABLE, message))

    def _at(self, process: psutil.Process) -> None:
        import psutil

        name = ""
        try:
            if not _is_own(process):
                return
            name = f"pid {process.pid} {process.name()}"
            content = _as_content(process.environ())
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return  # it has ended
        except (psutil.Error, OSError) as error:
            if name:
                self._not_read(name, error, kept=isinstance(error, psutil.AccessDenied))
            return
        self.by_content.setdefault(content, []).append(name)

    def _not_read(self, name: str, error: Exception, *, kept: bool) -> None:
        if kept and sys.platform == "linux":
            self._kept.append(name)
            return
        origin = replace(_ORIGIN, path=f"(environment of {name})")
        message = f"cannot be read ({type(error).__name__})"
        self.problems.append(Problem(ProblemCode.UNREADABLE, message, origin))

    def notes(self) -> tuple[str, ...]:
        if not self._kept:
            return ()
        return (f"the system keeps the {said_of(sorted(self._kept, key=_shortest))} from you too: not read",)


def _is_own(process: psutil.Process) -> bool:
    if sys.platform == "win32":
        import getpass

        return process.username().rpartition("\\")[2] == getpass.getuser()
    return process.uids().real == os.getuid()


def _as_content(environment: Mapping[str, str]) -> bytes:
    """A line a variable, in order of their names, so that what belongs together stands together."""
    lines = [f"{name}={value}\n" for name, value in sorted(environment.items())]
    return "".join(lines).encode("utf-8", "surrogateescape")
