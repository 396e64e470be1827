"""`keysweep install` and `keysweep uninstall`."""

from __future__ import annotations

import click

from keysweep import installer
from keysweep.errors import ExitCode


@click.command()
@click.option("--global", "everywhere", is_flag=True, help="For all repositories of this user (core.hooksPath).")
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(installer.STAGES),
    help="Only this stage; may be given several times.  [default: all three]",
)
def install(everywhere: bool, stages: tuple[str, ...]) -> int:
    """Set up git hooks that refuse leaks: staged changes, commit messages, pushed commits.

    Hooks that are there keep running, after keysweep's. Nothing else in the repository is touched.

    \b
    Examples:
      keysweep install
      keysweep install --stage pre-commit
      keysweep install --global
    """
    _tell(installer.install(stages or installer.STAGES, everywhere=everywhere))
    click.echo("To pass it by once: git commit --no-verify, git push --no-verify.")
    return ExitCode.CLEAN


@click.command()
@click.option("--global", "everywhere", is_flag=True, help="What `install --global` set up.")
def uninstall(everywhere: bool) -> int:
    """Take keysweep's hooks out and put back the ones that were there before."""
    _tell(installer.uninstall(everywhere=everywhere))
    return ExitCode.CLEAN


def _tell(changes: list[installer.Change]) -> None:
    for change in changes:
        click.echo(f"{change.path}: {change.done}")
