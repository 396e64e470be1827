"""The keys that an organisation has, as files say: exports of ListAccessKeys, and IAM credential reports.

A credential report names no key ID. It is matched with an export by user and date, and then adds the ARN, and so
the account, and the last use.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from keysweep.aws.ownership import NEVER, LastUse
from keysweep.errors import UsageError
from keysweep.frozen import frozen, replace

MOST_BYTES = 32 << 20
"""A hundred thousand keys, as the AWS CLI prints them, are 20 MiB."""

_STATES = ("Active", "Inactive", "Expired")
_KEY_ID = re.compile(r"\w{16,128}", re.ASCII)
_USER = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z-]{0,20}:iam::(\d{12}):(?:root|user/(?:[!-~]{1,512}/)?[\w+=,.@-]{1,128})", re.ASCII)
"""IAM allows no other characters in these, so nothing that stands in a file can play tricks in a report."""
_REPORT = re.compile(r'"?user"?,"?arn"?,')
_BLANK = re.compile(r"[ \t\r\n]*")
_UNKNOWN = frozenset({"", "N/A", "no_information", "not_supported"})
_WRITES_JSON = "`aws iam list-access-keys --user-name USER --output json`"


@frozen
class ListedKey:
    """One key as an export of ListAccessKeys has it."""

    key_id: str
    user: str | None
    """None where the export names none, as where the root user lists its own keys."""
    state: str
    created: datetime | None
    """Aware UTC."""
    file: str
    """The name of the file."""
    written: datetime
    """When the file was written, and so the latest time at which this was true; aware UTC."""

    @property
    def is_active(self) -> bool:
        """Whether it is switched on."""
        return self.state == "Active"


@frozen
class ReportedKey:
    """One of the two keys in a row of a credential report, whose ID the report does not say."""

    user: str | None
    """None for the root user."""
    arn: str
    account: str
    is_active: bool
    rotated: datetime
    """When it was made or changed; aware UTC."""
    last_use: LastUse
    file: str


@frozen
class Inventory:
    """What all files say."""

    keys: Mapping[str, tuple[ListedKey, ...]]
    """Key ID to what each file says of it."""
    reported: Mapping[tuple[str | None, datetime], tuple[ReportedKey, ...]]
    """User and date to the rows of credential reports."""

    def reported_for(self, key: ListedKey, account: str | None) -> ReportedKey | None:
        """The row of a credential report that is about this key; None if none is, or more than one may be.

        `account` is what the key ID itself says, where it says one. Two accounts may each have a user of that
        name, but hardly with a key made in the same second.
        """
        if key.created is None:
            return None
        rows = self.reported.get((key.user, key.created), ())
        fitting = {replace(each, file="") for each in rows if account in (None, each.account)}
        return next(iter(fitting)) if len(fitting) == 1 else None


def read(paths: Iterable[str]) -> Inventory:
    """Read the files. UsageError, in one sentence, for what is too large or neither of the two kinds."""
    contents = [(os.path.basename(path) or path, *_content(path)) for path in dict.fromkeys(paths)]
    return parsed(contents)


def parsed(contents: Iterable[tuple[str, bytes, datetime]]) -> Inventory:
    """The inventory in files: the name of each, its content, and when it was written. Raises UsageError."""
    keys: dict[str, list[ListedKey]] = {}
    reported: dict[tuple[str | None, datetime], list[ReportedKey]] = {}
    reports: list[str] = []
    exports: list[str] = []
    for name, content, written in contents:
        is_report = False
        for each in _in_text(_text(content, name), name, written):
            if isinstance(each, ListedKey):
                keys.setdefault(each.key_id, []).append(each)
            else:
                reported.setdefault((each.user, each.rotated), []).append(each)
                is_report = True
        (reports if is_report else exports).append(name)
    if reports and not exports and not keys:
        raise UsageError(
            f"{reports[0]} is a credential report, which names no key IDs: give beside it with --inventory what "
            f"{_WRITES_JSON} writes for each user."
        )
    return Inventory(
        {key_id: tuple(found) for key_id, found in keys.items()},
        {where: tuple(found) for where, found in reported.items()},
    )


def _content(path: str) -> tuple[bytes, datetime]:
    try:
        with open(path, "rb") as stream:
            content = stream.read(MOST_BYTES + 1)
            written = min(os.fstat(stream.fileno()).st_mtime, datetime.now(UTC).timestamp())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name an inventory file.") from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES >> 20} MiB: split it, and give --inventory for each.")
    return content, datetime.fromtimestamp(written, UTC)


def _text(content: bytes, name: str) -> str:
    """The text, with or without a byte order mark; Windows PowerShell redirects into UTF-16."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no inventory file: it is not UTF-8; make it again.") from error


