"""`keysweep scan --machine`: what goes with it, whose home it is, and the scan."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.core import ParameterSource

from keysweep.cli.progress import progress_line
from keysweep.errors import UsageError
from keysweep.findings import ScanResult
from keysweep.settings import Settings

_NOT_WITH = (
    "staged",
    "whole_files",
    "history",
    "ranges",
    "since",
    "refs",
    "below",
    "all_files",
    "strict_base",
    "no_cache",
)
"""Options of `scan` that choose what is scanned, or belong to those."""

option = click.option(
    "--machine",
    is_flag=True,
    help="Scan where this machine keeps keys: your credentials files, tools, histories, running processes.",
)


def home_to_scan() -> Path:
    """The home directory, as the environment says; UsageError where it says none, or where more was asked for."""
    context = click.get_current_context()
    if context.params["paths"]:
        raise UsageError("--machine scans the places that it knows: scan other paths in another run.")
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in _NOT_WITH and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--machine scans the places that it knows: leave out {parameter.opts[0]}.")
    variable = "USERPROFILE" if os.name == "nt" else "HOME"
    given = os.environ.get(variable, "")
    if not os.path.isabs(given) or not os.path.isdir(given):
        said = f"is {given}, which is no directory" if given else "is not set"
        raise UsageError(f"{variable} {said}: set it to the home directory that is to be scanned.")
    return Path(os.path.realpath(given))


def scan_home(home: Path, settings: Settings, jobs: int | None) -> ScanResult:
    """Scan it, with the line of progress on a terminal."""
    from keysweep.sources.machine.processes import scan_environments
    from keysweep.sources.machine.scan import scan_machine

    limits, options = settings.limits, settings.options()
    with progress_line() as report:
        running = scan_environments(limits, options, report)
        return scan_machine(
            os.fspath(home), os.environ, running, limits=limits, options=options, jobs=jobs, on_progress=report
        )
