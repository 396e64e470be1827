"""Mirrors on this machine: kept, mended, given up for room, and reached with a token that nobody else sees."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from keysweep.findings import Secret
from keysweep.sources.history.opening.addresses import address
from keysweep.sources.history.opening.remote import NO_MORE
from keysweep.sweep import access
from keysweep.sweep.here import refs_digest, refs_in
from keysweep.sweep.mirrors import Mirrors, make_room, mirrored, place_of
from keysweep.sweep.tokens import Login
from tests.repositories import Repository
from tests.servers import http_server
from tests.sweep.organisation import Organisation, env_file, key

PLENTY = 1 << 40


def size_of(place: str | Path) -> int:
    """Bytes of all files below."""
    return sum(each.stat().st_size for each in Path(place).rglob("*") if each.is_file())


def mirrors_of(organisation: Organisation) -> list[Path]:
    """The mirrors that there are."""
    return sorted((organisation.place / "mirrors").glob("*/mirror.git"))


def test_nobody_else_can_look_into_mirrors(organisation: Organisation) -> None:
    organisation.add("a")
    organisation.sweep(expect=0)
    (mirror,) = mirrors_of(organisation)
    assert stat.S_IMODE(mirror.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["objects", "lock", "config", "half"])
def test_a_mirror_that_is_damaged_is_made_anew(organisation: Organisation, damage: str) -> None:
    work = organisation.add("a", {"x.env": env_file(key())})
    organisation.sweep()
    (mirror,) = mirrors_of(organisation)
    if damage == "objects":
        shutil.rmtree(mirror / "objects")
    elif damage == "lock":
        (mirror / "packed-refs.lock").write_text("")
        (mirror / "refs" / "heads").mkdir(parents=True, exist_ok=True)
        (mirror / "refs" / "heads" / "main.lock").write_text("")
    elif damage == "config":
        (mirror / "HEAD").write_text("nonsense")
    else:
        (mirror.parent / "coming").mkdir()
        (mirror.parent / "coming" / "left").write_text("over")
        shutil.rmtree(mirror)
    work.stage("y.env", env_file(key()))
    work.commit("another")
    organisation.publish(work)
    report = organisation.sweep()
    assert (report["complete"], report["to_do"]) == (True, 2)
    assert not (mirror.parent / "coming").exists()


def test_a_repository_that_was_rewritten_is_followed(organisation: Organisation) -> None:
    work = organisation.add("a", {"x.env": env_file(key())})
    organisation.sweep()
    work.git("checkout", "-q", "--orphan", "fresh")
    work.git("rm", "-rq", "--cached", ".")
    (work.path / "x.env").unlink()
    work.stage("clean.txt", "clean\n")
    work.commit("begin again")
    work.git("branch", "-M", "fresh", "main")
    organisation.publish(work)
    report = organisation.sweep()
    assert report["repositories"]["swept"] == 1
    assert organisation.ask("SELECT refs, removed_by FROM place_overview") == [(0, None)], "in no ref any more"


def test_mirrors_that_take_too_much_room_are_given_up_and_what_was_swept_stays_known(
    organisation: Organisation,
) -> None:
    for number in range(25):
        organisation.add(f"a{number}", {"x.txt": os.urandom(20_000).hex(), "x.env": env_file(key())})
    organisation.sweep("--disk-budget", "300kB")
    assert len(mirrors_of(organisation)) < 25
    again = organisation.sweep("--disk-budget", "300kB")
    assert (again["repositories"]["unchanged"], again["to_do"]) == (25, 25)


def test_those_that_were_not_used_for_longest_go_first_and_none_that_is_in_use(
    organisation: Organisation, tmp_path: Path
) -> None:
    works = [organisation.add(f"a{number}", {"x.txt": os.urandom(5_000).hex()}) for number in range(4)]
    mirrors = Mirrors(os.fspath(tmp_path / "m"), PLENTY)
    places = []
    for number, work in enumerate(works):
        url = address(f"{organisation.address}/{organisation.bare(work).relative_to(organisation.served)}")
        with mirrored(mirrors, f"id{number}", url, NO_MORE):
            pass
        places.append(Path(place_of(mirrors, f"id{number}")))
        os.utime(places[-1] / "size", (number, number))
    small = Mirrors(mirrors.directory, size_of(places[3]) + size_of(places[0]) + 100)
    url = address(f"{organisation.address}/a0.git")
    with mirrored(mirrors, "id0", url, NO_MORE):
        os.utime(places[0] / "size", (0, 0))
        make_room(small)
    assert [(place / "mirror.git").exists() for place in places] == [True, False, False, True]


def test_the_refs_of_a_mirror_are_those_that_its_server_tells(organisation: Organisation, tmp_path: Path) -> None:
    from keysweep.sweep.advertised import Advertisements

    work = organisation.add("a")
    for name in ("feature/ä", "release-1"):
        work.git("branch", name)
    work.git("tag", "-a", "v1", "-m", "tagged")
    work.git("update-ref", "refs/pull/7/head", "HEAD")
    organisation.publish(work)
    empty = organisation.add("empty", {})
    for each in (work, empty):
        url = address(f"{organisation.address}/{organisation.bare(each).relative_to(organisation.served)}")
        told = Advertisements(1).refs(url, None, NO_MORE, os.fspath(tmp_path))
        with mirrored(Mirrors(os.fspath(tmp_path / "m"), PLENTY), url.url, url, NO_MORE) as mirror:
            assert refs_digest(refs_in(mirror.path)) == refs_digest(told)
        assert len(told) == (5 if each is work else 0)


def test_a_token_lets_git_in_and_stands_in_no_argument_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    made.add("a", {"x.env": env_file(key())})
    spy = tmp_path / "arguments"
    made.git_that(f'echo "$@" >> {spy}')
    monkeypatch.setenv("PATH", made.extra["PATH"])
    token = "t0k3n-of-this-test"
    login = Login("127.0.0.1", "oauth2", Secret(token), "a test")
    with http_server(made.served, login=f"oauth2:{token}") as server:
        monkeypatch.setattr(access, "_login", lambda *_: login)
        let_in = access.access_to("gitea", f"{server}/a.git")
        mirrors = Mirrors(os.fspath(tmp_path / "m"), PLENTY)
        for _ in range(2):
            with mirrored(mirrors, "a", address(f"{server}/a.git"), let_in) as mirror:
                assert list(refs_in(mirror.path)) == ["refs/heads/main"]
    assert token not in spy.read_text()
    assert not any(token.encode() in each.read_bytes() for each in (tmp_path / "m").rglob("*") if each.is_file())


def test_a_token_does_not_follow_to_another_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    made.add("a")
    asked: list[str] = []
    login = Login("127.0.0.1", "oauth2", Secret("t0k3n-of-this-test"), "a test")
    monkeypatch.setattr(access, "_login", lambda *_: login)
    with (
        http_server(made.served, login="oauth2:another", heard=asked) as other,
        http_server(made.served, redirects={"/moved": f"{other}/"}) as server,
    ):
        let_in = access.access_to("gitea", f"{server}/moved/a.git")
        with (
            pytest.raises(Exception, match="could not be cloned"),
            mirrored(Mirrors(os.fspath(tmp_path / "m"), PLENTY), "a", address(f"{server}/moved/a.git"), let_in),
        ):
            pass
    assert asked
    assert not any(asked), "it was asked for a login, and got none"


def test_a_token_is_not_sent_over_a_network_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login("git.example.net", "oauth2", Secret("t0k3n-of-this-test"), "a test")
    monkeypatch.setattr(access, "_login", lambda *_: login)
    assert access.access_to("gitea", "http://git.example.net/a.git") is NO_MORE
    assert access.access_to("gitea", "https://git.example.net/a.git") is not NO_MORE


def test_a_hostile_repository_in_a_directory_runs_nothing(local: Organisation) -> None:
    """Swept where it is, so that its own configuration is there."""
    mark = local.place / "ran"
    work: Repository = local.add("a", {"x.env": env_file(key())})
    bare = local.bare(work)
    (bare / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "pre-receive"):
        hook = bare / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    with (bare / "config").open("a") as config:
        config.write(f'[core]\n\tfsmonitor = "touch {mark}"\n\tsshCommand = "touch {mark}"\n')
        config.write(
            f'[remote "origin"]\n\turl = ext::touch {mark}\n[uploadpack]\n\tpackObjectsHook = touch {mark}\n'
        )
    assert local.sweep()["to_do"] == 1
    assert not mark.exists()
