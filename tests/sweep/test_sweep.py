"""`keysweep sweep`, run as a user runs it against a server of git on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.emulators.faults import Faults
from tests.emulators.script import throttling
from tests.emulators.wire import Answer
from tests.notify.filling import receiver
from tests.servers import http_server
from tests.sweep.organisation import Organisation, env_file, key


def test_a_key_in_many_repositories_is_one_leak_with_many_places(organisation: Organisation) -> None:
    leaked = key()
    app = organisation.add("team/app", {"prod.env": env_file(leaked)})
    for number in range(4):
        organisation.fork(app, f"someone{number}/app")
    organisation.add("team/clean")
    report = organisation.sweep()
    assert report["repositories"]["swept"] == 6
    (leak,) = report["worst"]
    assert (leak["key_id"], leak["repositories"], leak["places"]) == (leaked.key_id, 5, 5)
    assert (leak["severity"], leak["standing"], leak["example"]["path"]) == ("high", "unverified", "prod.env")
    assert {row[4].removeprefix(organisation.address.removeprefix("http://")) for row in organisation.told()} == {
        "/team/app.git",
        *(f"/someone{number}/app.git" for number in range(4)),
    }


def test_a_clean_organisation_is_told_so_and_exits_with_0(organisation: Organisation) -> None:
    organisation.add("a")
    organisation.add("empty", {})
    report = organisation.sweep(expect=0)
    assert (report["complete"], report["to_do"], report["repositories"]["swept"]) == (True, 0, 2)


def test_what_has_not_changed_is_not_read_again(organisation: Organisation) -> None:
    first = organisation.add("a", {"x.env": env_file(key())})
    organisation.add("b")
    organisation.sweep()
    again = organisation.sweep()
    assert (again["repositories"]["unchanged"], again["bytes"]) == (2, 0)
    first.stage("y.env", env_file(key()))
    first.commit("leak another")
    organisation.publish(first)
    third = organisation.sweep()
    assert (third["repositories"]["unchanged"], third["repositories"]["swept"], third["new_leaks"]) == (1, 1, 1)
    assert third["to_do"] == 2


def test_another_night_reads_only_what_is_new_of_a_repository(organisation: Organisation) -> None:
    work = organisation.add("a", {"large.txt": "word " * 200_000, "x.env": env_file(key())})
    organisation.sweep()
    work.stage("small.txt", "one line\n")
    work.commit("add a line")
    organisation.publish(work)
    assert 0 < organisation.sweep()["bytes"] < 10_000


def test_a_rule_of_ones_own_has_everything_swept_again(organisation: Organisation, tmp_path: Path) -> None:
    organisation.add("a", {"notes.txt": "ticket-4711 is open\n"})
    organisation.sweep(expect=0)
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rules]]\nname = "ticket"\npattern = "ticket-[0-9]+"\nseverity = "high"\n')
    report = organisation.sweep("--config", os.fspath(rules))
    assert (report["repositories"]["swept"], report["worst"][0]["kind"]) == (1, "custom")


def test_a_leak_that_was_taken_out_stays_with_the_commit_that_did_it(organisation: Organisation) -> None:
    work = organisation.add("a", {"x.env": env_file(key())})
    organisation.sweep()
    work.git("rm", "-q", "x.env")
    removed = work.commit("take it out")
    organisation.publish(work)
    organisation.sweep()
    assert organisation.ask("SELECT removed_by, refs FROM place_overview") == [(removed, 0)]


def test_a_repository_that_is_not_listed_any_more_is_gone_and_its_leaks_stay_known(local: Organisation) -> None:
    work = local.add("a", {"x.env": env_file(key())})
    local.add("b")
    local.sweep()
    local.remove(work)
    report = local.sweep()
    assert (report["repositories"]["total"], report["to_do"]) == (1, 1), "what was published may have been read"
    assert local.ask("SELECT name FROM repositories WHERE gone IS NOT NULL") == [("a.git",)]
    assert local.ask("SELECT COUNT(*) FROM leaks") == [(1,)]


def test_nothing_that_a_repository_says_of_itself_silences_a_finding(organisation: Organisation) -> None:
    leaked = key()
    marked = env_file(leaked).replace("\n", "  # keysweep:allow\n")
    organisation.add(
        "a", {"x.env": marked, "keysweep.toml": 'exclude = ["*.env"]\n', ".gitleaksignore": "x.env\n"}
    )
    assert organisation.sweep()["to_do"] == 1


def test_one_bad_repository_never_stops_the_others(organisation: Organisation) -> None:
    organisation.add("good", {"x.env": env_file(key())})
    broken = organisation.bare(organisation.add("broken", {"y.txt": "y" * 5000}))
    for loose in broken.glob("objects/??/*"):
        loose.chmod(0o644)
        loose.write_bytes(b"damaged")
    target = organisation.listed(f"{organisation.address}/missing.git", "git://127.0.0.1:1/unreachable.git")
    report = organisation.sweep("--attempts", "1", target=target)
    assert report["to_do"] == 1
    assert not report["complete"]
    reasons = {each["repository"].rpartition("/")[2]: each for each in report["unread"]}
    assert set(reasons) == {"broken.git", "missing.git", "unreachable.git"}
    assert "not found" in reasons["missing.git"]["reason"]
    assert all(each["state"] == "failed" for each in reasons.values())


def test_an_incomplete_sweep_without_leaks_exits_with_3(organisation: Organisation) -> None:
    organisation.add("good")
    target = organisation.listed(f"{organisation.address}/missing.git")
    assert organisation.sweep(target=target, expect=3)["to_do"] == 0


def test_a_server_that_fails_for_now_is_asked_again(tmp_path: Path) -> None:
    made = Organisation(tmp_path)
    made.served.mkdir()
    made.add("a", {"x.env": env_file(key())})
    failures = tmp_path / "failures"
    failures.write_text("1")

    def fails() -> bool:
        left = int(failures.read_text())
        failures.write_text(str(left - 1))
        return left > 0

    with http_server(made.served, fails=fails) as made.address:
        report = made.sweep()
    assert report["to_do"] == 1
    assert made.ask("SELECT attempts, state FROM tasks") == [(1, "swept")]


def test_each_key_is_asked_about_once_however_many_repositories_have_it(
    organisation: Organisation, faults: Faults
) -> None:
    leaked = faults.key(user="deploy")
    app = organisation.add("app", {"prod.env": env_file(leaked)})
    for number in range(3):
        organisation.fork(app, f"fork{number}")
    dead = key()
    organisation.add("old", {"old.env": env_file(dead)})
    options = ("--verify", "--aws-endpoint", faults.endpoint)
    report = organisation.sweep(*options)
    asked = [each.key_id or "" for each in faults.log.requests()]
    assert sorted(asked) == sorted([leaked.key_id, dead.key_id])
    assert (report["leaks"]["live"], report["leaks"]["dead"], report["to_do"]) == (1, 1, 1)
    assert (report["worst"][0]["severity"], report["worst"][0]["owner"]) == ("critical", "deploy")
    organisation.sweep(*options)
    assert len(faults.log.requests()) == 2, "what was asked an hour ago is known"


def test_a_key_that_aws_does_not_answer_about_stays_unverified_and_is_asked_the_next_time(
    organisation: Organisation, faults: Faults
) -> None:
    leaked = faults.key(throttling(8))
    organisation.add("app", {"prod.env": env_file(leaked)})
    options = ("--verify", "--aws-endpoint", faults.endpoint)
    report = organisation.sweep(*options)
    assert (report["leaks"]["unverified"], report["complete"]) == (1, False)
    assert report["problems"] == ["AWS gave no answer about 1 key: the next sweep asks again"]
    organisation.ask("UPDATE keys SET checked = '2020-01-01 00:00:00.000000'")
    assert organisation.sweep(*options)["leaks"]["live"] == 1


def test_without_verify_nobody_is_asked(organisation: Organisation, faults: Faults) -> None:
    organisation.add("app", {"prod.env": env_file(faults.key())})
    organisation.sweep()
    assert faults.log.requests() == []


def test_the_report_for_people_names_the_leak_its_owner_and_what_was_not_read(organisation: Organisation) -> None:
    leaked = key()
    organisation.add("app", {"prod.env": env_file(leaked)})
    target = organisation.listed(f"{organisation.address}/missing.git")
    command = organisation.command(target=target)
    done = subprocess.run(command, env=organisation.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"NOT VERIFIED   {leaked.key_id}" in done.stdout
    assert "app.git: prod.env:1" in done.stdout
    assert "missing.git (failed): " in done.stdout
    assert "1 of 2 repositories of" in done.stdout.splitlines()[-1]


def test_progress_for_machines_is_a_json_object_a_line(organisation: Organisation) -> None:
    organisation.add("app", {"prod.env": env_file(key())})
    said = [json.loads(line) for line in organisation.sweep("--json-progress")["said"].splitlines()]
    assert (said[0]["event"], said[-1]["event"]) == ("began", "ended")
    assert said[-1]["repositories"]["swept"] == 1
    assert said[-1]["findings"] == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--engine", "dask"), "--engine dask needs --scheduler"),
        (("--scheduler", "tcp://127.0.0.1:1"), "go with --engine dask"),
        (("--aws-endpoint", "http://127.0.0.1:1"), "go with --verify"),
        (("--disk-budget", "much"), "much is no size"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_done(
    local: Organisation, options: tuple[str, ...], complaint: str
) -> None:
    done = subprocess.run(local.command(*options), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not local.db.exists()


def test_a_file_that_is_named_after_a_secret_leaves_none_in_the_store(organisation: Organisation) -> None:
    leaked = key()
    plain = key()
    while "/" in plain.secret:
        plain = key()
    named = {f"{plain.secret}/z.env": env_file(plain), f"{plain.secret}/other.env": env_file(key())}
    organisation.add("a", {"x.env": env_file(leaked), **named})
    organisation.sweep()
    stored = b"".join(each.read_bytes() for each in organisation.place.glob("store.db*"))
    assert plain.key_id.encode() in stored
    assert plain.secret.encode() not in stored


def test_receivers_are_told_at_the_end_of_what_is_new(organisation: Organisation, tmp_path: Path) -> None:
    leaked = key()
    organisation.add("app", {"prod.env": env_file(leaked)})
    config = tmp_path / "config" / "keysweep"
    config.mkdir(parents=True)
    with receiver() as team:
        (config / "notify.toml").write_text(
            f'[[channel]]\nname = "team"\nkind = "webhook"\naddress = "{team.address}/hook"\n'
        )
        organisation.extra["XDG_CONFIG_HOME"] = os.fspath(tmp_path / "config")
        for _ in range(2):
            organisation.sweep("--notify")
    (told,) = team.requests
    assert leaked.key_id.encode() in told.body
    assert leaked.secret.encode() not in told.body


def test_security_hub_is_told_where_aws_is_asked(organisation: Organisation, tmp_path: Path) -> None:
    organisation.add("app", {"prod.env": env_file(key())})
    config = tmp_path / "config" / "keysweep"
    config.mkdir(parents=True)
    (config / "notify.toml").write_text(
        '[[channel]]\nname = "hub"\nkind = "security-hub"\naccount = "111122223333"\nregion = "us-east-1"\n'
        "send = true\n"
    )
    operator = key()
    organisation.extra |= {
        "XDG_CONFIG_HOME": os.fspath(tmp_path / "config"),
        "AWS_ACCESS_KEY_ID": operator.key_id,
        "AWS_SECRET_ACCESS_KEY": operator.secret,
    }
    with receiver(*[Answer(403)] * 100) as aws:
        organisation.sweep("--verify", "--aws-endpoint", aws.address, "--notify")
    assert any(each.target == "/findings/import" for each in aws.requests)


def test_that_nobody_can_be_told_is_said_before_anything_is_swept(local: Organisation, tmp_path: Path) -> None:
    local.extra["XDG_CONFIG_HOME"] = os.fspath(tmp_path / "config")
    done = subprocess.run(
        local.command("--notify"), env=local.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "notify.toml" in done.stderr
    assert not local.db.exists()
