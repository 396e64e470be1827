"""What `keysweep contain` was given, keys and findings files, and what they tell before AWS is asked anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from keysweep.aws.containment.targets import SERVICE_USER, Described, bedrock_user
from keysweep.cli import checks
from keysweep.cli.verify import read_again
from keysweep.detect.keyid import describe
from keysweep.detect.placeholders import placeholder_key_id
from keysweep.errors import UsageError
from keysweep.findings import Finding, Kind
from keysweep.frozen import frozen
from keysweep.report.read import load
from keysweep.sources.reread import Reread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.ownership import LastUse


@frozen
class Leaked:
    """Every key that was found or named."""

    findings: tuple[Finding, ...]
    """With their secrets."""
    unread: tuple[Reread, ...]
    """Those whose secrets could not be read again."""
    named: tuple[str, ...]
    """Key IDs from the command line."""
    described: dict[str, Described]
    """What every key ID tells offline, and whether somebody calls it bait."""
    checks: dict[str, datetime]
    """When keysweep used a key to verify it, as this machine remembers: a file could claim anything."""
    uses: dict[str, LastUse]
    """How a key was last used by others, as IAM said before keysweep used it."""
    partial: tuple[str, ...] = ()
    """Files of scans that were not complete, so that there may be more keys."""

    @property
    def nameless(self) -> tuple[Finding, ...]:
        """Those that nothing can be asked about: a secret alone, an SMTP password, a short-term API key."""
        return tuple(
            each
            for each in self.findings
            if not each.key_id
            and not each.placeholder
            and not (each.kind is Kind.BEDROCK_LONG and bedrock_user(each))
        )


def gathered(what: Sequence[str], repository: str | None) -> Leaked:
    """Read the files among `what`, and their secrets again. Raises UsageError for what is neither of both."""
    named = tuple(each for each in dict.fromkeys(what) if is_key_id(each))
    files = [each for each in dict.fromkeys(what) if each not in named]
    findings: list[Finding] = []
    unread: list[Reread] = []
    canaries: dict[str, str] = {}
    partial: list[str] = []
    for path in files:
        file = load(path)
        read, lost = read_again(file, repository)
        findings += read
        unread += lost
        partial += [] if file.complete else [path]
        for each in file.findings:
            if each.key_id and each.canary:
                canaries[each.key_id] = each.canary
    ids = {*named, *(each.key_id for each in findings), *(each.recorded.key_id for each in unread)}
    return Leaked(
        tuple(findings),
        tuple(unread),
        named,
        {key_id: described(key_id, canaries.get(key_id)) for key_id in ids if key_id},
        checks.recall(),
        checks.recall_uses(),
        tuple(partial),
    )


def is_key_id(text: str) -> bool:
    """Whether an argument is a key ID and not the name of a file. Raises UsageError for what may be a secret."""
    known = describe(text)
    if known is not None and known.is_credential:
        return True  # even if a file has that name: whoever laid it there may not choose what is contained
    if os.path.exists(text):
        return False
    if SERVICE_USER.fullmatch(text):
        return True
    bare = text.strip().upper()
    if bare.startswith(("AKIA", "ASIA")) and bare.isalnum():
        raise UsageError(
            f"{text} is no key ID, and no file has that name: one begins with AKIA or ASIA and has 20 capital "
            "letters and digits; copy it again."
        )
    if len(text) >= 40 and "." not in text:
        raise UsageError(
            "that has the length of a secret, not of a key ID: it may now be in your shell's history; give the "
            "key ID that begins with AKIA or ASIA, or a findings file."
        )
    return False


def described(key_id: str, canary: str | None) -> Described:
    """What a key ID tells by itself; `canary` is who laid it as bait, where a scan knew that."""
    service_user = SERVICE_USER.fullmatch(key_id)
    if service_user:
        return Described(service_user[1], canary)
    known = describe(key_id)
    return Described(
        known.account_id if known else None,
        canary or (known.canary if known else None),
        placeholder_key_id(key_id) is not None,
    )
