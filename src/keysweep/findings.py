"""The frozen values every layer speaks: where content comes from, what was found in it, what went wrong."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from hashlib import blake2b

    from keysweep.verdicts import Verdict


class Kind(StrEnum):
    """What a finding is; the values are stable names that reports and configuration use."""

    PAIR = "key-pair"
    TEMPORARY = "temporary-credentials"
    ACCESS_KEY_ID = "access-key-id"
    SECRET_ACCESS_KEY = "secret-access-key"
    SESSION_TOKEN = "session-token"
    BEDROCK_LONG = "bedrock-api-key"
    BEDROCK_SHORT = "bedrock-short-term-api-key"
    SES_SMTP = "ses-smtp-password"
    SIGNED_REQUEST = "signed-request"
    CUSTOM = "custom"


class Role(StrEnum):
    """What one credential in a finding is."""

    KEY_ID = "access-key-id"
    SECRET = "secret-access-key"
    TOKEN = "session-token"
    API_KEY = "api-key"
    SMTP_PASSWORD = "smtp-password"
    SIGNATURE = "signature"
    CUSTOM = "custom"


class Severity(IntEnum):
    """What a finding is worth to an attacker; compares in that order."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The lower-case name that reports and `--fail-on` use."""
        return self.name.lower()


class Confidence(IntEnum):
    """How sure keysweep is that this is a credential of AWS; compares in that order."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2

    @property
    def label(self) -> str:
        """The lower-case name that reports use."""
        return self.name.lower()


class ProblemCode(StrEnum):
    """Why some content could not be scanned; the values are stable names that reports use."""

    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    LIMIT = "limit"
    TIMEOUT = "timeout"
    MISSING_OBJECT = "missing-object"
    INTERRUPTED = "interrupted"


class Silencer(StrEnum):
    """What said that a finding does not count; the values are stable names that reports use."""

    ALLOW = "allow"
    BASELINE = "baseline"
    PRAGMA = "pragma"
    EXCLUDE = "exclude"
    CONFIDENCE = "min-confidence"


class Source(StrEnum):
    """Which source yielded the content."""

    FILE = "file"
    STDIN = "stdin"
    STAGED = "staged"
    COMMIT = "commit"
    COMMIT_MESSAGE = "commit-message"
    TAG_MESSAGE = "tag-message"
    HISTORY = "history"
    PROCESS = "process"
    MEMORY = "memory"


@frozen
class Origin:
    """Where content comes from. Paths use `surrogateescape` for bytes that are no UTF-8."""

    path: str
    source: Source = Source.MEMORY
    commit: str | None = None
    blob: str | None = None
    members: tuple[str, ...] = ()
    """Names of container members, outermost first, that lead to the content."""
    what: str = ""
    """What that place is, such as `AWS credentials file`; only for scans of a machine."""

    @property
    def display(self) -> str:
        """Path and members joined by `!`, as in `app.jar!config.properties`. Not yet safe for a terminal."""
        return "!".join((self.path, *self.members))


@frozen
class Secret:
    """A secret held in memory that neither `repr` nor `str` gives away; only `reveal` does."""

    _value: str
    _shown: str = ""
    """How a report shows it, where only that was kept."""

    def reveal(self) -> str:
        """The secret itself: for signing, comparing, and output the user asked for explicitly.

        Empty where only what a report shows of it was kept.
        """
        return self._value

    @property
    def redacted(self) -> str:
        """The first four characters and the length: enough to recognise it, useless to a thief."""
        return self._shown or f"{self._value[:4]}…({len(self._value)} characters)"

    def __repr__(self) -> str:
        return f"Secret({self.redacted})"

    def __str__(self) -> str:
        return self.redacted


@frozen
class Pragma:
    """A comment next to a credential that allows it there."""

    marker: str
    """As it is written, such as `keysweep:allow`."""
    until: str | None = None
    """The last day on which it holds, as it is written: whether that is a date has to be asked."""
    reason: str = ""
    """Not yet safe for a terminal."""


@frozen
class Place:
    """Where a credential stands in the content as stored."""

    line: int
    """1-based line."""
    column: int
    """1-based column in characters."""
    offset: int
    """Bytes from the start of the content (of the innermost container member)."""
    length: int
    """Bytes the credential takes as stored, in its encoded form."""
    decoding: tuple[str, ...] = ()
    """Steps from the stored bytes to the credential, outermost first: `("base64 in line 12",)`."""
    snippet: str = ""
    """The line around it, with every credential in it redacted. Not yet safe for a terminal."""
    mark: tuple[int, int] = (0, 0)
    """Start and end of the credential in `snippet`, in characters."""
    pragma: Pragma | None = None
    """What allows this copy of the credential, next to it or to another part of it."""


@frozen
class Part:
    """One credential of a finding and where it stands."""

    role: Role
    value: Secret
    place: Place
    origin: Origin | None = None
    """Only where it differs from the finding's: the other file of a pair split over two."""


@frozen
class Commit:
    """A commit of a repository's history."""

    id: str
    author: str = ""
    email: str = ""
    date: datetime | None = None
    """When it was written, aware UTC; None where the object does not say."""
    subject: str = ""
    """The first line of its message. Not yet safe for a terminal."""


