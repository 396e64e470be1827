"""What the commands that talk to AWS share: where it is asked, and the asking itself."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from keysweep.aws.mandate import Mandate, load
from keysweep.aws.partitions import BY_NAME
from keysweep.cli.checks import remember
from keysweep.cli.interrupt import ENDINGS, CtrlC
from keysweep.errors import UsageError
from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.verify import Answer, Question
    from keysweep.findings import Finding

_Command = Callable[..., Any]


def aws_endpoint(command: _Command) -> _Command:
    """The one option that changes where requests go."""
    return click.option(
        "--aws-endpoint",
        metavar="URL",
        callback=lambda _context, _option, value: _checked(value),
        help="Ask this server in place of AWS (STS, IAM, CloudTrail and the rest); "
        "no variable or file can do that.",
    )(command)


def partitions(command: _Command) -> _Command:
    """Which partitions are asked."""
    return click.option(
        "--partition",
        "partitions",
        multiple=True,
        type=click.Choice(list(BY_NAME)),
        help="Ask about keys in this partition; give it again for more.  [default: aws]",
    )(command)


def policy_file(command: _Command) -> _Command:
    """Which policy holds."""
    return click.option(
        "--policy",
        "policy_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The containment.toml to read; without it, the one in your configuration directory.",
    )(command)


def profile(command: _Command) -> _Command:
    """Whose credentials act."""
    return click.option(
        "--profile", help="AWS profile of your own identity.  [default: of the policy file, or the environment]"
    )(command)


def allow_account(command: _Command) -> _Command:
    """Where something may be changed."""
    return _allowing("change something")(command)


def allow_lookup(command: _Command) -> _Command:
    """Where somebody may be asked: the same accounts."""
    return _allowing("look a key up")(command)


def _allowing(what: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--allow-account",
        "allowed",
        multiple=True,
        metavar="ID",
        callback=lambda _context, _option, value: tuple(map(account_id, value)),
        help=f"Account in which this run may {what}, beside those of the policy; repeatable.",
    )


def mandate_of(explicit: Path | None) -> Mandate:
    """What the policy file says: `explicit`, or the one in the user's configuration directory."""
    from platformdirs import user_config_path

    try:
        directory = user_config_path("keysweep", appauthor=False)
    except RuntimeError:  # a user without a home, as in many containers
        return load(explicit, Path("/")) if explicit else Mandate()
    return load(explicit, directory)


def command(words: Iterable[str], policy_file: Path | None, profile: str | None, endpoint: str | None) -> str:
    """A command as a shell takes it, which acts as the same identity."""
    options = (
        ("--policy", policy_file and os.fspath(policy_file)),
        ("--profile", profile),
        ("--aws-endpoint", endpoint),
    )
    given = [word for name, value in options if value for word in (name, value)]
    return shlex.join(["keysweep", *words, *given])


@frozen
class Asked:
    """What AWS said of each key ID, as far as it came."""

    answers: Mapping[str, Answer]
    is_interrupted: bool
    """Whether somebody pressed Ctrl-C before all were asked about."""
    is_unwanted: bool = False
    """Whether somebody pressed Ctrl-C at all, and so wants nothing more to be done."""


def questions_about(findings: Iterable[Finding], partitions: tuple[str, ...]) -> Iterator[Question]:
    """What to ask about findings; made, and imported, where Ctrl-C loses nothing any more: in `ask`."""
    from keysweep.aws.questions import questions

    yield from questions(findings, partitions or ("aws",))


def ask(questions: Iterable[Question], endpoint: str | None, workers: int = 32) -> Asked:
    """Ask AWS about each key ID; Ctrl-C ends that at once, whatever is under way, and keeps what was answered."""
    answers: dict[str, Answer] = {}
    with CtrlC(*ENDINGS) as ctrl_c:
        from keysweep.aws.signing import Caller
        from keysweep.aws.verify import verify

        asked = list(questions)
        caller = Caller(endpoint, connections=workers)
        for answer in verify(asked, caller, workers=workers, goes_on=lambda: not ctrl_c.is_pressed):
            answers[answer.verdict.key_id] = answer
        caller.close()
        remember(each.verdict for each in answers.values())
    is_interrupted = any(each.key_id not in answers for each in asked)
    return Asked(answers, is_interrupted=is_interrupted, is_unwanted=ctrl_c.is_pressed)


def _checked(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        url = urlsplit(value)
        host = url.hostname
        port = url.port
    except ValueError:
        host, port, url = None, None, urlsplit("")
    if url.scheme not in {"http", "https"} or not host or "@" in url.netloc or port == 0:
        raise UsageError("--aws-endpoint has to be an address such as http://127.0.0.1:4566, without a password.")
    return value if value.endswith("/") else value + "/"


def account_id(value: str) -> str:
    """What was given, if it is an account ID. Raises UsageError."""
    if not (value.isascii() and value.isdecimal() and len(value) == 12):
        raise UsageError(f"{value} is no account ID: one has twelve digits.")
    return value
