"""How old keys are, in bands: how many there are of each, active and in all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from keysweep.account.evidence import Key
from keysweep.frozen import frozen


@frozen
class Band:
    """A span of ages."""

    name: str
    label: str
    most_days: int | None
    """The last day that belongs to it; None for the last band, and for ages that nobody knows."""


BANDS = (
    Band("month", "0-30 days", 30),
    Band("quarter", "31-90 days", 90),
    Band("half-year", "91-180 days", 180),
    Band("year", "181-365 days", 365),
    Band("years", "over a year", None),
)
UNKNOWN = Band("unknown", "not known", None)


@frozen
class Aged:
    """The keys of one band."""

    band: Band
    keys: int
    active: int
    too_old: int
    """How many of the active ones are older than keys may become."""


def band_of(key: Key, now: datetime) -> Band:
    """Into which band a key falls; one that claims to be of the future is as young as can be."""
    age = key.age(now)
    if age is None:
        return UNKNOWN
    return next(each for each in BANDS if each.most_days is None or age <= timedelta(days=each.most_days))


def is_too_old(key: Key, now: datetime, most_days: int) -> bool:
    """Whether a key is older than keys may become."""
    age = key.age(now)
    return age is not None and age > timedelta(days=most_days)


def by_age(keys: Iterable[tuple[Key, datetime]], most_days: int) -> tuple[Aged, ...]:
    """Every band, those without a key too; each key comes with the moment at which it was read."""
    sorted_in: dict[str, list[tuple[Key, datetime]]] = {each.name: [] for each in (*BANDS, UNKNOWN)}
    for key, now in keys:
        sorted_in[band_of(key, now).name].append((key, now))
    return tuple(_counted(band, sorted_in[band.name], most_days) for band in (*BANDS, UNKNOWN))


def _counted(band: Band, keys: list[tuple[Key, datetime]], most_days: int) -> Aged:
    active = [(key, now) for key, now in keys if key.is_active]
    return Aged(band, len(keys), len(active), sum(is_too_old(key, now, most_days) for key, now in active))
