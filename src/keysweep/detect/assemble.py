"""From groups of credentials to findings: kind, severity, reasons, and everything the key ID tells."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections import defaultdict
from collections.abc import Sequence

from keysweep.detect.credentials import BESIDE_AN_ID, Credential
from keysweep.detect.document import Document, Redactions
from keysweep.detect.keyid import CANARY_ACCOUNTS, account_of
from keysweep.detect.options import Options
from keysweep.detect.pairing import Group, alone
from keysweep.detect.pragmas import pragmas
from keysweep.detect.rules import BY_NAME
from keysweep.findings import Confidence, Finding, Kind, Part, Role, Secret, Severity, fingerprint
from keysweep.frozen import replace
from keysweep.regions import partition_of


def assemble(
    groups: Sequence[Group],
    credentials: Sequence[Credential],
    around: Redactions,
    document: Document,
    options: Options,
) -> list[Finding]:
    """Turn the groups of one document into findings, in the order in which they stand there.

    `around` is what snippets must not show: the credentials, and what rules of the user's own match.
    """
    by_value: dict[str, list[Credential]] = defaultdict(list)
    for each in credentials:
        by_value[each.value].append(each)
    findings = [
        _finding(real, by_value, around, document, options)
        for group in groups
        for real in _without_placeholders(group, options)
    ]
    return sorted(findings, key=lambda finding: finding.place.offset)


def _without_placeholders(group: Group, options: Options) -> list[Group]:
    """Drop documentation values; what stands beside one is judged for itself."""
    if options.report_placeholders:
        return [group]
    kept = replace(
        group,
        key_id=_real(group.key_id),
        secret=_real(group.secret),
        token=_real(group.token),
        smtp=_real(group.smtp),
        api_key=_real(group.api_key),
    )
    if kept == group:
        return [group]
    if kept.key_id is None:
        rest = (kept.secret, kept.token, kept.smtp, kept.api_key)
        return [alone(each) for each in rest if each is not None]
    if kept.secret or kept.token or kept.smtp:
        return [kept]
    return [alone(kept.key_id)]


def _real(credential: Credential | None) -> Credential | None:
    return credential if credential is not None and credential.placeholder is None else None


def _finding(
    group: Group,
    by_value: dict[str, list[Credential]],
    around: Redactions,
    document: Document,
    options: Options,
) -> Finding:
    members = [each for each in (group.key_id, group.secret, group.smtp, group.token, group.api_key) if each]
    first = members[0]
    kind = _kind(group)
    account = account_of(group.key_id.value) if group.key_id else _bedrock_account(group.api_key)
    signature = group.key_id.signature if group.key_id and kind is Kind.SIGNED_REQUEST else None
    region = (signature.region if signature else None) or _region_near(document.text, first)
    others = [other for each in members for other in by_value[each.value] if other is not each]
    allowed = pragmas((*members, *others), document, around)
    places = [document.place(each, around, allowed.get(each)) for each in members]
    also = [document.place(other, around, allowed.get(other)) for other in others]
    placeholder = next((each.placeholder for each in members if each.placeholder), None)
    return Finding(
        kind=kind,
        severity=_severity(kind, group, placeholder),
        confidence=_confidence(group, account),
        reasons=_reasons(group, members, account),
        origin=document.origin,
        parts=tuple(
            Part(each.role, Secret(each.value), place) for each, place in zip(members, places, strict=True)
        ),
        fingerprint=fingerprint(kind, *_lasting(members)),
        key_id=group.key_id.value if group.key_id else None,
        account_id=account,
        canary=_canary(account, options),
        placeholder=placeholder,
        region=region,
        partition=partition_of(region) if region else None,
        issued=signature.issued if signature else None,
        expires=signature.expires if signature else None,
        also_at=tuple(sorted(also, key=lambda place: place.offset)),
        alternatives=tuple(
            Part(each.role, Secret(each.value), document.place(each, around)) for each in group.alternatives
        ),
    )


def _lasting(members: Sequence[Credential]) -> list[str]:
    """The values that name a leak: not the session token beside a temporary key, which is renewed with it."""
    return [each.value for each in members if each.role is not Role.TOKEN or len(members) == 1]


def _kind(group: Group) -> Kind:
    if group.key_id is None:
        alone = next(each for each in (group.secret, group.token, group.smtp, group.api_key) if each)
        return BY_NAME[alone.rule].kind
    if group.secret:
        return Kind.TEMPORARY if group.token else Kind.PAIR
    if group.smtp:
        return Kind.SES_SMTP
    if group.key_id.signature:
        return Kind.SIGNED_REQUEST
    return Kind.TEMPORARY if group.token else Kind.ACCESS_KEY_ID


def _severity(kind: Kind, group: Group, placeholder: str | None) -> Severity:
    if placeholder:
        return Severity.INFO
    if kind is Kind.SIGNED_REQUEST:
        signature = group.key_id.signature if group.key_id else None
        return Severity.INFO if signature and signature.has_expired() else Severity.LOW
    if kind is Kind.ACCESS_KEY_ID:
        return Severity.LOW
    if kind in {Kind.SECRET_ACCESS_KEY, Kind.SESSION_TOKEN} or (kind is Kind.TEMPORARY and not group.secret):
        return Severity.MEDIUM
    return Severity.HIGH


def _confidence(group: Group, account: str | None) -> Confidence:
    """The weakest of how well the members go together and what each of them is by itself."""
    if group.key_id and not group.secret and not group.smtp:
        weak = group.key_id.confidence
        return min(weak, Confidence.HIGH if account or group.key_id.signature else Confidence.MEDIUM)
    return group.confidence


def _reasons(group: Group, members: Sequence[Credential], account: str | None) -> tuple[str, ...]:
    reasons = [reason for each in members for reason in each.reasons]
    if group.reasons:
        reasons = [reason for reason in reasons if reason != BESIDE_AN_ID]
    reasons += group.reasons
    if account:
        reasons.append(f"account {account} is encoded in the key")
    if group.key_id and group.secret and group.key_id.value.startswith("ASIA") and not group.token:
        reasons.append("a temporary key, usable only with a session token that was not found")
    if group.key_id and group.key_id.signature and not group.secret:
        reasons.append(_signature_reason(group.key_id))
    return tuple(dict.fromkeys(reasons))


def _signature_reason(key_id: Credential) -> str:
    signature = key_id.signature
    if signature is None or signature.expires is None:
        return "stands in a signed request, which shows no secret"
    day = signature.expires.date().isoformat()
    return f"signature expired {day}" if signature.has_expired() else f"signature valid until {day}"


def _canary(account: str | None, options: Options) -> str | None:
    if account in options.canary_accounts:
        return "a canary account of your own"
    return CANARY_ACCOUNTS.get(account) if account else None


def _bedrock_account(api_key: Credential | None) -> str | None:
    """The account a long Bedrock key names in its user name."""
    if api_key is None or not api_key.value.startswith("ABSK"):
        return None
    body = api_key.value[4:].rstrip("=")
    match = re.search(rb"-at-(\d{12}):", a2b_base64(body[: len(body) // 4 * 4]))
    return match.group(1).decode("ascii") if match else None


_DIRECTION = re.compile(rb"north|south|east|west|central")
_REGION = (
    rb"(?<![a-z0-9])((?:us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|eusc-de|eu-isoe|us-iso|us-isob)"
    rb"-(?:north|south|east|west|central|northeast|southeast|northwest|southwest)-[1-9])(?![0-9])"
)
_REGION_REACH = 1000


def _region_near(text: bytes, credential: Credential) -> str | None:
    """The region named closest to a credential, as a hint for the partition to ask first."""
    base = max(0, credential.start - _REGION_REACH)
    window = text[base : min(credential.end, credential.start + _REGION_REACH) + _REGION_REACH]
    if not _DIRECTION.search(window):
        return None
    found = min(
        re.finditer(_REGION, window), key=lambda match: abs(base + match.start() - credential.start), default=None
    )
    return found.group(1).decode("ascii") if found else None
