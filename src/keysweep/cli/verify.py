"""`keysweep verify`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import click

from keysweep.cli import lone
from keysweep.cli.operator import ask, aws_endpoint, partitions, questions_about
from keysweep.cli.output import check_writable, write_report
from keysweep.errors import ExitCode
from keysweep.findings import Finding
from keysweep.report.style import Style
from keysweep.verdicts import Status, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.report.read import FindingsFile
    from keysweep.sources.reread import Reread


@click.command()
@click.argument("findings", metavar="FINDINGS.json")
@click.option("--repository", metavar="DIR", help="A copy of the repository, if it is not where it was scanned.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--output", metavar="FILE", help="Write the report to FILE, whole or not at all.")
@click.option("--workers", type=click.IntRange(1, 256), default=32, show_default=True, help="Requests at once.")
@lone.inventory_files
@lone.lookup_options
@partitions
@aws_endpoint
def verify(
    findings: str,
    repository: str | None,
    form: str,
    output: str | None,
    workers: int,
    inventories: tuple[str, ...],
    lookup: bool,
    policy_file: Path | None,
    profile: str | None,
    allowed: tuple[str, ...],
    partitions: tuple[str, ...],
    aws_endpoint: str | None,
) -> int:
    """Ask AWS which of the keys in FINDINGS.json are live.

    The file holds no secret. Each is read again from where it was found, compared with its fingerprint, and used
    to sign one request, sts:GetCallerIdentity, which changes nothing and needs no permission. Canary keys are
    never tried. The account of a key can see the request in CloudTrail.

    Of a key ID without a secret AWS tells nobody whether it works. With --inventory or --lookup it is looked up
    where you look after keys yourself: in files, or in IAM in accounts that you allow.

    \b
    Exit codes:
      0  none is live          1  at least one is live
      3  some secrets could not be read again    4  AWS could not be asked about some keys
    """
    if output:
        check_writable(output)
    means = lone.means(inventories, lookup, policy_file, profile, allowed, partitions, aws_endpoint)
    from keysweep.report.read import load

    read, unread = read_again(load(findings), repository)
    came = ask(questions_about(read, partitions), aws_endpoint, workers)
    looked = lone.known(read, unread, came, means)
    is_interrupted = came.is_interrupted or looked.is_interrupted
    answered = {key_id: answer.verdict for key_id, answer in came.answers.items()}
    verdicts = list({**answered, **looked.verdicts}.values())
    complete = not unread and not is_interrupted
    verdicts.sort(key=lambda each: (_ORDER.index(each.status), each.key_id))

    def write(stream: TextIO) -> None:
        if form == "json":
            _as_json(verdicts, unread, stream, complete=complete)
        else:
            style = Style() if output else Style.detect(stream, os.environ)
            stream.write("\n".join(_as_text(verdicts, unread, read, style)) + "\n")

    write_report(output, write)
    if any(each.status is Status.LIVE for each in verdicts):
        return ExitCode.FINDINGS
    if is_interrupted:
        click.echo("keysweep: interrupted before AWS was asked about every key.", err=True)
    if not complete:
        return ExitCode.INCOMPLETE
    unanswered = looked.is_unanswered or any(is_unanswered(each) for each in verdicts)
    return ExitCode.AWS if unanswered else ExitCode.CLEAN


_ORDER = tuple(Status)


def is_unanswered(verdict: Verdict) -> bool:
    """Whether AWS was asked and nothing came of it; where there was nothing to ask with, nothing could."""
    return verdict.status is Status.UNKNOWN and verdict.asked


def read_again(file: FindingsFile, repository: str | None) -> tuple[list[Finding], list[Reread]]:
    """The findings of a findings file with their secrets, and those that cannot be read again."""
    from keysweep.sources.reread import reread

    where = repository or file.repository or file.directory
    again = list(reread(file.findings, file.directory, where))
    return (
        [each.finding for each in again if each.finding],
        [each for each in again if not each.finding],
    )


def _as_json(verdicts: Sequence[Verdict], unread: Sequence[Reread], stream: TextIO, *, complete: bool) -> None:
    from keysweep.report.json import verdict_document

    document = {
        "format": "keysweep-verification",
        "version": 1,
        "complete": complete,
        "keys": [verdict_document(each) for each in verdicts],
        "unread": [
            {"fingerprint": each.recorded.fingerprint, "key_id": each.recorded.key_id, "reason": each.reason}
            for each in unread
        ],
    }
    json.dump(document, stream, indent=2)
    stream.write("\n")


_COLOURS = {
    Status.LIVE: "alarm",
    Status.WRONG_SECRET: "cyan",
    Status.ACTIVE: "cyan",
    Status.CANARY: "yellow",
    Status.UNKNOWN: "yellow",
}


def _as_text(
    verdicts: Sequence[Verdict], unread: Sequence[Reread], findings: Iterable[Finding], style: Style
) -> list[str]:
    places: dict[str, str] = {}
    for finding in findings:
        places.setdefault(finding.key_id or "", f"{finding.origin.display}:{finding.place.line}")
    for gone in unread:
        places.setdefault(gone.recorded.key_id or "", gone.recorded.origin.display)
    lines = []
    for each in verdicts:
        colour = _COLOURS.get(each.status, "dim")
        lines.append(
            f"{style.paint(f'{each.status.value.upper():13}', colour)} {style.paint(each.key_id, 'bold')}"
        )
        rows = [("is", _owner(each)), ("at", places.get(each.key_id, "")), ("why", each.reason)]
        if each.request_id:
            rows.append(("request", each.request_id))
        lines += [f"  {style.paint(f'{name:8}', 'dim')} {style.safe(text)}" for name, text in rows if text]
        lines.append("")
    for gone in unread:
        named = gone.recorded.key_id or gone.recorded.fingerprint
        lines.append(style.safe(f"not read again: {named} in {gone.recorded.origin.display}: {gone.reason}"))
    return [*lines, *([""] if unread else []), _summary(verdicts, unread)]


def _owner(verdict: Verdict) -> str:
    account = f"account {verdict.account_id}" if verdict.account_id else "an account that nothing tells"
    if not verdict.arn:
        return f"user {verdict.user} of {account}" if verdict.user else ""
    kinds = {"root": "the root user", "user": "user", "role": "a session of role"}
    who = kinds.get(verdict.principal.value if verdict.principal else "", "")
    return f"{who} {verdict.name or ''}".strip() + f" of {account} ({verdict.arn})"


def _summary(verdicts: Sequence[Verdict], unread: Sequence[Reread]) -> str:
    counts = [(sum(each.status is status for each in verdicts), status.value) for status in _ORDER]
    said = [f"{count} {name}" for count, name in counts if count]
    if unread:
        said.append(f"{len(unread)} not read again")
    return f"keysweep: {len(verdicts)} key{'s' * (len(verdicts) != 1)} asked about: {', '.join(said) or 'none'}."
