"""What a worker does, in a process of its own on whichever machine: look at refs, sweep a repository, ask AWS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from hashlib import blake2b

from keysweep.errors import KeysweepError, UsageError
from keysweep.findings import Finding, Part, Place, ScanResult, Severity
from keysweep.frozen import replace
from keysweep.report.hidden import redactor_of, without_secrets
from keysweep.report.json import document, verdict_document
from keysweep.sources.engine import prepare
from keysweep.sources.history.full import scan_history
from keysweep.sources.history.opening.addresses import address, is_address
from keysweep.sources.history.opening.elsewhere import Elsewhere
from keysweep.sources.history.opening.remote import Access, RefusedError
from keysweep.sources.history.opening.source import local_path
from keysweep.sources.history.rescans.remembered import asked, rules_identity
from keysweep.sources.history.whole import forget_packs, scan_source
from keysweep.sources.reread import reread
from keysweep.sweep.access import access_to, forget_logins, login_at
from keysweep.sweep.advertised import Advertisements
from keysweep.sweep.here import held_to, refs_digest, refs_in, state_of
from keysweep.sweep.mirrors import Mirror, held, make_room, mirrored, place_of
from keysweep.sweep.orders import Asked, Asking, Failure, Looked, Manner, Swept, Trouble, Where

_LOOKS_AT_ONCE = 16
_NOTES = "notes"


@lru_cache(4)
def rules_of(manner: Manner) -> str:
    """Names all that decides what is found: what was swept by other rules has to be swept again."""
    told = f"{rules_identity()}\0{asked(manner.limits, manner.options)}"
    return blake2b(told.encode(), digest_size=16, person=b"keysweep rules").hexdigest()


def look(places: Sequence[Where], directory: str) -> list[Looked]:
    """Which refs each repository has now; for one elsewhere that is one question to its server."""
    here = [_look(each, directory) for each in places if is_local(each.url)]  # git is pointed at each
    os.makedirs(directory, mode=0o700, exist_ok=True)
    elsewhere = [each for each in places if not is_local(each.url)]
    with Elsewhere(), ThreadPoolExecutor(_LOOKS_AT_ONCE) as threads:
        return [*here, *threads.map(partial(_look, directory=directory, servers=_servers()), elsewhere)]


@lru_cache(1)
def _servers() -> Advertisements:
    """The connections of this process, for all that it is asked to look at."""
    return Advertisements(_LOOKS_AT_ONCE)


def _look(where: Where, directory: str, servers: Advertisements | None = None) -> Looked:
    try:
        if servers is None:
            return Looked(where.repository_id, state_of(local_path(where.url)))
        login = login_at(where.kind, where.url)
        refs = servers.refs(address(where.url), login, _access(where), directory)
        return Looked(where.repository_id, refs_digest(refs))
    except Exception as error:  # noqa: BLE001 - see _failure
        return Looked(where.repository_id, failure=_failure(error))


def sweep(where: Where, manner: Manner) -> Swept:
    """Bring the mirror up to date and sweep it; what goes wrong is in the answer."""
    began = time.monotonic()
    rules = rules_of(manner)
    try:
        return _sweep(where, manner, rules, began)
    except Exception as error:  # noqa: BLE001 - see _failure
        failure = _failure(error)
    if where.is_optional and failure.trouble is Trouble.DENIED:
        empty = _document(ScanResult(), where.url)
        return Swept(where.repository_id, rules, time.monotonic() - began, empty, {}, refs_digest({}))
    return Swept(where.repository_id, rules, time.monotonic() - began, failure=failure)


def _failure(error: Exception) -> Failure:
    """Why something failed, for the store: a mistake in keysweep too stops only the repository that met it."""
    if isinstance(error, RefusedError):
        forget_logins()  # those of helpers are renewed
        return Failure(Trouble.FOR_NOW, str(error).rstrip("."))
    if isinstance(error, UsageError):
        return Failure(Trouble.DENIED, str(error).rstrip("."))
    if isinstance(error, KeysweepError):
        return Failure(Trouble.FOR_NOW, str(error).rstrip("."))
    if isinstance(error, OSError):
        return Failure(Trouble.FOR_NOW, f"the system refused something that was needed ({error.strerror})")
    if isinstance(error, MemoryError):
        return Failure(Trouble.FOR_NOW, "there was not enough memory")
    return Failure(Trouble.OWN, f"keysweep failed ({type(error).__name__}): report it with the repository")


def _sweep(where: Where, manner: Manner, rules: str, began: float) -> Swept:
    prepare()
    with _brought(where, manner) as mirror:
        refs = refs_in(mirror.path)
        state = state_of(mirror.path) if is_local(where.url) else refs_digest(refs)
        scan = partial(
            scan_history,
            limits=manner.limits,
            options=manner.options,
            jobs=manner.jobs,
            notes_in=mirror.notes,
        )
        try:
            result = scan_source(mirror.path, scan, cached=True)
        finally:
            forget_packs()
    shown = redactor_of(result)
    told = _document(result, where.url)
    named = {shown(name): object_id for name, object_id in refs.items()}
    return Swept(where.repository_id, rules, time.monotonic() - began, told, named, state)


@contextmanager
def _brought(where: Where, manner: Manner) -> Iterator[Mirror]:
    """The repository on this machine: where it is, or its mirror."""
    if is_local(where.url):
        place = place_of(manner.mirrors, where.identity)
        path = local_path(where.url)
        if not os.path.isdir(path):
            raise UsageError(f"{where.url} is no directory any more.")
        with held(place), held_to(path):
            yield Mirror(path, os.path.join(place, _NOTES))
        return
    with mirrored(manner.mirrors, where.identity, address(where.url), _access(where)) as mirror:
        yield mirror


def is_local(url: str) -> bool:
    """Whether a repository is read where it is, on this machine."""
    return not is_address(url) or url.startswith("file://")


def _access(where: Where) -> Access:
    return access_to(where.kind, where.url)


def _document(result: ScanResult, repository: str) -> dict[str, object]:
    """What a findings file says of the result, without the lines around what was found: they may hold anything."""
    hidden = without_secrets(result)
    bare = replace(hidden, findings=tuple(map(_bare, hidden.findings)), suppressed=())
    return document(bare, show_secrets=False, fail_on=Severity.INFO, suppressed=0, repository=repository)


def _bare(finding: Finding) -> Finding:
    def place(each: Place) -> Place:
        return replace(each, snippet="", mark=(0, 0))

    def parts(these: Iterable[Part]) -> tuple[Part, ...]:
        return tuple(replace(each, place=place(each.place)) for each in these)

    return replace(
        finding,
        parts=parts(finding.parts),
        alternatives=parts(finding.alternatives),
        also_at=tuple(map(place, finding.also_at)),
    )


def ask(asking: Asking, manner: Manner, goes_on: Callable[[], bool] = lambda: True) -> Asked:
    """Read secrets again from where they stand, and ask AWS which of the keys are live."""
    from keysweep.aws.questions import questions
    from keysweep.aws.signing import Caller
    from keysweep.aws.verify import verify

    findings: list[Finding] = []
    unread: list[str] = []
    for where, recorded in asking.places:
        try:
            with _brought(where, manner) as mirror:
                read = list(reread(recorded, mirror.path, mirror.path, manner.limits, manner.options))
        except Exception as error:  # noqa: BLE001 - see _failure
            unread.append(f"{where.url}: {_failure(error).reason}")
            continue
        findings += [each.finding for each in read if each.finding]
        unread += [f"{where.url}: {each.reason}" for each in read if not each.finding]
    caller = Caller(asking.endpoint)
    try:
        answers = list(verify(list(questions(findings, asking.partitions)), caller, goes_on=goes_on))
    finally:
        caller.close()
    told = ({**verdict_document(each.verdict), "asked": each.verdict.asked} for each in answers)
    return Asked(tuple(told), tuple(dict.fromkeys(unread)))


def tidy(manner: Manner) -> int:
    """Give up the mirrors that were not used for longest; returns how many bytes that freed."""
    return make_room(manner.mirrors)
