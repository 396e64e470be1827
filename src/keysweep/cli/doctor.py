"""`keysweep doctor`."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import click

from keysweep import __version__, cache, git
from keysweep.cli.operator import aws_endpoint, mandate_of, policy_file, profile
from keysweep.errors import ExitCode, KeysweepError, UsageError
from keysweep.frozen import frozen
from keysweep.report.style import Style, size

_OLDEST_GIT = (2, 30)


class State(StrEnum):
    """What is to be made of something; the values are names that scripts use."""

    OK = "ok"
    NOTE = "note"
    """As it is, it works; somebody may want it otherwise."""
    WRONG = "wrong"


@frozen
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    told: str
    remedy: str = ""


@click.command()
@click.option("--aws", is_flag=True, help="Also ask STS who you are there; nothing else talks to the network.")
@policy_file
@profile
@aws_endpoint
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor(aws: bool, policy_file: Path | None, profile: str | None, aws_endpoint: str | None, form: str) -> int:
    """Say what keysweep finds here: versions, git, engine, hooks, configuration, journal, and what it would scan.

    Nothing is changed, and without --aws nothing is asked over the network.

    \b
    Exit codes:
      0  everything works    2  something is wrong, and what to do is said    4  AWS could not be asked
    """
    if (profile or aws_endpoint) and not aws:
        raise UsageError("--profile and --aws-endpoint go with --aws: nothing else here acts as you.")
    checks = [*_tools(), *_here(), *_contains(policy_file)]
    if aws:
        checks.append(_told("AWS identity", lambda: _identity(policy_file, profile, aws_endpoint)))
    if form == "json":
        click.echo(json.dumps({"checks": [_as_data(each) for each in checks]}, indent=2))
    else:
        click.echo("\n".join(_lines(checks, Style.detect(sys.stdout, os.environ))))
    wrong = [each for each in checks if each.state is State.WRONG]
    if not wrong:
        return ExitCode.CLEAN
    return ExitCode.AWS if all(each.name == "AWS identity" for each in wrong) else ExitCode.USAGE


def _told(name: str, look: Callable[[], Check]) -> Check:
    """What a look comes to; a failure of it is what is wrong."""
    try:
        return look()
    except KeysweepError as error:
        return Check(name, State.WRONG, str(error))
    except OSError as error:
        return Check(name, State.WRONG, f"{error.strerror}: {error.filename}")


def _tools() -> Iterator[Check]:
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Check("keysweep", State.OK, f"{__version__}, {python}")
    yield _told("git", _git)
    yield _engine()


def _git() -> Check:
    said = git.run(("version",)).decode("utf-8", "replace").strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < _OLDEST_GIT:
        return Check("git", State.WRONG, said, "install git 2.30 or newer")
    return Check("git", State.OK, said)


def _engine() -> Check:
    from keysweep.detect import engine

    try:
        kept = cache.read(f"engine-{engine.identity()}") is not None
    except ImportError:
        return Check("engine", State.NOTE, "no Hyperscan here: large scans take some ten times as long")
    place = cache.directory()
    where = f"kept in {place}" if kept else "not compiled yet: the first large scan takes 0.3 s more"
    if place is None:
        where = "compiled anew for each scan, because this user has no directory for caches"
    return Check("engine", State.OK, f"Hyperscan, {where}")


def _here() -> Iterator[Check]:
    """What is set for the directory one stands in."""
    from keysweep.installer import is_bare

    top = git.answer(("rev-parse", "--show-toplevel"))
    root = Path(os.fsdecode(top.rstrip(b"\n"))) if top else Path(".")
    yield _told("configuration", lambda: _configuration(root))
    if top is None and is_bare():
        yield _told("hooks", _hook_of_server)
    elif top is None:
        yield Check("hooks", State.NOTE, "this is no work tree of git", "run `keysweep doctor` in one")
    else:
        yield _told("hooks", _hooks)
    yield _told("would scan", _would_scan)


def _configuration(root: Path) -> Check:
    from keysweep.config import found, load

    settings = load(root)
    file = found(root)
    own = [len(each) for each in (settings.exclude, settings.allow or (), settings.rules)]
    told = "{} excluded, {} allowed, {} rules of your own".format(*own)
    return Check("configuration", State.OK, f"{file}: {told}" if file else "none: the defaults hold")


def _hooks() -> Check:
    from keysweep.installer import STAGES, installed

    there = installed()
    missing = [stage for stage in STAGES if stage not in there]
    if not there:
        return Check("hooks", State.NOTE, "none of keysweep's is here", "keysweep install")
    told = ", ".join(there) + (f"; not {', '.join(missing)}" if missing else "")
    return Check("hooks", State.NOTE if missing else State.OK, told, "keysweep install" if missing else "")


def _hook_of_server() -> Check:
    from keysweep.installer import SERVER_STAGE, installed_on_server

    if installed_on_server():
        return Check("hooks", State.OK, f"{SERVER_STAGE}: pushes to this repository are judged")
    told = "none of keysweep's is here, so whatever is pushed is let in"
    return Check("hooks", State.NOTE, told, "keysweep install --server .")


def _would_scan() -> Check:
    from keysweep.sources.files import listed

    sizes, problems = listed(".")
    told = f"{len(sizes)} file{'s' * (len(sizes) != 1)}, {size(sum(sizes))}, with `keysweep scan` here"
    if problems:
        return Check("would scan", State.WRONG, f"{told}; {problems[0].message}", "change permissions")
    return Check("would scan", State.OK, told)


def _contains(policy_file: Path | None) -> Iterator[Check]:
    """What holds for containment."""
    yield _told("policy", lambda: _policy(policy_file))
    yield _told("journal", _journal)


def _policy(policy_file: Path | None) -> Check:
    mandate = mandate_of(policy_file)
    if not mandate.allow_accounts:
        return Check("policy", State.NOTE, "no account is allowed: nothing is ever changed in AWS")
    count = len(mandate.allow_accounts)
    acts = f"as role {mandate.role}" if mandate.role else "as you are"
    auto = "unattended runs act" if mandate.unattended else "no unattended run acts"
    return Check("policy", State.OK, f"{count} account{'s' * (count != 1)} allowed, {acts}; {auto}")


def _journal() -> Check:
    from keysweep.aws.containment.journal import Journal, directory
    from keysweep.cli.log import dangling

    journal = Journal(directory())
    entries = tuple(journal.read())
    if any(each.fault for each in entries):
        return Check("journal", State.WRONG, f"{journal.path} cannot be trusted", "keysweep log")
    if loose := len(dangling(entries)):
        return Check("journal", State.WRONG, f"{loose} changes of which nobody noted the outcome", "keysweep log")
    return Check("journal", State.OK, f"{journal.path}: {len(entries)} lines, the chain is whole")


def _identity(policy_file: Path | None, profile: str | None, endpoint: str | None) -> Check:
    from keysweep.aws.responders import Responders

    mandate = mandate_of(policy_file)
    acting = Responders(mandate, profile, endpoint).operator(mandate.partitions[0])
    return Check("AWS identity", State.OK, f"{acting.arn} in account {acting.account}")


def _as_data(check: Check) -> dict[str, str | None]:
    return {
        "name": check.name,
        "state": check.state.value,
        "told": check.told,
        "remedy": check.remedy or None,
    }


_COLOURS = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "alarm"}


def _lines(checks: list[Check], style: Style) -> Iterator[str]:
    for each in checks:
        state = style.paint(f"{each.state.value:5}", _COLOURS[each.state])
        remedy = f" ({each.remedy})" if each.remedy else ""
        yield f"{state}  {each.name:14} {style.safe(each.told + remedy)}"