def _in_text(text: str, name: str, written: datetime) -> Iterator[ListedKey | ReportedKey]:
    start = _end_of_blank(text, 0)
    if text[start : start + 1] in ("{", "["):
        yield from _in_json(text, start, name, written)
    elif _REPORT.match(text, start):
        yield from in_report(text[start:], name)
    else:
        raise UsageError(
            f"{name} is no inventory file: give what {_WRITES_JSON} writes, and beside it, if you have one, an "
            "IAM credential report."
        )


def _in_json(text: str, start: int, name: str, written: datetime) -> Iterator[ListedKey | ReportedKey]:
    """What stands in one document or in several, one after the other."""
    for number, entry in enumerate(_entries(text, start, name), 1):
        if isinstance(entry, dict) and "AccessKeyId" in entry:
            yield _listed(entry, number, name, written)
        elif isinstance(entry, dict) and isinstance(entry.get("Content"), str):
            yield from in_report(_decoded(entry["Content"], name), name)
        else:
            raise _wrong(name, f"entry {number} names no AccessKeyId")


def _entries(text: str, start: int, name: str) -> Iterator[object]:
    """Everything that may be a key or a report, out of lists and out of AccessKeyMetadata."""
    decoder = json.JSONDecoder()
    at = start
    while at < len(text):
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{name} is no inventory file: it begins like JSON and is none; make it again with {_WRITES_JSON}."
            ) from error
        pending = [document]
        while pending:
            entry = pending.pop()
            inner = entry.get("AccessKeyMetadata") if isinstance(entry, dict) else entry
            if isinstance(inner, list):
                pending.extend(reversed(inner))
            else:
                yield entry
        at = _end_of_blank(text, at)


def _end_of_blank(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    return found.end() if found else start


def _listed(entry: dict[str, object], number: int, name: str, written: datetime) -> ListedKey:
    key_id, user, state = entry["AccessKeyId"], entry.get("UserName"), entry.get("Status")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise _wrong(name, f"the AccessKeyId of entry {number} has not the form of one")
    if user is not None and (not isinstance(user, str) or not _USER.fullmatch(user)):
        raise _wrong(name, f"the UserName of entry {number} is none that IAM allows")
    if not isinstance(state, str) or state not in _STATES:
        raise _wrong(name, f"the Status of entry {number} is none of {', '.join(_STATES)}")
    date = entry.get("CreateDate")
    created = None if date is None else _date(date, name, f"the CreateDate of entry {number}")
    return ListedKey(key_id, user, state, created, name, written)


def _decoded(content: str, name: str) -> str:
    try:
        return _text(b64decode(content, validate=True), name)
    except ValueError as error:
        raise UsageError(
            f"{name} is a damaged credential report, because its Content is not base64: make it again with "
            "`aws iam get-credential-report`."
        ) from error


def in_report(text: str, name: str) -> Iterator[ReportedKey]:
    """The keys in the rows of a credential report, two at most in each; raises UsageError with `name`."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in rows:
            cells = {column: cell for column, cell in row.items() if isinstance(cell, str)}
            yield from _in_row(cells, rows.line_num, name)
    except csv.Error as error:
        raise UsageError(f"{name} is a damaged credential report ({error}): make it again.") from error


def _in_row(row: Mapping[str, str], line: int, name: str) -> Iterator[ReportedKey]:
    arn = row.get("arn", "")
    known = _ARN.fullmatch(arn)
    if known is None:
        raise _wrong(name, f"line {line} names no ARN of a user")
    user = None if arn.endswith(":root") else arn.rpartition("/")[2]
    for number in (1, 2):
        field = f"access_key_{number}_"
        rotated = row.get(f"{field}last_rotated", "N/A")
        if rotated in _UNKNOWN:
            continue
        yield ReportedKey(
            user,
            arn,
            known[1],
            row.get(f"{field}active", "").lower() == "true",
            _date(rotated, name, f"{field}last_rotated in line {line}"),
            _last_use(row, f"{field}last_used_", line, name),
            name,
        )


def _last_use(row: Mapping[str, str], field: str, line: int, name: str) -> LastUse:
    date = row.get(f"{field}date", "N/A")
    if date in _UNKNOWN:
        return NEVER
    cells = (row.get(f"{field}service", ""), row.get(f"{field}region", ""))
    service, region = ("N/A" if cell in _UNKNOWN else cell for cell in cells)
    if not all(re.fullmatch(r"[\w./ -]{1,64}", each, re.ASCII) for each in (service, region)):
        raise _wrong(name, f"line {line} has no service or Region where the last use of a key belongs")
    return LastUse(_date(date, name, f"{field}date in line {line}"), service, region)


def _date(text: object, name: str, what: str) -> datetime:
    """A date of ISO 8601 in UTC, to the second: a report and an export differ in what is below."""
    try:
        moment = datetime.fromisoformat(str(text))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise _wrong(name, f"{what} is no date of ISO 8601") from error


def _wrong(name: str, what: str) -> UsageError:
    return UsageError(f"{name} is no inventory file that can be trusted, because {what}: make it again.")
