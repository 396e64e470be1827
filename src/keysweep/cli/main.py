"""The `keysweep` command: registers its commands and turns every failure into one sentence."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

import click

from keysweep import __version__
from keysweep.cli.interrupt import be_patient
from keysweep.cli.output import abandon
from keysweep.errors import ExitCode, IncompleteError, KeysweepError
from keysweep.report.style import complaint

_COMMANDS = {
    "init": "keysweep.cli.init",
    "scan": "keysweep.cli.scan",
    "sweep": "keysweep.cli.sweep",
    "serve": "keysweep.cli.serve",
    "report": "keysweep.cli.report",
    "verify": "keysweep.cli.verify",
    "contain": "keysweep.cli.contain",
    "undo": "keysweep.cli.undo",
    "rotate": "keysweep.cli.rotate",
    "delete": "keysweep.cli.delete",
    "account": "keysweep.cli.account",
    "purge-plan": "keysweep.cli.purge_plan",
    "log": "keysweep.cli.log",
    "notify": "keysweep.cli.notify",
    "store": "keysweep.cli.store",
    "triage": "keysweep.cli.triage",
    "baseline": "keysweep.cli.baseline",
    "explain": "keysweep.cli.explain",
    "install": "keysweep.cli.install",
    "uninstall": "keysweep.cli.install",
    "responder": "keysweep.cli.responder",
    "doctor": "keysweep.cli.doctor",
}
_SUMMARIES = {
    "init": "Set up keysweep in a repository: configuration, hooks, a first scan.",
    "scan": "Find leaked keys in files, directories, stdin or the staged change.",
    "sweep": "Find leaked keys in every repository of an organisation.",
    "serve": "Show what sweeps found as pages in a browser, and decide there.",
    "report": "Show findings files again: in another format, several as one, or what is new.",
    "verify": "Ask AWS which of the keys that were found are live.",
    "contain": "Switch leaked keys off in AWS: a plan first, and then what it says.",
    "undo": "Take back what a run of contain or rotate did.",
    "rotate": "Put a new key in the place of an old one, and switch the old one off.",
    "delete": "Delete keys for good that have been off for long.",
    "account": "Judge the access keys that an AWS account has, and say how to mend it.",
    "purge-plan": "Plan how to take keys out of history: contain first, then rewrite.",
    "log": "Show what was done in AWS, by whom and when, and check the journal.",
    "store": "Look after what sweeps keep: export, import, prune, check.",
    "notify": "Tell webhooks, Slack, mail and Security Hub about leaks of a sweep.",
    "triage": "Decide on findings one by one, at a terminal.",
    "baseline": "Accept findings that are known, so that new ones stand out.",
    "explain": "Say everything that a key ID tells without asking AWS.",
    "install": "Set up git hooks that refuse leaks, beside those already there.",
    "uninstall": "Take those hooks out again and put the old ones back.",
    "responder": "Print the AWS role that contains leaked keys, and check that it can.",
    "doctor": "Say what works here: git, engine, hooks, configuration, journal.",
}


class _LazyGroup(click.Group):
    """Imports a command only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in the order in which people need them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="keysweep %(version)s")
def keysweep() -> None:
    """Find leaked AWS access keys, in every form they hide in, and make them harmless.

    \b
    Examples:
      keysweep init                    set it up in this repository
      keysweep scan                    what git sees in this directory
      keysweep scan --staged           what the next commit would add
      keysweep scan - < build.log      standard input
      keysweep scan --history          everything that was ever committed
      keysweep sweep github:acme       every repository of an organisation
      keysweep install                 refuse leaks at commit and push
      keysweep explain AKIA...         whose key is this?
      keysweep verify found.json       which are live?
      keysweep contain found.json      what would be done about them?

    \b
    Exit codes:
      0  clean        1  findings        2  wrong usage or configuration
      3  incomplete: something could not be scanned        4  AWS failed, or a key is not contained
    """


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code and lets no traceback out."""
    be_patient()
    try:
        code = keysweep.main(arguments, prog_name="keysweep", standalone_mode=False)
    except KeysweepError as error:
        _say(complaint(error))
        return error.exit_code
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _say("keysweep: interrupted before everything was scanned.")
        return ExitCode.INCOMPLETE
    except BrokenPipeError:
        abandon(sys.stdout)
        return ExitCode.INCOMPLETE
    except OSError as error:
        abandon(sys.stdout)
        what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        _say(complaint(IncompleteError(f"the system refused something that was needed ({what}): try again.")))
        return ExitCode.INCOMPLETE
    return code if isinstance(code, int) else ExitCode.CLEAN


def _say(message: str) -> None:
    """Complain where anybody listens; where not, the exit code still tells."""
    with suppress(OSError):
        click.echo(message, err=True)
