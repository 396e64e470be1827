"""The leaks that `keysweep account` is told of, and whose each of them is by its ID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from keysweep.cli import checks
from keysweep.cli.databases import opened_store
from keysweep.frozen import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.account.audit import Unreached
    from keysweep.account.evidence import Account, Gap
    from keysweep.account.judging.checks import Leak


def leaks_of(paths: Sequence[str], db: str | None, *, in_store: bool) -> tuple[Mapping[str, Leak], Sequence[Gap]]:
    """Every key that is known to have leaked, and where there may be more.

    Raises UsageError or StoreError for what cannot be read.
    """
    from keysweep.account.evidence import Gap
    from keysweep.account.judging.checks import Leak
    from keysweep.account.judging.leaks import dated, joined, leaks_in
    from keysweep.report.read import read
    from keysweep.report.recorded import result_of

    known = checks.recall()
    found: dict[str, Leak] = {}
    gaps = []
    for path in paths:
        result = read(path, result_of)
        if result.problems:
            gaps.append(Gap(f"leaks that {path} does not tell of", "", "its scan was not complete"))
        for key_id, leak in leaks_in(result.findings, known).items():
            found[key_id] = joined(found.get(key_id), leak)
    if in_store:
        with opened_store(db, must_exist=True) as store, store.reading() as connection:
            from keysweep.store.queries.leaked_keys import leaked_keys

            for each in leaked_keys(connection):
                leak = Leak(each.since, (each.place,), known.get(each.key_id))
                found[each.key_id] = joined(found.get(each.key_id), leak)
    return dated(found, datetime.now(UTC)), gaps


def leaked_in(account: Account, leaks: Mapping[str, Leak]) -> set[str]:
    """Leaked keys that the account has, and those that are its own by their ID."""
    there = {key.key_id for key, _ in account.each_key()}
    return {*_leaked_of(account.id, leaks), *(there & leaks.keys())}


def each_with_leaks(unreached: Iterable[Unreached], leaks: Mapping[str, Leak]) -> Iterator[Unreached]:
    """Accounts that could not be read, each with the leaked keys that are its own by their ID."""
    for each in unreached:
        yield replace(each, leaks=tuple(sorted(_leaked_of(each.account, leaks))))


def _leaked_of(account: str, leaks: Mapping[str, Leak]) -> set[str]:
    from keysweep.detect.keyid import account_of

    return {each for each in leaks if each.startswith("AKIA") and account_of(each) == account}
