"""`keysweep install` and `keysweep uninstall`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from keysweep import installer
from keysweep.config import load
from keysweep.errors import ExitCode, UsageError

_server = click.option(
    "--server",
    "repository",
    metavar="REPO.git",
    type=click.Path(path_type=Path),
    help="For the bare repository that others push to (pre-receive).",
)


@click.command()
@click.option("--global", "everywhere", is_flag=True, help="For all repositories of this user (core.hooksPath).")
@_server
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="With --server: the configuration, in place of REPO.git/keysweep.toml.",
)
@click.option("--contact", metavar="WHOM", help="With --server: whom a refusal names, such as an address.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    help="With --server: the longest that a push waits.",
)
@click.option("--pragmas", is_flag=True, help="With --server: comments in what is pushed may allow a key.")
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(installer.STAGES),
    help="Only this stage; may be given several times.  [default: all three]",
)
def install(
    everywhere: bool,
    repository: Path | None,
    config: Path | None,
    contact: str | None,
    timeout: int | None,
    pragmas: bool,
    stages: tuple[str, ...],
) -> int:
    """Set up git hooks that refuse leaks: staged changes, commit messages, pushed commits.

    With --server, the hook of a bare repository refuses whatever anybody pushes there that brings a key. Hooks
    that are there keep running, after keysweep's. Nothing else in the repository is touched.

    \b
    Examples:
      keysweep install
      keysweep install --stage pre-commit
      keysweep install --global
      keysweep install --server /srv/git/app.git --contact security@example.net
    """
    of_server = _options(config, contact, timeout, pragmas=pragmas)
    if repository is not None:
        if everywhere or stages:
            raise UsageError("--server sets up one stage in one repository: leave out --global and --stage.")
        if config is not None:
            load(config.parent, config)  # so that a mistake in it is told now, and not to whoever pushes first
        _tell(installer.install_server(os.fspath(repository), of_server))
        return ExitCode.CLEAN
    if of_server:
        raise UsageError("--config, --contact, --timeout and --pragmas go with --server.")
    _tell(installer.install(stages or installer.STAGES, everywhere=everywhere))
    click.echo("To pass it by once: git commit --no-verify, git push --no-verify.")
    return ExitCode.CLEAN


@click.command()
@click.option("--global", "everywhere", is_flag=True, help="What `install --global` set up.")
@_server
def uninstall(everywhere: bool, repository: Path | None) -> int:
    """Take keysweep's hooks out and put back the ones that were there before."""
    if repository is not None:
        if everywhere:
            raise UsageError("--server is about one repository: leave out --global.")
        _tell(installer.uninstall_server(os.fspath(repository)))
        return ExitCode.CLEAN
    _tell(installer.uninstall(everywhere=everywhere))
    return ExitCode.CLEAN


def _options(config: Path | None, contact: str | None, timeout: int | None, *, pragmas: bool) -> list[str]:
    """What the hook is called with; a file by its whole path, because the hook runs somewhere else."""
    options = ["--config", os.path.abspath(config)] if config else []
    options += ["--contact", contact] if contact else []
    options += ["--timeout", str(timeout)] if timeout else []
    return [*options, *(["--pragmas"] if pragmas else [])]


def _tell(changes: list[installer.Change]) -> None:
    for change in changes:
        click.echo(f"{change.path}: {change.done}")
