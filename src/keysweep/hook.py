"""The hook's fast path: staged → detect → refuse. It imports almost nothing until something looks wrong."""

from __future__ import annotations

import os
import sys
from io import StringIO

from keysweep.errors import ExitCode, KeysweepError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from keysweep.findings import ScanResult
    from keysweep.settings import Settings
    from keysweep.suppress.baseline import Entry

_STAGES = "pre-commit, commit-msg FILE, or pre-push [REMOTE [URL]]; pre-receive on a server"


def main(arguments: list[str]) -> int:
    """Run one hook stage and return the exit code that lets git go on (0) or stops it."""
    try:
        return _run(arguments)
    except KeysweepError as error:
        from keysweep.report.style import complaint

        _say(complaint(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("keysweep: interrupted before everything was scanned; nothing was let through.")
        return ExitCode.INCOMPLETE
    except OSError as error:
        _say(f"keysweep: the system refused something that was needed ({error.strerror}): try again.")
        return ExitCode.INCOMPLETE


def _say(message: str) -> None:
    try:
        print(message, file=sys.stderr)
    except OSError:
        return  # a terminal that is gone does not change the answer


def _run(arguments: list[str]) -> int:
    stage, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if sys.flags.no_site:
        sys.meta_path.append(_LatePackages)
    if stage == "pre-commit":
        return _pre_commit()
    if stage == "commit-msg" and rest:
        from keysweep.sources.commits import scan_message

        settings = _settings()
        baseline = _baseline(settings)
        return _refuse(scan_message(rest[0], settings.limits, settings.options()), settings, baseline)
    if stage == "pre-push":
        from keysweep.sources.commits import pushed_updates, scan_pushed

        settings = _settings()
        baseline = _baseline(settings)
        updates = pushed_updates(os.environ, rest, sys.stdin.buffer)
        return _refuse(scan_pushed(updates, settings.limits, settings.options()), settings, baseline)
    if stage == "pre-receive":
        from keysweep.receive import pre_receive

        code, told = pre_receive(rest, sys.stdin.buffer, os.environ)
        if told:
            _say(told.removesuffix("\n"))
        return code
    raise UsageError(f"`keysweep hook {stage}` is no stage: use {_STAGES}.")


def _pre_commit() -> int:
    from keysweep.sources.staged import StagedChange

    with StagedChange() as change:
        settings = _configured()
        entries = change.suspicious_entries(everything=bool(settings and settings.rules))
        if not entries:
            return ExitCode.CLEAN
        settings = settings or _defaults()
        baseline = _baseline(settings)
        result = change.scan(entries, limits=settings.limits, options=settings.options())
    return _refuse(result, settings, baseline)


class _LatePackages:
    """Finds installed packages where Python was started without `site`, once something needs one."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        import site
        from importlib.machinery import PathFinder

        sys.meta_path.remove(cls)
        site.main()
        return PathFinder.find_spec(name, path, target)


def _has_config() -> bool:
    """Whether there is anything to read: a look at two names, so that most commits never load a parser."""
    if os.path.lexists("keysweep.toml"):
        return True
    if not os.path.isfile("pyproject.toml"):
        return False
    try:
        with open("pyproject.toml", "rb") as stream:
            return b"tool.keysweep" in stream.read(1 << 20)
    except OSError:
        return True  # and loading it says why it cannot be read


def _settings() -> Settings:
    return _configured() or _defaults()


def _defaults() -> Settings:
    from keysweep.settings import Settings

    return Settings()


def _configured() -> Settings | None:
    """What the repository configures; None, and nothing loaded, where it configures nothing."""
    if not _has_config():
        return None
    from pathlib import Path

    from keysweep.config import load

    return load(Path())


def _baseline(settings: Settings) -> Mapping[str, Entry]:
    """The accepted findings, read before the scan so that a damaged file is told first; mostly there are none."""
    if settings.baseline is None and not os.path.lexists(".keysweep-baseline"):
        return {}
    from pathlib import Path

    from keysweep.suppress.chosen import baseline_of

    return baseline_of(settings, Path())


def _refuse(result: ScanResult, settings: Settings, baseline: Mapping[str, Entry]) -> int:
    """Print what was found and decide: findings win over an incomplete scan, which wins over clean."""
    if not result.findings and not result.problems:
        return ExitCode.CLEAN
    from keysweep.suppress.policy import apply

    result, suppressed = apply(result, settings, baseline=baseline)
    failing = any(finding.severity >= settings.fail_on for finding in result.findings)
    if result.findings or result.problems or suppressed:
        from keysweep.report.style import Style
        from keysweep.report.text import render

        style = Style.detect(sys.stderr, os.environ)
        report = StringIO()
        render(result, report, style=style, fail_on=settings.fail_on, audience="hook", suppressed=suppressed)
        _say(report.getvalue().removesuffix("\n"))
    if failing:
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if result.problems else ExitCode.CLEAN
