"""The hook of a server, pre-receive: nothing that a push brings has a say in whether it is let in.

What holds is said by whoever runs the server: in `keysweep.toml` and `.keysweep-baseline` in the repository's own
directory, where no push can write, or in the file that `--config` names.
"""

from __future__ import annotations

import os
import signal

from keysweep.errors import ExitCode, IncompleteError, KeysweepError, UsageError
from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import IO

    from keysweep.findings import ScanResult
    from keysweep.settings import Settings
    from keysweep.sources.received import Server
    from keysweep.suppress.baseline import Entry

_MOST_BYTES = 4 << 30
"""Address space of this process, and of each git that it starts: a tree can be written in a few kilobytes that
has more files than any server has memory to list."""
_TIMEOUT_SECONDS = 60


@frozen
class Orders:
    """What the administrator wrote into the hook."""

    config: str | None = None
    contact: str | None = None
    """Whom a refusal names."""
    timeout_seconds: int = _TIMEOUT_SECONDS
    pragmas: bool = False
    """Whether comments in what is pushed may allow a key."""


def pre_receive(arguments: Sequence[str], stdin: IO[bytes], environment: Mapping[str, str]) -> tuple[int, str]:
    """Judge a push; returns the exit code, which lets it in if it is 0, and what the pusher shall read."""
    contact = None
    try:
        orders = _orders(arguments)
        contact = orders.contact
        _limit(orders.timeout_seconds)
        try:
            code, told = _judge(orders, stdin, environment)
        finally:
            _no_more_limit()
    except (KeysweepError, MemoryError, OSError) as error:
        from keysweep.report.refusal import unjudged

        code = error.exit_code if isinstance(error, KeysweepError) else ExitCode.INCOMPLETE
        told = unjudged(_in_words(error), contact)
    if "GL_REPOSITORY" in environment:  # GitLab shows what begins so in the browser, too
        told = "".join(f"GL-HOOK-ERR: {line}\n" for line in told.splitlines())
    return code, told


def _orders(arguments: Sequence[str]) -> Orders:
    """The options behind `keysweep hook pre-receive`, read without what a command line costs."""
    given: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        name, is_joined, value = waiting.pop(0).partition("=")
        if name == "--pragmas" and not is_joined:
            given[name] = ""
        elif name in ("--config", "--contact", "--timeout") and (is_joined or waiting):
            given[name] = value if is_joined else waiting.pop(0)
        else:
            raise UsageError(
                f"`{name}` is no option of pre-receive: it has --config FILE, --contact WHOM, --timeout SECONDS "
                "and --pragmas."
            )
    seconds = given.get("--timeout", str(_TIMEOUT_SECONDS))
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 9 and int(seconds) > 0):
        raise UsageError(f"--timeout is a number of seconds above 0, and {seconds} is none.")
    return Orders(given.get("--config"), given.get("--contact"), int(seconds), "--pragmas" in given)


def _limit(seconds: int) -> None:
    """Hold this process to a time, and it and what it starts to a memory, where the system can."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda number, frame: _out_of_time(seconds, number, frame))
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        import resource
    except ImportError:
        return
    # A git that goes on alone ends by itself: it has a second more than this process, of the processor's time.
    for what, wanted in ((resource.RLIMIT_AS, _MOST_BYTES), (resource.RLIMIT_CPU, seconds + 1)):
        _, most = resource.getrlimit(what)
        if most == resource.RLIM_INFINITY or most > wanted:
            resource.setrlimit(what, (wanted, most))


def _no_more_limit() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(seconds: int, _: int, __: FrameType | None) -> None:
    raise IncompleteError(f"it took longer than {seconds} s, which is the limit here: push it in smaller parts.")


def _judge(orders: Orders, stdin: IO[bytes], environment: Mapping[str, str]) -> tuple[int, str]:
    from keysweep.sources.received import quarantine_of, received, scan_received, server

    brought = received(stdin)
    repository = server()
    settings, baseline = _settled(orders, repository)
    with quarantine_of(repository, environment):
        result = scan_received(brought, settings.limits, settings.options())
    if not result.findings and not result.problems:
        return ExitCode.CLEAN, ""
    return _decide(result, settings, baseline, orders)


def _settled(orders: Orders, repository: Server) -> tuple[Settings, Mapping[str, Entry]]:
    """What the administrator accepts: read whatever is pushed, so that a mistake in it is told at once."""
    given = orders.config or os.path.join(repository.directory, "keysweep.toml")
    directory = os.path.dirname(os.path.abspath(given))
    if orders.config or os.path.lexists(given):
        from pathlib import Path

        from keysweep.config import load

        settings = load(Path(directory), Path(given))
    else:
        from keysweep.settings import Settings

        settings = Settings()
    if settings.baseline is None and not os.path.lexists(os.path.join(directory, ".keysweep-baseline")):
        return settings, {}
    from pathlib import Path

    from keysweep.suppress.chosen import baseline_of

    return settings, baseline_of(settings, Path(directory))


def _decide(
    result: ScanResult, settings: Settings, baseline: Mapping[str, Entry], orders: Orders
) -> tuple[int, str]:
    """Findings win over an incomplete scan, which wins over clean."""
    from keysweep.report.refusal import refusal
    from keysweep.suppress.policy import apply, heeds_all
    from keysweep.suppress.strict import heeds_none

    heeds = heeds_all if orders.pragmas else heeds_none
    result, _ = apply(result, settings, baseline=baseline, heeds=heeds)
    told = refusal(result, settings.fail_on, orders.contact)
    if any(finding.severity >= settings.fail_on for finding in result.findings):
        return ExitCode.FINDINGS, told
    return ExitCode.INCOMPLETE if result.problems else ExitCode.CLEAN, told


def _in_words(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it takes more memory than there is for that: push it in smaller parts."
    if isinstance(error, OSError):
        return f"the system refused something that was needed ({error.strerror})."
    return str(error)
