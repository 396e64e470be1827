"""The baseline as a file: what it says, what is wrong with it, and that branches merge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keysweep.errors import ConfigError
from keysweep.frozen import replace
from keysweep.suppress.baseline import Entry, load, merged, parse, save, written

ONE = Entry("1" * 32, "2026-01-01", "someone@example.net", "revoked", "2027-01-31", "conf/prod.ini")
TWO = Entry("2" * 32, "2026-01-02", "someone@example.net", "a fixture")
LINE = written([ONE]).splitlines()[1]


def test_what_is_written_can_be_read_and_is_sorted_one_entry_a_line() -> None:
    text = written([TWO, ONE])
    assert list(parse(text.encode(), "b").values()) == [ONE, TWO]
    assert text.startswith("#")
    assert text.endswith("}\n")
    assert text.count("\n") == 3


dates = st.dates().map(lambda each: each.isoformat())
texts = st.text(min_size=1).filter(lambda text: bool(text.strip()))
entries = st.builds(
    Entry,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    dates,
    texts,
    texts,
    st.none() | dates,
    st.none() | st.text(st.characters(codec="utf-8")) | st.just("caf\udce9"),
)


@given(st.lists(entries, unique_by=lambda entry: entry.fingerprint))
def test_any_entries_survive_being_written_and_read(several: list[Entry]) -> None:
    assert parse(written(several).encode("ascii"), "b") == {each.fingerprint: each for each in several}


@given(st.binary() | st.text().map(lambda text: LINE.replace("revoked", text).encode("utf-8", "surrogatepass")))
def test_whatever_stands_in_a_file_is_read_or_named_by_file_and_line(content: bytes) -> None:
    try:
        parse(content, "b")
    except ConfigError as error:
        assert str(error).startswith("b:")  # noqa: PT017
        assert str(error).endswith(".")  # noqa: PT017


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x", "is no JSON object"),
        ("[]", "is no JSON object"),
        ("\udcff", "is no JSON object"),
        ("[" * 100_000, "is no JSON object"),
        ("<<<<<<< HEAD", "is the mark of a merge conflict: keep the entries of both sides"),
        ("{}", "has no `fingerprint`: every entry needs fingerprint, added, owner, reason"),
        (LINE.replace("revoked", " "), "has no `reason`"),
        (LINE.replace("1" * 32, "1" * 31), "has no fingerprint of 32 hexadecimal digits"),
        (LINE.replace("2027-01-31", "2027-02-30"), "has a `until` that is no date: write it as 2027-01-31"),
        (LINE.replace("2026-01-01", "1.1.2026"), "has a `added` that is no date"),
        (LINE.replace('"owner"', '"secret"'), "has 'secret', which no entry has"),
        (LINE.replace('"revoked"', "1"), "has a `reason` that is no string: put it in quotes"),
    ],
)
def test_damage_is_named_by_file_and_line_with_what_to_do(line: str, said: str) -> None:
    content = f"# a comment\n\n{LINE}\n{line}\n".encode("utf-8", "surrogateescape")
    with pytest.raises(ConfigError) as failure:
        parse(content, "conf/baseline")
    assert str(failure.value).startswith(f"conf/baseline:4 {said}")


def test_of_two_entries_of_the_same_finding_the_one_that_ends_first_counts() -> None:
    for first, second in (("2027-01-31", None), (None, "2027-01-31"), ("2027-01-31", "2028-01-31")):
        lines = [written([replace(ONE, until=until)]).splitlines()[1] for until in (first, second)]
        assert parse("\n".join(lines).encode(), "b")[ONE.fingerprint].until == "2027-01-31"


def test_entries_that_are_there_stay_as_they_are() -> None:
    again = replace(ONE, reason="another")
    assert merged({ONE.fingerprint: ONE}, [again, TWO]) == {ONE.fingerprint: ONE, TWO.fingerprint: TWO}


def test_two_branches_that_accept_different_findings_merge_without_a_conflict(tmp_path: Path) -> None:
    common = [Entry(f"{number:x}" * 32, "2026-01-01", "a", "b") for number in (1, 5, 9, 13)]
    sides = {"base": [], "ours": ["3"], "theirs": ["b"]}
    for name, added in sides.items():
        save(tmp_path / name, [*common, *(Entry(digit * 32, "2026-01-01", "a", "b") for digit in added)])
    subprocess.run(["git", "merge-file", "ours", "base", "theirs"], cwd=tmp_path, check=True)
    assert len(load(tmp_path / "ours")) == 6


def test_a_union_merge_of_neighbours_is_read_as_well(tmp_path: Path) -> None:
    for name, added in {"base": [], "ours": ["3", "5"], "theirs": ["4"]}.items():
        save(tmp_path / name, [Entry(digit * 32, "2026-01-01", "a", "b") for digit in added])
    subprocess.run(["git", "merge-file", "--union", "ours", "base", "theirs"], cwd=tmp_path, check=True)
    assert len(load(tmp_path / "ours")) == 3


def test_a_baseline_that_links_out_of_its_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "tree" / "b").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="link out of its directory"):
        load(tmp_path / "tree" / "b")