@frozen
class Exposure:
    """Under which path a credential stood in history, from which commits to which."""

    path: str
    introduced: tuple[Commit, ...] = ()
    """The commits that brought it, oldest first."""
    removed: tuple[Commit, ...] = ()
    """The commits that took it out again."""
    refs: tuple[str, ...] = ()
    """The refs whose newest commit still has it."""


@frozen
class Finding:
    """One leaked credential in one piece of content."""

    kind: Kind
    severity: Severity
    confidence: Confidence
    reasons: tuple[str, ...]
    """Why keysweep believes this, in words, strongest first."""
    origin: Origin
    parts: tuple[Part, ...]
    """Key ID first where there is one, then secret, then token. Never empty."""
    fingerprint: str
    """Stable under line moves, renames and re-encoding; see `fingerprint`."""
    rule: str | None = None
    """Name of the user's own rule that matched; only for `Kind.CUSTOM`."""
    key_id: str | None = None
    account_id: str | None = None
    """Twelve digits, decoded offline from the key ID where its generation allows it."""
    canary: str | None = None
    """Who runs the canary account this key belongs to: never call AWS with such a key."""
    placeholder: str | None = None
    """Why this is documentation or a mask rather than a key; such findings are dropped unless asked for."""
    region: str | None = None
    partition: str | None = None
    issued: datetime | None = None
    expires: datetime | None = None
    """Aware UTC, for signed requests and short-term keys."""
    also_at: tuple[Place, ...] = ()
    """Further places of the same credential in the same content."""
    alternatives: tuple[Part, ...] = ()
    """Other candidates for the secret, best first, where pairing was ambiguous."""
    exposures: tuple[Exposure, ...] = ()
    """Where it stood in history, oldest first; only for scans of history."""
    verdict: Verdict | None = None
    """What AWS said of its key, where it was asked."""

    @property
    def place(self) -> Place:
        """Where the finding is reported: its first part."""
        return self.parts[0].place

    def part(self, role: Role) -> Part | None:
        """The part with this role, if the finding has one."""
        return next((part for part in self.parts if part.role is role), None)


@frozen
class Recorded:
    """What a report says of one finding, as far as it takes to find it again."""

    fingerprint: str
    key_id: str | None
    origin: Origin
    further: tuple[Origin, ...] = ()
    """Where the other parts, and other candidates for them, stand, if not there."""
    canary: str | None = None
    """Who laid it as bait, by the configuration of that scan too."""


@frozen
class Problem:
    """Something that could not be scanned, wholly or in part; any problem makes a scan incomplete."""

    code: ProblemCode
    message: str
    """One clause that says what happened and, where there is one, the remedy."""
    origin: Origin | None = None


@frozen
class Suppressed:
    """A finding, or a problem, that does not count, and why not."""

    by: Silencer
    reason: str = ""
    """As whoever silenced it gave it. Not yet safe for a terminal."""
    owner: str = ""
    until: str | None = None
    """The last day on which this holds."""
    finding: Finding | None = None
    problem: Problem | None = None


@frozen
class WeakPlace:
    """A place on a machine that keeps keys worse than it could."""

    rule: str
    severity: Severity
    title: str
    practice: int
    """Number of the practice that it breaks."""
    origin: Origin
    evidence: tuple[str, ...]
    """What was seen, a clause each. Not yet safe for a terminal."""
    steps: tuple[str, ...] = ()
    """What to do, a sentence each. Not yet safe for a terminal."""
    snippet: str = ""
    """Configuration in place of what is there, several lines. Not yet safe for a terminal."""
    fingerprints: tuple[str, ...] = ()
    """The findings on which it rests: where none of them counts, neither does it."""


INTERRUPTED = Problem(ProblemCode.INTERRUPTED, "interrupted before everything was scanned")
"""What a scan ends with when somebody presses Ctrl-C."""


@frozen
class Accounting:
    """What became of the objects of a repository; one that is in several packs counts once."""

    listed: int
    """All that the repository says it has."""
    scanned: int
    """By this scan or by an earlier one."""
    skipped: int
    """The rest; why is in the problems."""
    earlier: int = 0
    """Those of the scanned ones that only an earlier scan looked at."""


@frozen
class ScanResult:
    """What came of scanning one or more pieces of content."""

    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    scanned_bytes: int = 0
    scanned_items: int = 0
    objects: Accounting | None = None
    """Only for scans of history."""
    notes: tuple[str, ...] = ()
    """What a reader of the report should know about what was scanned, a clause each."""
    suppressed: tuple[Suppressed, ...] = ()
    """What was found and does not count."""
    weak: tuple[WeakPlace, ...] | None = None
    """Only for scans of a machine."""

    def fails(self, least: Severity) -> bool:
        """Whether anything is severe enough for exit code 1."""
        return any(each.severity >= least for each in self.findings) or any(
            each.severity >= least for each in self.weak or ()
        )


def fingerprint(kind: Kind, *credentials: str) -> str:
    """32 hexadecimal digits that name the credentials themselves, not where or how they were written.

    Keyed BLAKE2b with a public key, so the digest is the same on every machine and cannot be confused
    with another use of the hash. It is not reversible where a secret is in it: that alone has 240 bits.
    """
    digest = _blake2b()(digest_size=16, key=b"keysweep fingerprint 1")
    digest.update("\0".join((kind.value, *credentials)).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _blake2b() -> type[blake2b]:
    """`hashlib.blake2b`, taken from where `hashlib` has it: importing that loads all of OpenSSL first."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b
