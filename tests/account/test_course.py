"""What runs leave for one another: what is new, what is mended, and what nobody can say."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.account.audit import Audit, Unreached
from keysweep.account.evidence import Gap
from keysweep.account.judging.ages import by_age
from keysweep.account.judging.checks import Bounds, Leak
from keysweep.account.report.trend import document as course
from keysweep.account.report.trend import lines
from keysweep.account.runs import history as on_disk
from keysweep.account.runs.course import Change, Run, document, how, run_of, since, summary
from keysweep.account.runs.history import history, keep
from keysweep.account.usage.agents import Confidence, Guess, Kind
from keysweep.account.usage.use import Creation, Sighting, Use
from keysweep.frozen import replace
from keysweep.report.style import Style
from tests.account.samples import NOW, account, audit, everything, hostile, key, many, user

OLD = key(1, age=100)
YOUNG = key(1, age=1)
LEAKS = {OLD.key_id: Leak(None, ("a:1",))}


def ran(told: Audit, days: int = 1, change: Change | None = None, bounds: Bounds | None = None) -> Run:
    return summary(told, bounds or Bounds(), change, NOW - timedelta(days=days))


def changed(told: Audit, *runs: Run, bounds: Bounds | None = None) -> Change:
    change = since(told, bounds or Bounds(), runs)
    assert change
    return change


def rules(change: Change) -> tuple[list[str], list[str], list[str]]:
    """What is new, mended and not known."""
    return (
        [each.rule.id for each in change.new],
        sorted(each.rule for each in change.mended),
        sorted(each.rule for each in change.unjudged),
    )


def test_what_is_broken_now_is_new_and_what_no_longer_is_has_been_mended() -> None:
    before = ran(audit(account(user(OLD))))
    assert rules(changed(audit(account(user(OLD))), before)) == ([], [], [])
    two = (YOUNG, key(2, age=1))
    change = changed(audit(account(user(*two))), before)
    assert rules(change) == (["two-active-keys"], ["old-key"], [])
    assert (change.mended[0].key, change.mended[0].is_gone) == (YOUNG, False)
    assert changed(audit(account(user(key(2)))), before).mended[0].is_gone


def test_the_first_run_of_an_account_has_nothing_to_be_compared_with() -> None:
    assert since(everything(), Bounds(), []) is None
    assert (
        since(audit(account(user(OLD))), Bounds(), [ran(audit(account(user(OLD), number="444455556666")))]) is None
    )


def test_a_run_that_did_not_see_everything_mends_nothing_and_is_nothing_to_compare_with() -> None:
    whole, gap = audit(account(user(OLD))), Gap("keys", "iam:ListAccessKeys", "")
    partial = audit(account(user(YOUNG), gaps=(gap,)))
    for told in (partial, audit(account(user(YOUNG)), gaps=(gap,))):
        assert rules(changed(told, ran(whole))) == ([], [], ["old-key"])
    assert since(whole, Bounds(), [ran(partial)]) is None
    assert rules(changed(audit(account(user(YOUNG))), ran(whole, 2), ran(partial, 1)))[1] == ["old-key"]


def test_other_bounds_find_other_lapses_and_are_not_compared() -> None:
    before = ran(audit(account(user(OLD))))
    assert since(audit(account(user(OLD))), Bounds(most_days=365), [before]) is None


def test_a_leak_that_a_run_was_not_told_of_is_not_mended_and_not_new_when_it_is_told_again() -> None:
    leaked, untold = audit(account(user(OLD)), leaks=LEAKS), audit(account(user(OLD)))
    first = ran(leaked, 3)
    change = changed(untold, first)
    assert rules(change) == ([], [], ["leaked-key"])
    second = ran(untold, 2, change)
    assert rules(changed(leaked, first, second)) == ([], [], [])
    off = audit(account(user(replace(OLD, is_active=False))), leaks=LEAKS)
    assert rules(changed(off, first, second)) == (["leaked-key-kept"], ["leaked-key", "old-key"], [])
    gone = audit(account(user(key(2))))
    assert rules(changed(gone, first, second))[1] == ["leaked-key", "old-key"]


def test_what_only_a_leak_or_the_use_of_a_key_shows_is_not_mended_where_nobody_looked() -> None:
    leaks = {OLD.key_id: Leak(NOW - timedelta(days=50), ("a:1",))}
    made = Creation("", "arn:aws:iam::1:user/ci", "", NOW, "198.51.100.66", "Boto3/1", OLD.key_id)
    backdoor = key(2, "other", age=1, creation=made)
    first = ran(audit(account(user(OLD), user(backdoor, name="other")), leaks=leaks))
    untold = audit(account(user(OLD), user(backdoor, name="other")))
    assert rules(changed(untold, first)) == ([], [], ["leaked-key", "unapproved-key", "used-after-leak"])
    told_again = audit(
        account(user(OLD), user(replace(backdoor, creation=replace(made, with_key="")), name="other"))
    )
    assert "unapproved-key" in rules(changed(told_again, first))[2], "nobody said who may make keys"

    attack = Guess(Kind.ATTACK, Confidence.LIKELY, "so")
    sightings = (Sighting("eu-west-1", "s3", "203.0.113.7", "pacu", attack, 5, NOW, NOW),)
    used = replace(YOUNG, is_active=False, use=Use(NOW, NOW, sightings))
    asked = ran(audit(account(user(used)), leaks=LEAKS))
    off = audit(account(user(replace(used, use=None))))
    assert rules(changed(off, asked)) == ([], [], ["attack-tool", "leaked-key-kept"])


def test_runs_that_asked_in_other_regions_are_not_compared() -> None:
    assert how(Bounds(usage_days=90, usage_regions=("eu-west-1",))) != how(Bounds(usage_days=90))


def test_accounts_are_compared_one_by_one() -> None:
    two = audit(account(user(OLD)), account(user(OLD), number="444455556666"))
    change = changed(audit(account(user(YOUNG), number="444455556666"), account(number="777788889999")), ran(two))
    assert (change.accounts, [each.account for each in change.mended]) == (1, ["444455556666"])


def test_a_run_is_read_back_as_it_was_and_names_nobody() -> None:
    run = ran(everything())
    text = json.dumps(document(run))
    assert run_of(json.loads(text)) == replace(run, accounts=tuple(_plain(run)))
    assert not [name for name in ("deploy", "quiet", "AKIA", "sandbox", "arn:") if name in text]


def _plain(run: Run) -> list[object]:
    return [replace(each, by_severity=dict(each.by_severity), by_age=dict(each.by_age)) for each in run.accounts]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_RUN = json.dumps(document(ran(many(1, 1))))


@given(st.dictionaries(st.sampled_from(list(json.loads(_RUN))), _JSON), st.dictionaries(st.just("lapses"), _JSON))
def test_what_is_no_run_is_refused_in_one_way(changes: dict[str, object], inner: dict[str, object]) -> None:
    told = json.loads(_RUN) | changes
    if isinstance(told["accounts"], list) and told["accounts"] and isinstance(told["accounts"][0], dict):
        told["accounts"][0] |= inner
    with contextlib.suppress(ValueError):
        assert isinstance(run_of(told), Run)


def test_runs_are_kept_for_their_owner_alone_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_disk, "MOST_RUNS", 3)
    place = tmp_path / "state" / "account-runs"
    assert history(place) == on_disk.History((), ())
    for days in range(5, 0, -1):
        assert keep(ran(everything(), days), place) == ""
    assert [run.taken for run in history(place).runs] == [NOW - timedelta(days=days) for days in (3, 2, 1)]
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}
    assert place.stat().st_mode & 0o777 == 0o700


def test_damaged_and_foreign_files_are_told_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(ran(everything()), tmp_path)
    (good,) = tmp_path.iterdir()
    name = "20260101T000000000000Z-{:08x}.json"
    odd = [b"{", b"[" * 100_000, b"\xff\xfe", b"{}", b"null", good.read_bytes()[:-40], b"9" * 5000]
    for number, content in enumerate(odd):
        (tmp_path / name.format(number)).write_bytes(content)
    os.mkfifo(tmp_path / name.format(100))
    os.symlink(good, tmp_path / name.format(101))
    (tmp_path / name.format(102)).mkdir()
    (tmp_path / "note.txt").write_text("x")
    known = history(tmp_path)
    assert (len(known.runs), len(known.notes)) == (1, 1)
    assert f"and {len(odd) + 1} more in {tmp_path} cannot be read as earlier runs" in known.notes[0]
    monkeypatch.setattr(on_disk, "MOST_BYTES", 100)
    assert history(tmp_path).runs == ()
    assert "100 are the most" in keep(ran(everything()), tmp_path)


def test_a_directory_that_everybody_can_write_is_not_believed(tmp_path: Path) -> None:
    keep(ran(everything()), tmp_path)
    tmp_path.chmod(0o777)
    assert history(tmp_path).runs == ()
    assert "written by everybody" in history(tmp_path).notes[0]
    assert "written by everybody" in keep(ran(everything()), tmp_path)


def test_a_place_that_is_none_costs_no_report(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "could not be" in keep(ran(everything()), tmp_path / "file")
    assert "could not be read" in history(tmp_path / "file").notes[0]


@pytest.mark.practice(15)
def test_the_course_has_a_table_for_each_account_and_an_incomplete_run_mends_nothing() -> None:
    whole, better = audit(account(user(OLD))), audit(account(user(YOUNG)))
    partial = audit(account(user(YOUNG), gaps=(Gap("keys", "", "slow"),)))
    runs = [ran(whole, 5), ran(partial, 4), ran(better, 3), ran(everything(), 2), ran(whole, 1)]
    told = course(runs)
    first, other = sorted(told["series"], key=lambda it: len(it["accounts"]))
    assert len(other["accounts"]) == 3
    assert [(each["new"], each["mended"]) for each in first["runs"]] == [(None, None), (0, None), (0, 1), (1, 0)]
    assert [each["by_severity"]["medium"] for each in first["runs"]] == [1, 0, 0, 1]
    table = "\n".join(lines(runs, Style()))
    assert "account 111122223333 (most-days 90, idle-days 45, kept-days 30): 4 runs" in table
    assert table.count("not everything was checked") == 2
    assert "no run is known" in next(lines([], Style()))


def test_an_organisation_keeps_its_table_when_accounts_come_go_or_cannot_be_read() -> None:
    one, two, three, four = (account(user(OLD), number=f"{each}" * 12) for each in range(1, 5))
    lost = Unreached(three.id, "", "denied")
    runs = [
        ran(audit(one, two, three), 4),
        ran(audit(one, two, unreached=(lost,)), 3),
        ran(audit(one, two, three, four), 2),
        ran(audit(account(user(YOUNG), number=two.id), three, four), 1),
        ran(audit(one, account(number="9" * 12)), 0),
    ]
    first, other = course(runs)["series"]
    steps = [(each["new"], each["mended"], each["unreached"]) for each in first["runs"]]
    assert steps == [(None, None, 0), (0, 0, 1), (0, 0, 0), (0, 1, 0)]
    assert len(other["runs"]) == 1


def test_what_is_not_usual_is_part_of_how_runs_were_made() -> None:
    usual = how(Bounds())
    assert usual == {"most-days": 90, "idle-days": 45, "kept-days": 30}
    assert how(Bounds(most_days=1)) == usual | {"most-days": 1}


def test_a_hostile_name_leaves_no_trace() -> None:
    assert "evil" not in json.dumps(document(ran(hostile("evil\x1b[2J"))))


@pytest.mark.practice(15)
@pytest.mark.parametrize(
    ("age", "band", "too_old"),
    [(0, "month", 0), (30, "month", 0), (30.5, "quarter", 0), (90, "quarter", 0), (90.5, "half-year", 1),
     (365, "year", 1), (366, "years", 1), (-5, "month", 0), (None, "unknown", 0)],
)  # fmt: skip
def test_a_key_is_in_one_band_and_too_old_where_the_rule_says_so(
    age: float | None, band: str, too_old: int
) -> None:
    (found,) = (each for each in by_age([(key(1, age=age), NOW)], 90) if each.keys)
    assert (found.band.name, found.active, found.too_old) == (band, 1, too_old)
    broken = [each.rule.id for each in audit(account(user(key(1, age=age)))).lapses]
    assert broken.count("old-key") == too_old


def test_an_inactive_key_is_not_too_old() -> None:
    (found,) = (each for each in by_age([(key(1, age=400, is_active=False), NOW)], 90) if each.keys)
    assert (found.keys, found.active, found.too_old) == (1, 0, 0)
