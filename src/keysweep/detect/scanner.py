"""The one entry into detection: content in, findings out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from keysweep.detect.anchors import Hit
from keysweep.detect.assemble import assemble
from keysweep.detect.containers import (
    Budget,
    Halt,
    container_format,
    may_be_opened,
    open_members,
    which_begin_like_one,
)
from keysweep.detect.credentials import Credential
from keysweep.detect.document import Document, Redactions, redactions
from keysweep.detect.encodings import View, decode_utf16, open_views, whole_utf16
from keysweep.detect.extract import extract
from keysweep.detect.limits import Limits
from keysweep.detect.options import Options
from keysweep.detect.pairing import pair
from keysweep.detect.prefilter import find_hits, which_may_hit
from keysweep.findings import Finding, Origin, Problem, ProblemCode, Role, ScanResult
from keysweep.frozen import frozen, replace

NAME_HINT = re.compile(r"A(?:[KSB]IA|CCA|3T[A-Z0-9])[A-Z2-7]{16}|ABSK[A-Za-z0-9+]{60}")
"""What a path must hold to be read as content: few paths do, and every file has one."""
_ENCODINGS = frozenset({"base64", "hex", "utf16", "escape"})


@frozen
class _Scan:
    """What holds for one piece of content and everything opened from it; its problems and budget add up."""

    origin: Origin
    limits: Limits
    options: Options
    problems: list[Problem]
    budget: Budget

    def within(self, origin: Origin) -> _Scan:
        """The same scan at a member of a container."""
        return replace(self, origin=origin)

    def find_hits(self, content: bytes) -> list[Hit]:
        return find_hits(content, hyperscan=self.options.hyperscan)

    def report(self, code: ProblemCode, message: str, member: str | None = None) -> None:
        """Note that something could not be scanned; `member` is its name in the container."""
        where = replace(self.origin, members=(*self.origin.members, member)) if member else self.origin
        self.problems.append(Problem(code, message, where))


def scan(
    content: bytes,
    origin: Origin,
    limits: Limits = Limits(),
    options: Options = Options(),
    hits: list[Hit] | None = None,
) -> ScanResult:
    """Find every leaked AWS credential in `content` and in the name it came under.

    Containers and encodings are opened as far as `limits` allow; reaching one is a problem in the result. `hits`
    are those of the prefilter, where it was asked already. Pure: no file, no process, no network is touched.
    """
    hits = find_hits(content, hyperscan=options.hyperscan) if hits is None else hits
    if not (hits or options.rules or has_to_be_opened(content) or NAME_HINT.search(origin.path)):
        return ScanResult((), (), len(content), 1)
    run = _Scan(origin, limits, options, [], Budget())
    findings: list[Finding] = []
    for document in _documents(content, run, hits):
        known = hits if document.text is content else None
        findings += _scan_document(document, run.within(document.origin), known)
    findings = _once(findings)
    if NAME_HINT.search(origin.path):
        findings += _scan_name(run, findings)
    problems = dict.fromkeys(run.problems)
    return _without_secret_names(ScanResult(tuple(findings), tuple(problems), len(content), 1))


def worth_scanning(contents: Sequence[bytes], paths: Sequence[str], options: Options = Options()) -> list[int]:
    """Which of many small contents, by their number, `scan` could say anything of; fast where there is Hyperscan.

    `paths` are the names they came under, in the same order.
    """
    hit, begin_like_containers = which_may_say(contents, options)
    worth = hit | {number for number in begin_like_containers - hit if has_to_be_opened(contents[number])}
    if NAME_HINT.search("\0".join(paths)):
        worth.update(number for number, path in enumerate(paths) if NAME_HINT.search(path))
    return sorted(worth)


def which_may_say(contents: Sequence[bytes], options: Options) -> tuple[set[int], set[int]]:
    """Which of many contents, by their number, have what the prefilter looks for, and which begin like containers.

    Nothing can be found in any other. With rules of the user's or without Hyperscan all may be both.
    """
    if options.rules or options.hyperscan is False:
        return set(range(len(contents))), set(range(len(contents)))
    joined = b"\n".join(contents)
    return (
        which_may_hit(joined, map(len, contents)),
        set(which_begin_like_one(contents, has_zeros=b"\0" in joined)),
    )


def has_to_be_opened(content: bytes) -> bool:
    """Whether content is a container or UTF-16, so that there may be something in it without a hit."""
    return may_be_opened(content) and bool(container_format(content) or whole_utf16(content))


def _documents(content: bytes, run: _Scan, hits: list[Hit] | None = None) -> Iterator[Document]:
    """The content itself, and what every container in it holds; `hits` are those in it where they are known."""
    code = whole_utf16(content)
    if code is None:
        yield Document(content, run.origin)
    else:
        text, offsets = decode_utf16(content, code)
        yield Document(text, run.origin, ("UTF-16",), offsets.source)
        if any(hit.kind != "utf16" for hit in (run.find_hits(content) if hits is None else hits)):
            yield Document(content, run.origin)  # a mark alone does not make it UTF-16
    kind = container_format(content)
    if kind is None:
        return
    if len(run.origin.members) >= run.limits.container_depth:
        run.report(ProblemCode.LIMIT, f"containers are nested deeper than {run.limits.container_depth}")
        return
    for member in open_members(content, kind, run.limits, run.budget):
        if isinstance(member, Halt):
            run.report(member.code, member.message, member.name)
        else:
            name = member.name or _stream_name(run.origin, member.step)
            inner = replace(run.origin, members=(*run.origin.members, name))
            yield from _documents(member.content, run.within(inner))


_STREAM_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar", ".svgz": ".svg"}


def _stream_name(origin: Origin, step: str) -> str:
    """What a compressed file is called without its compression: `backup.tar` in `backup.tar.gz`."""
    name = (origin.members[-1] if origin.members else origin.path).rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    if dot + suffix in _STREAM_SUFFIXES:
        return stem + _STREAM_SUFFIXES[dot + suffix]
    return stem if stem and suffix in {"gz", "bz2", "xz", "lzma", "zst", "zstd"} else f"({step})"


def _scan_document(document: Document, run: _Scan, hits: list[Hit] | None = None) -> list[Finding]:
    """The findings of one document; `hits` are those in its text where they are known already."""
    hits = run.find_hits(document.text) if hits is None else hits
    credentials = _deduplicated(_layers(document.text, hits, run))
    rules = run.options.rules
    if not rules:
        if not any(_may_be_told(each, run.options) for each in credentials):
            return []
        return _assembled(credentials, redactions(credentials), document, run.options)
    from keysweep.detect.custom import custom_findings, match_rules

    matched = match_rules(document.text, document.origin, rules, run.problems)
    around = redactions([*credentials, *(match for _, matches in matched for match in matches)])
    return [
        *_assembled(credentials, around, document, run.options),
        *custom_findings(matched, document, around),
    ]


def _may_be_told(credential: Credential, options: Options) -> bool:
    """Whether a finding may come of it, so that documents full of examples need not be paired."""
    return credential.placeholder is None or options.report_placeholders


def _assembled(
    credentials: list[Credential], around: Redactions, document: Document, options: Options
) -> list[Finding]:
    return assemble(pair(credentials, document.text), credentials, around, document, options)


def _layers(content: bytes, hits: list[Hit], run: _Scan, depth: int = 0) -> list[Credential]:
    """The credentials of `content` and of every encoded run in it, with offsets in `content`."""
    if not hits:
        return []
    found = extract(content, hits)
    encoded = [hit for hit in hits if hit.kind in _ENCODINGS]
    if encoded and depth >= run.limits.encoding_depth:
        run.report(ProblemCode.LIMIT, f"encodings are nested deeper than {run.limits.encoding_depth}")
        return found
    known = frozenset((hit.kind, hit.position) for hit in encoded)
    done: dict[str, int] = {}
    for hit in encoded:
        if hit.position < done.get(hit.kind, -1):
            continue
        for view in open_views(content, hit.kind, hit.position, done.get(hit.kind, 0)):
            done[hit.kind] = max(done.get(hit.kind, -1), view.end)
            inner = _new_hits(run.find_hits(view.content), view, known)
            found += _moved(_layers(view.content, inner, run, depth + 1), view)
            found += _packed(view, view.content, (view.step,), run, depth + 1)
    return found


def _new_hits(inner: list[Hit], view: View, outer: frozenset[tuple[str, int]]) -> list[Hit]:
    """Without the encoded runs that stood there before the view was opened: they are not nested in it.

    Undoing the escapes of some lines leaves everything else in them as it was.
    """
    return [
        hit
        for hit in inner
        if hit.kind not in _ENCODINGS or (hit.kind, view.offsets.source(hit.position)) not in outer
    ]


def _packed(view: View, content: bytes, steps: tuple[str, ...], run: _Scan, depth: int) -> list[Credential]:
    """Credentials inside a container that stands encoded in text: a Helm release is base64 of gzip.

    They have no place of their own in the text, so they get that of the whole run. Damage is no problem here:
    texts quote the beginnings of archives.
    """
    kind = container_format(content)
    if kind is None:
        return []
    if len(steps) > run.limits.container_depth:
        run.report(ProblemCode.LIMIT, f"containers are nested deeper than {run.limits.container_depth}")
        return []
    found = []
    for member in open_members(content, kind, run.limits, run.budget):
        if isinstance(member, Halt):
            if member.code is not ProblemCode.DAMAGED:
                run.report(member.code, f"{', '.join(steps)} in it: {member.message}")
            continue
        opened = (*steps, member.step)
        inner = _layers(member.content, run.find_hits(member.content), run, depth)
        found += [replace(each, start=view.start, end=view.end, steps=(*opened, *each.steps)) for each in inner]
        found += _packed(view, member.content, opened, run, depth)
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


def _scan_name(run: _Scan, found: list[Finding]) -> list[Finding]:
    """Keys in a path; what the content showed already is not repeated."""
    known = {finding.key_id for finding in found}
    path = os.fsencode(run.origin.path)
    named: dict[str, Finding] = {}
    # A slash may be of a secret, or end one: each reading finds what the other cannot.
    for text in dict.fromkeys((path, path.replace(b"/", b" "))):
        document = Document(text, run.origin, ("file name",))
        for finding in _scan_document(document, replace(run, problems=[])):
            named.setdefault(finding.fingerprint, finding)
    paired = {finding.key_id for finding in named.values() if len(finding.parts) > 1}
    return [
        finding
        for finding in named.values()
        if finding.key_id not in known and (len(finding.parts) > 1 or finding.key_id not in paired)
    ]


def redactor(findings: Iterable[Finding]) -> Callable[[str], str]:
    """What takes the secrets of findings out of a text."""
    hidden = {
        part.value.reveal(): part.value.redacted
        for finding in findings
        for part in finding.parts
        if part.role is not Role.KEY_ID
    }
    lengths = set(map(len, hidden))

    def redacted(text: str) -> str:
        for value in _among(text):
            text = text.replace(value, hidden[value])
        return text

    def _among(text: str) -> Iterable[str]:
        """Those that may be in it: of thousands, by looking up what it holds, which is short as a rule."""
        fitting = [length for length in lengths if length <= len(text)]
        if len(text) * len(fitting) > len(hidden):
            return hidden
        runs = {text[at : at + length] for length in fitting for at in range(len(text) - length + 1)}
        return sorted(hidden.keys() & runs)

    return redacted


def _without_secret_names(result: ScanResult) -> ScanResult:
    """Redact secrets that stand in the name of the file or of a member: every report prints the names."""
    origins = {each.origin for each in result.findings} | {each.origin for each in result.problems if each.origin}
    listed = "\0".join(name for origin in origins for name in (origin.path, *origin.members))
    redacted = redactor(result.findings)
    if redacted(listed) == listed:
        return result

    def renamed(origin: Origin) -> Origin:
        return replace(origin, path=redacted(origin.path), members=tuple(map(redacted, origin.members)))

    return replace(
        result,
        findings=tuple(replace(each, origin=renamed(each.origin)) for each in result.findings),
        problems=tuple(replace(each, origin=each.origin and renamed(each.origin)) for each in result.problems),
    )
