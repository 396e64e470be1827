"""The table of credentials: what each looks like, what must stand near it, and who says so.

Patterns run on a window around a prefilter hit, never on whole content. `re` dialect, bytes.
"""

from __future__ import annotations

import functools
import re

from keysweep.findings import Confidence, Kind, Role
from keysweep.frozen import frozen


@frozen
class Rule:
    """One row: a credential that can be recognised by itself or by what stands near it."""

    name: str
    role: Role
    kind: Kind
    """What a finding is when this credential stands alone."""
    pattern: bytes
    """Group 1 is the credential."""
    entropy: float
    """Least Shannon bits per character of the credential itself, decoded; 0 where the shape alone decides."""
    context: str
    """What has to stand near it, in words; empty where nothing has to."""
    confidence: Confidence
    source: str
    """Where the shape is documented."""

    @property
    def regex(self) -> re.Pattern[bytes]:
        """The compiled pattern."""
        return _compile(self.pattern)


_IAM = "IAM user guide, reference_identifiers"
_ALPHABET = rb"A-Za-z0-9/+"
_BEFORE_ID = (
    rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrtfbv])|(?<=%[0-9A-Fa-f]{2})|(?<=%25[0-9A-Fa-f]{2})|(?<=\\x[0-9A-Fa-f]{2})"
    rb"|(?<=\\u00[0-9A-Fa-f]{2})|(?<==3D)|(?<=\[m)|(?<=\[K)|(?<=[\[;][0-9]m)|(?<=[\[;][0-9]{2}m)|(?<=;[0-9]{3}m))"
)
"""Letters glued to the front may be the end of an escape: a line end in JSON, `%3D` in a URL, a colour."""
_BEFORE_TOKEN = rb"(?:(?<![" + _ALPHABET + rb"_\-%\\])|(?<=^[+\-])|(?<=\n[+\-])|(?<=[=:\"'\s]-)|(?<=//))"
"""A plus or minus that starts a line may be a mark of `diff`, two slashes a comment; a backslash an escape."""

RULES: tuple[Rule, ...] = (
    Rule(
        "access-key-id", Role.KEY_ID, Kind.ACCESS_KEY_ID,
        _BEFORE_ID + rb"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?![A-Za-z0-9])",
        0.0, "", Confidence.HIGH, _IAM,
    ),
    Rule(
        "legacy-access-key-id", Role.KEY_ID, Kind.ACCESS_KEY_ID,
        _BEFORE_ID + rb"(A3T[A-Z0-9][A-Z2-7]{16})(?![A-Za-z0-9])",
        0.0, "", Confidence.LOW, "git-secrets lists the prefix; no source at AWS",
    ),
    Rule(
        "secret-access-key", Role.SECRET, Kind.SECRET_ACCESS_KEY,
        _BEFORE_TOKEN + rb"([" + _ALPHABET + rb"]{40})(?![" + _ALPHABET + rb"]|={1,2}(?![A-Za-z0-9]))",
        4.25, "a name that says secret, or a key ID close by", Confidence.HIGH, "IAM user guide, access keys",
    ),
    Rule(
        "base64-secret-access-key", Role.SECRET, Kind.SECRET_ACCESS_KEY,
        rb"(?<![" + _ALPHABET + rb"])([A-Za-z0-9+/]{54}(?:==|[A-Za-z0-9+/](?:=|[A-Za-z0-9+/])))"
        rb"(?![" + _ALPHABET + rb"=])",
        4.25, "a name that says secret", Confidence.HIGH, "Kubernetes Secret: data values are base64",
    ),
    Rule(
        "hex-secret-access-key", Role.SECRET, Kind.SECRET_ACCESS_KEY,
        rb"(?<![" + _ALPHABET + rb"])((?:[2-7][0-9A-Fa-f]){40})(?![" + _ALPHABET + rb"=])",
        4.25, "a name that says secret", Confidence.HIGH, "hexadecimal of the forty characters",
    ),
    Rule(
        "session-token", Role.TOKEN, Kind.SESSION_TOKEN,
        rb"((?:F[QwI]oGZXIvYXdz|IQoJb3JpZ2luX2Vj|AQo[DE]YXdz)[A-Za-z0-9+/]{60,}={0,3})",
        4.5, "", Confidence.HIGH, "prefixes seen in all tokens that STS issues",
    ),
    Rule(
        "named-session-token", Role.TOKEN, Kind.SESSION_TOKEN,
        rb"(?<![" + _ALPHABET + rb"])([A-Za-z0-9+/]{100,}={0,3})(?![" + _ALPHABET + rb"=])",
        4.5, "a name that says session token, and YXdz or Jb3JpZ2luX2Vj inside", Confidence.MEDIUM,
        "trufflehog, aws session keys",
    ),
    Rule(
        "bedrock-api-key", Role.API_KEY, Kind.BEDROCK_LONG,
        rb"(?<![A-Za-z0-9])(ABSK[A-Za-z0-9+/]{109,269}={0,2})(?![A-Za-z0-9+/=])",
        4.0, "", Confidence.HIGH, "Bedrock user guide, API keys",
    ),
    Rule(
        "bedrock-short-term-api-key", Role.API_KEY, Kind.BEDROCK_SHORT,
        rb"(bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/_\-]{40,}={0,3})",
        4.0, "", Confidence.HIGH, "aws-bedrock-token-generator",
    ),
    Rule(
        "ses-smtp-password", Role.SMTP_PASSWORD, Kind.SES_SMTP,
        rb"(?<![" + _ALPHABET + rb"])(B[A-P][A-Za-z0-9+/]{42})(?![" + _ALPHABET + rb"=])",
        4.2, "smtp, mail or SES close by", Confidence.MEDIUM,
        "SES developer guide, SMTP credentials: version byte 0x04 and 32 bytes of HMAC",
    ),
)  # fmt: skip

BY_NAME = {rule.name: rule for rule in RULES}


@functools.cache
def _compile(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)
