"""Which keys AWS is asked about, once each over the whole store, and from where their secrets are read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from keysweep.findings import Recorded
from keysweep.frozen import replace
from keysweep.report.recorded import verdict_of
from keysweep.store.knowledge import keys_to_ask
from keysweep.store.opening import Store
from keysweep.store.rows import batches
from keysweep.store.secret_places import SecretPlace, secret_places
from keysweep.sweep.orders import Asking, Where
from keysweep.verdicts import Verdict

_KEYS_AT_ONCE = 100


def askings(store: Store, now: datetime, partitions: tuple[str, ...], endpoint: str | None) -> Iterator[Asking]:
    """What to ask, in batches of keys; all that is known of a key is in one of them."""
    with store.reading() as connection:
        due = keys_to_ask(connection, now)
    for key_ids in batches(due, _KEYS_AT_ONCE):
        with store.reading() as connection:
            known = list(secret_places(connection, key_ids))
        if known:
            yield Asking(_by_repository(known), partitions, endpoint)


def _by_repository(known: Iterable[SecretPlace]) -> tuple[tuple[Where, tuple[Recorded, ...]], ...]:
    groups: defaultdict[Where, list[Recorded]] = defaultdict(list)
    for each in known:
        where = Where(each.repository_id, each.identity, each.url, each.host_kind)
        groups[where].append(each.recorded)
    return tuple((where, tuple(recorded)) for where, recorded in groups.items())


def verdicts_in(told: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """The verdicts that a worker sent."""
    return [replace(verdict_of(dict(each)), asked=bool(each.get("asked"))) for each in told]
