"""Where a sweep could call something clean, or gone, that is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulators.wire import Answer, Request, serve
from tests.repositories import Repository, environment
from tests.sweep.organisation import Organisation, env_file, key


@pytest.mark.parametrize("missing", ["HEAD", "objects"])
def test_a_damaged_repository_is_not_taken_for_the_one_around_it(local: Organisation, missing: str) -> None:
    Repository(local.place / "served").commit("the one around it")
    inner = Repository(local.served / "org" / "inner")
    inner.stage("x.env", env_file(key()))
    inner.commit("leak")
    place = inner.path / ".git" / missing
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    report = local.sweep("--attempts", "1", target=os.fspath(local.served / "org"), expect=3)
    assert report["repositories"]["failed"] == 1


def test_a_page_in_the_place_of_a_repository_is_not_an_empty_repository(tmp_path: Path) -> None:
    made = Organisation(tmp_path)

    def answer(_: Request) -> Answer:
        return Answer(200, b"<html>sign in</html>", {"Content-Type": "text/html"})

    with serve(answer) as address:
        listed = tmp_path / "list.txt"
        listed.write_text(f"{address}/a.git\n")
        report = made.sweep("--attempts", "1", target=os.fspath(listed), expect=3)
    assert "no repository" in report["unread"][0]["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_names_that_are_no_utf_8_are_swept_and_are_not_their_escapes(local: Organisation) -> None:
    for name in (os.fsdecode(b"caf\xe9"), r"caf\xe9"):
        work = Repository(local.served / name)
        work.stage("x.env", env_file(key()))
        work.commit("leak")
    report = local.sweep()
    assert (report["repositories"]["swept"], report["to_do"]) == (2, 2)
    assert local.sweep()["repositories"]["unchanged"] == 2


def test_a_repository_in_the_work_tree_of_another_is_swept_too(local: Organisation) -> None:
    outer = Repository(local.served / "outer")
    outer.commit("outer")
    inner = Repository(outer.path / "vendor" / "inner")
    inner.stage("x.env", env_file(key()))
    inner.commit("leak")
    outer.git("worktree", "add", "-q", os.fspath(outer.path / "other"), "-b", "other")
    report = local.sweep()
    assert (report["repositories"]["total"], report["to_do"]) == (2, 1)


def test_a_commit_that_no_ref_names_is_news_where_repositories_are_swept_in_place(local: Organisation) -> None:
    work = Repository(local.served / "a")
    work.commit("begin")
    local.sweep(expect=0)
    assert local.sweep(expect=0)["repositories"]["unchanged"] == 1
    work.git("checkout", "-q", "--detach")
    work.stage("x.env", env_file(key()))
    work.commit("leak")
    work.git("checkout", "-q", "main")
    assert local.sweep()["to_do"] == 1


@pytest.mark.parametrize("served", [True, False])
def test_names_of_refs_may_hold_what_other_programs_take_for_the_end_of_a_line(
    organisation: Organisation, tmp_path: Path, served: bool
) -> None:
    made = organisation if served else Organisation(tmp_path)
    work = made.add("a")
    work.git("branch", "z\u2028a")
    work.git("branch", "z\u2028b")
    made.publish(work)
    target = None if served else os.fspath(made.served)
    made.sweep(target=target, expect=0)
    work.git("checkout", "-q", "z\u2028a")
    work.stage("x.env", env_file(key()))
    work.commit("leak")
    made.publish(work)
    assert made.sweep(target=target)["to_do"] == 1
    assert made.sweep(target=target)["repositories"]["unchanged"] == 1


def test_a_link_to_itself_hides_nothing_beside_it(local: Organisation) -> None:
    local.add("a", {"x.env": env_file(key())})
    (local.served / "loop").symlink_to("loop")
    assert local.sweep()["to_do"] == 1


def test_what_filters_leave_out_and_other_lists_have_is_not_gone(local: Organisation, tmp_path: Path) -> None:
    for name in ("a", "b"):
        local.add(name, {"x.env": env_file(key())})
    local.sweep()
    local.sweep("--include", "a*")
    assert local.ask("SELECT COUNT(*) FROM repositories WHERE gone IS NOT NULL") == [(0,)]
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("served/a.git\nserved/b.git\n")
    two.write_text("served/b.git\n")
    for listed in (one, two):
        local.sweep(target=os.fspath(listed))
    two.write_text("served/a.git\n")
    local.sweep(target=os.fspath(two))
    assert local.ask("SELECT COUNT(*) FROM repositories WHERE gone IS NOT NULL") == [(0,)]


def test_a_directory_in_which_nothing_is_any_more_is_not_an_organisation_without_leaks(
    local: Organisation,
) -> None:
    work = local.add("a")
    local.sweep(expect=0)
    local.remove(work)
    report = local.sweep(expect=3)
    assert report["problems"] == ["nothing is listed any more, where there were 1 repository"]
    assert local.ask("SELECT COUNT(*) FROM repositories WHERE gone IS NOT NULL") == [(0,)]


def test_a_leak_that_was_rewritten_away_still_needs_somebody(organisation: Organisation) -> None:
    work = organisation.add("a", {"x.env": env_file(key())})
    organisation.sweep()
    shutil.rmtree(organisation.place / "mirrors")
    organisation.remove(work)
    shutil.rmtree(work.path)
    organisation.add("a")
    assert organisation.sweep()["to_do"] == 1
    assert organisation.ask("SELECT COUNT(*) FROM places WHERE gone IS NOT NULL") == [(1,)]


def test_a_repository_that_failed_once_is_well_when_it_is_unchanged(organisation: Organisation) -> None:
    work = organisation.add("a")
    target = organisation.listed()
    organisation.sweep(target=target, expect=0)
    bare = organisation.bare(work)
    bare.rename(bare.with_name("away"))
    organisation.sweep(target=target, expect=3)
    bare.with_name("away").rename(bare)
    organisation.sweep(target=target, expect=0)
    assert organisation.ask("SELECT state, reason FROM repositories") == [("swept", "")]


def test_a_ref_that_is_named_after_a_secret_leaves_none_in_the_store(organisation: Organisation) -> None:
    leaked = key()
    while "/" in leaked.secret:
        leaked = key()
    work = organisation.add("a", {"x.env": env_file(leaked)})
    work.git("branch", f"own/{leaked.secret}")
    organisation.publish(work)
    organisation.sweep()
    stored = b"".join(each.read_bytes() for each in organisation.place.glob("store.db*"))
    assert leaked.secret.encode() not in stored
    assert organisation.sweep()["repositories"]["unchanged"] == 1


def test_mirrors_fit_their_budget_when_a_sweep_is_over(organisation: Organisation) -> None:
    for number in range(6):
        organisation.add(f"a{number}", {"x.txt": os.urandom(50_000).hex()})
    organisation.sweep("--disk-budget", "150kB", expect=0)
    kept = sum(each.stat().st_size for each in (organisation.place / "mirrors").rglob("*") if each.is_file())
    assert kept < 200_000


def test_a_store_that_is_taken_away_is_not_written_in_vain(organisation: Organisation) -> None:
    for number in range(3):
        organisation.add(f"a{number}")
    organisation.git_that(f'case " $* " in *" clone "*a1*) rm -f {organisation.db};; esac')
    done = subprocess.run(
        organisation.command("--jobs", "1"),
        env=organisation.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "was taken away while it was in use" in done.stderr


def test_the_way_on_is_told_with_the_same_store(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    listed = tmp_path / "my list.txt"
    listed.write_text("".join(f"http://127.0.0.1:1/{number}.git\n" for number in range(14)))
    done = subprocess.run(
        made.command("--attempts", "1", target=os.fspath(listed)),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert f"keysweep sweep '{listed}' --db {made.db} --mirrors {made.place / 'mirrors'} --resume" in done.stdout


def test_a_list_that_cannot_be_read_is_one_sentence_and_nothing_to_go_on_with(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    listed = tmp_path / "list.txt"
    listed.write_text("https://user:password@git.example.net/a.git\n")
    command = made.command(target=os.fspath(listed))
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert made.ask("SELECT state FROM runs") == [("done",)] or made.ask("SELECT ended FROM runs") != [(None,)]


@pytest.mark.parametrize("minutes", ["inf", "nan", "1e300", "0"])
def test_a_time_that_is_none_is_refused(local: Organisation, minutes: str) -> None:
    command = local.command("--most-minutes", minutes)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
