"""Pairs that were split over two files of one directory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fixtures.keys import key_id, secret
from keysweep import Finding, Origin, scan
from keysweep.detect.across import MOST_IN_DIRECTORY, pair_across
from keysweep.detect.options import Options
from keysweep.findings import Confidence, Kind, Role, Severity, Source
from keysweep.frozen import replace
from keysweep.sources.files import scan_paths

RNG = random.Random(51)
ID, SECRET = key_id(RNG), secret(RNG)
ID2, SECRET2 = key_id(RNG), secret(RNG)


def found(**files: str) -> list[Finding]:
    """Findings of each file on its own; `__` in a name is a slash."""
    results = [
        scan(content.encode(), Origin(name.replace("__", "/"), Source.FILE)) for name, content in files.items()
    ]
    return [finding for result in results for finding in result.findings]


def id_in(value: str) -> str:
    return f"access_key_id={value}\n"


def secret_in(value: str) -> str:
    return f"\naws_secret_access_key={value}\n"


def secret_of(finding: Finding) -> str | None:
    part = finding.part(Role.SECRET)
    return part.value.reveal() if part else None


def test_an_id_and_a_secret_in_neighbouring_files_are_one_pair_of_low_confidence() -> None:
    (pair,) = pair_across(found(app__id=id_in(ID), app__secret=secret_in(SECRET)))
    assert (pair.kind, pair.severity, pair.confidence) == (Kind.PAIR, Severity.HIGH, Confidence.LOW)
    assert (pair.key_id, secret_of(pair)) == (ID, SECRET)
    assert pair.account_id == "123456789012"
    assert pair.reasons[0] == "the secret stands in app/secret of the same directory"


def test_each_half_says_in_which_file_it_stands() -> None:
    (pair,) = pair_across(found(app__id=id_in(ID), app__secret=secret_in(SECRET)))
    assert pair.origin.path == "app/id"
    part = pair.part(Role.SECRET)
    assert part is not None
    assert part.origin is not None
    assert part.origin.path == "app/secret"
    assert (part.place.line, part.place.column) == (2, 23)
    assert pair.parts[0].origin is None


def test_the_same_pair_in_one_file_has_the_same_fingerprint_and_more_confidence() -> None:
    (split,) = pair_across(found(app__id=id_in(ID), app__secret=secret_in(SECRET)))
    (whole,) = found(app__all=id_in(ID) + secret_in(SECRET))
    assert split.fingerprint == whole.fingerprint
    assert split.confidence < whole.confidence


def test_files_of_different_directories_are_not_joined() -> None:
    findings = found(a__id=id_in(ID), b__secret=secret_in(SECRET))
    assert pair_across(findings) == tuple(findings)


def test_a_directory_and_the_one_below_it_are_not_joined() -> None:
    findings = found(a__id=id_in(ID), a__b__secret=secret_in(SECRET))
    assert pair_across(findings) == tuple(findings)


def test_commits_are_not_joined_with_one_another() -> None:
    one, two = found(id=id_in(ID), secret=secret_in(SECRET))
    findings = [
        replace(one, origin=replace(one.origin, commit="a" * 40)),
        replace(two, origin=replace(two.origin, commit="b" * 40)),
    ]
    assert pair_across(findings) == tuple(findings)


def test_the_secret_whose_file_name_is_most_alike_is_taken_and_the_other_kept() -> None:
    (pair, left) = pair_across(
        found(app__dev_secret=secret_in(SECRET2), app__prod_id=id_in(ID), app__prod_secret=secret_in(SECRET))
    )[::-1]
    assert (pair.key_id, secret_of(pair)) == (ID, SECRET)
    assert [part.value.reveal() for part in pair.alternatives] == [SECRET2]
    assert (left.kind, left.parts[0].value.reveal()) == (Kind.SECRET_ACCESS_KEY, SECRET2)


def test_two_ids_and_two_secrets_are_joined_by_their_names() -> None:
    pairs = pair_across(
        found(
            app__dev_id=id_in(ID),
            app__prod_id=id_in(ID2),
            app__dev_secret=secret_in(SECRET),
            app__prod_secret=secret_in(SECRET2),
        )
    )
    assert [(pair.key_id, secret_of(pair)) for pair in pairs] == [(ID, SECRET), (ID2, SECRET2)]


def test_where_there_are_too_many_nothing_is_guessed() -> None:
    files = {f"app__{number}_id": id_in(key_id(RNG)) for number in range(MOST_IN_DIRECTORY + 1)}
    findings = found(**files, app__secret=secret_in(SECRET))
    assert pair_across(findings) == tuple(findings)


def test_a_pair_that_is_whole_gives_nothing_away_to_a_neighbour() -> None:
    findings = found(app__all=id_in(ID) + secret_in(SECRET), app__secret=secret_in(SECRET2))
    assert pair_across(findings) == tuple(findings)


def test_an_example_is_not_joined() -> None:
    example = scan(
        id_in("AKIA" + "IOSFODNN7EXAMPLE").encode(),
        Origin("app/id", Source.FILE),
        options=Options(report_placeholders=True),
    ).findings
    findings = [*example, *found(app__secret=secret_in(SECRET))]
    assert pair_across(findings) == tuple(findings)


def test_nothing_comes_of_nothing() -> None:
    assert pair_across([]) == ()


@pytest.mark.parametrize("seed", range(20))
def test_no_credential_is_lost_or_doubled(seed: int) -> None:
    rng = random.Random(seed)
    files = {}
    for number in range(rng.randrange(1, 9)):
        content = rng.choice((id_in(key_id(rng)), secret_in(secret(rng)), "nothing\n"))
        files[f"{rng.choice('ab')}__{number}"] = content
    findings = found(**files)
    joined = pair_across(findings)
    before = sorted(part.value.reveal() for finding in findings for part in finding.parts)
    assert sorted(part.value.reveal() for finding in joined for part in finding.parts) == before


def test_a_scan_of_a_directory_joins_them(tmp_path: Path) -> None:
    (tmp_path / "access_key").write_text(ID + "\n")
    (tmp_path / "aws_secret.txt").write_text(f"secret_access_key: {SECRET}\n")
    result = scan_paths([str(tmp_path)])
    (pair,) = result.findings
    assert (pair.kind, pair.confidence) == (Kind.PAIR, Confidence.LOW)
    assert SECRET[4:] not in repr(result)
