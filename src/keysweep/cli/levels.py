"""The option that says which severity makes exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from keysweep.findings import Severity

_Command = Callable[..., Any]


def fail_on_option(command: _Command) -> _Command:
    """From which severity on somebody is needed."""
    return click.option(
        "--fail-on",
        type=click.Choice([level.label for level in Severity]),
        default=Severity.MEDIUM.label,
        show_default=True,
        help="Least severity that makes exit code 1.",
    )(command)
