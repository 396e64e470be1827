"""The one entry into detection: content in, findings out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

from keysweep.detect.anchors import Hit
from keysweep.detect.assemble import assemble
from keysweep.detect.containers import Budget, Halt, container_format, open_members
from keysweep.detect.credentials import Credential
from keysweep.detect.document import Document, Redactions, redactions
from keysweep.detect.encodings import View, decode_utf16, open_views, whole_utf16
from keysweep.detect.extract import extract
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.pairing import pair
from keysweep.detect.prefilter import find_hits
from keysweep.findings import Finding, Origin, Problem, ProblemCode, Role, ScanResult

NAME_HINT = re.compile(r"A(?:[KSB]IA|CCA|3T[A-Z0-9])[A-Z2-7]{16}|ABSK[A-Za-z0-9+]{60}")
"""What a path must hold to be read as content: few paths do, and every file has one."""
_ENCODINGS = frozenset({"base64", "hex", "utf16", "escape"})


def scan(
    content: bytes,
    origin: Origin,
    limits: Limits = Limits(),
    options: Options = Options(),
) -> ScanResult:
    """Find every leaked AWS credential in `content` and in the name it came under.

    Containers and encodings are opened as far as `limits` allow; reaching one is a problem in the result.
    Pure: no file, no process, no network is touched.
    """
    hits = find_hits(content, hyperscan=options.hyperscan)
    if not (hits or options.rules or _has_to_be_opened(content, origin)):
        return ScanResult((), (), len(content), 1)
    problems: list[Problem] = []
    findings: list[Finding] = []
    for document in _documents(content, origin, limits, problems):
        known = hits if document.text is content else None
        findings += _scan_document(document, limits, options, problems, known)
    findings = _once(findings)
    if NAME_HINT.search(origin.path):
        findings += _scan_name(origin, findings, limits, options)
    return ScanResult(tuple(findings), tuple(dict.fromkeys(problems)), len(content), 1)


def _has_to_be_opened(content: bytes, origin: Origin) -> bool:
    """Whether there may be something in content without a hit; nearly all content ends here."""
    return bool(container_format(content) or whole_utf16(content) or NAME_HINT.search(origin.path))


def _documents(
    content: bytes, origin: Origin, limits: Limits, problems: list[Problem], budget: Budget | None = None
) -> Iterator[Document]:
    """The content itself, and what every container in it holds."""
    code = whole_utf16(content)
    if code is None:
        yield Document(content, origin)
    else:
        text, offsets = decode_utf16(content, code)
        yield Document(text, origin, ("UTF-16",), offsets.source)
    kind = container_format(content)
    if kind is None:
        return
    if len(origin.members) >= limits.container_depth:
        problems.append(
            Problem(ProblemCode.LIMIT, f"containers are nested deeper than {limits.container_depth}", origin)
        )
        return
    budget = Budget() if budget is None else budget
    for member in open_members(content, kind, limits, budget):
        if isinstance(member, Halt):
            where = replace(origin, members=(*origin.members, member.name)) if member.name else origin
            problems.append(Problem(member.code, member.message, where))
        else:
            inner = replace(origin, members=(*origin.members, member.name or _stream_name(origin, member.step)))
            yield from _documents(member.content, inner, limits, problems, budget)


_STREAM_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar", ".svgz": ".svg"}


def _stream_name(origin: Origin, step: str) -> str:
    """What a compressed file is called without its compression: `backup.tar` in `backup.tar.gz`."""
    name = (origin.members[-1] if origin.members else origin.path).rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    if dot + suffix in _STREAM_SUFFIXES:
        return stem + _STREAM_SUFFIXES[dot + suffix]
    return stem if stem and suffix in {"gz", "bz2", "xz", "lzma", "zst", "zstd"} else f"({step})"


def _scan_document(
    document: Document,
    limits: Limits,
    options: Options,
    problems: list[Problem],
    hits: list[Hit] | None = None,
) -> list[Finding]:
    """The findings of one document; `hits` are those in its text where they are known already."""
    hits = find_hits(document.text, hyperscan=options.hyperscan) if hits is None else hits
    credentials = _deduplicated(_layers(document.text, hits, document.origin, limits, options, problems))
    if not options.rules:
        return _assembled(credentials, redactions(credentials), document, options) if credentials else []
    from keysweep.detect.custom import custom_findings, match_rules

    matched = match_rules(document.text, document.origin, options.rules, problems)
    around = redactions([*credentials, *(match for _, matches in matched for match in matches)])
    return [
        *_assembled(credentials, around, document, options),
        *custom_findings(matched, document, around),
    ]


def _assembled(
    credentials: list[Credential], around: Redactions, document: Document, options: Options
) -> list[Finding]:
    return assemble(pair(credentials, document.text), credentials, around, document, options)


def _layers(
    content: bytes,
    hits: list[Hit],
    origin: Origin,
    limits: Limits,
    options: Options,
    problems: list[Problem],
    depth: int = 0,
) -> list[Credential]:
    """The credentials of `content` and of every encoded run in it, with offsets in `content`."""
    if not hits:
        return []
    found = extract(content, hits)
    encoded = [hit for hit in hits if hit.kind in _ENCODINGS]
    if encoded and depth >= limits.encoding_depth:
        problems.append(
            Problem(ProblemCode.LIMIT, f"encodings are nested deeper than {limits.encoding_depth}", origin)
        )
        return found
    done: dict[str, int] = {}
    for hit in encoded:
        if hit.position < done.get(hit.kind, -1):
            continue
        for view in open_views(content, hit.kind, hit.position):
            done[hit.kind] = max(done.get(hit.kind, -1), view.end)
            inner_hits = _new_hits(find_hits(view.content, hyperscan=options.hyperscan), view, hits)
            inner = _layers(view.content, inner_hits, origin, limits, options, problems, depth + 1)
            found += _moved(inner, view)
            found += _packed(
                view.content, origin, limits, options, problems, depth + 1, (view.start, view.end, view.step)
            )
    return found


def _new_hits(inner: list[Hit], view: View, outer: list[Hit]) -> list[Hit]:
    """Without the encoded runs that stood there before the view was opened: they are not nested in it.

    Undoing the escapes of some lines leaves everything else in them as it was.
    """
    known = {(hit.kind, hit.position) for hit in outer}
    return [
        hit
        for hit in inner
        if hit.kind not in _ENCODINGS or (hit.kind, view.offsets.source(hit.position)) not in known
    ]


def _packed(
    content: bytes,
    origin: Origin,
    limits: Limits,
    options: Options,
    problems: list[Problem],
    depth: int,
    run: tuple[int, int, str],
) -> list[Credential]:
    """Credentials inside a container that stands encoded in text: a Helm release is base64 of gzip."""
    kind = container_format(content)
    if kind is None:
        return []
    start, end, step = run
    found = []
    for member in open_members(content, kind, limits, Budget()):
        if isinstance(member, Halt):
            if member.code is ProblemCode.LIMIT:
                problems.append(Problem(member.code, member.message, origin))
            continue
        hits = find_hits(member.content, hyperscan=options.hyperscan)
        inner = _layers(member.content, hits, origin, limits, options, problems, depth)
        steps = (step, member.step)
        found += [replace(each, start=start, end=end, steps=(*steps, *each.steps)) for each in inner]
    return found


def _moved(credentials: list[Credential], view: View) -> list[Credential]:
    offsets = view.offsets
    return [
        replace(
            each,
            start=offsets.source(each.start),
            end=offsets.source_end(each.end),
            steps=(view.step, *each.steps),
        )
        for each in credentials
    ]


def _deduplicated(credentials: list[Credential]) -> list[Credential]:
    """Keep the plainest reading of a credential that two readings of the same bytes both show."""
    kept: dict[int, Credential] = {}
    last: dict[tuple[str, str], int] = {}
    for number, each in enumerate(sorted(credentials, key=lambda one: (one.start, len(one.steps)))):
        key = (each.role, each.value)
        before = last.get(key)
        if before is None or each.start >= kept[before].end + 4:
            kept[number] = each
            last[key] = number
        elif len(each.steps) < len(kept[before].steps):
            kept[before] = each
    api_keys = redactions(each for each in kept.values() if each.role is Role.API_KEY)
    return [each for each in kept.values() if not _is_part_of_another(each, api_keys)]


def _is_part_of_another(each: Credential, others: Redactions) -> bool:
    """A short-term Bedrock key holds a signed request in base64, which is no finding of its own."""
    return any(
        other.start <= each.start and each.end <= other.end and len(other.steps) < len(each.steps)
        for other in others.within(each.start, each.end)
    )


def _once(findings: list[Finding]) -> list[Finding]:
    """Drop what the bytes of a container show again that its members showed better.

    Compressed text holds stretches of the original, so a key may stand there whole beside a mangled secret.
    """
    inside = {
        (name, finding.origin.members[:depth])
        for finding in findings
        for name in _leak_names(finding)
        for depth in range(len(finding.origin.members))
    }
    return [
        finding
        for finding in findings
        if not any((name, finding.origin.members) in inside for name in _leak_names(finding))
    ]


def _leak_names(finding: Finding) -> set[str]:
    return {finding.fingerprint, finding.key_id or finding.fingerprint}


def _scan_name(origin: Origin, found: list[Finding], limits: Limits, options: Options) -> list[Finding]:
    """Keys in a path; what the content showed already is not repeated."""
    name = os.fsencode(origin.path)
    known = {finding.key_id for finding in found}
    document = Document(name, origin, ("file name",))
    return [finding for finding in _scan_document(document, limits, options, []) if finding.key_id not in known]
