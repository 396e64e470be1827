"""What a key is worth where it stands, and what is weak about the places."""

from __future__ import annotations

import os
import random

import pytest

from fixtures.keys import FAKE_ACCOUNT, key_id, secret
from keysweep.detect.keyid import CANARY_ACCOUNTS
from keysweep.detect.scanner import scan
from keysweep.findings import INTERRUPTED, Finding, Origin, ScanResult, Severity, Source, WeakPlace
from keysweep.frozen import replace
from keysweep.sources.machine.access import Access
from keysweep.sources.machine.files import Expected
from keysweep.sources.machine.places import PLACES
from keysweep.sources.machine.processes import Environments, Inherited
from keysweep.sources.machine.weak import RULES, of_file
from tests.homes import Home

HIGH, MEDIUM, LOW, INFO = Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO
RNG = random.Random(86)


def weak(result: ScanResult) -> list[tuple[str, Severity, str]]:
    """Rule, severity and the name of the file of each weak place."""
    return [(each.rule, each.severity, os.path.basename(each.origin.path)) for each in result.weak or ()]


def one(result: ScanResult, rule: str) -> WeakPlace:
    (found,) = [each for each in result.weak or () if each.rule == rule]
    return found


@pytest.mark.parametrize(
    ("name", "long_term", "temporary"),
    [
        (".aws/credentials", LOW, INFO),
        (".aws/cli/cache/a.json", MEDIUM, INFO),
        (".s3cfg", MEDIUM, LOW),
        (".bashrc", HIGH, MEDIUM),
        (".bash_history", HIGH, HIGH),
        (".aws/credentials~", HIGH, HIGH),
    ],
)
def test_a_key_is_worth_what_the_place_makes_of_it(
    home: Home, name: str, long_term: Severity, temporary: Severity
) -> None:
    home.write(name, home.pair())
    assert [each.severity for each in home.scanned().findings] == [long_term]
    home.write(name, home.session())
    assert [each.severity for each in home.scanned().findings] == [temporary]


@pytest.mark.practice(3)
@pytest.mark.parametrize("name", [".aws/credentials", ".aws/sso/cache/a.json", ".s3cfg"])
def test_where_others_may_read_it_a_key_is_worth_as_much_as_a_leak(passable: Home, name: str) -> None:
    for content in (passable.pair(), passable.session()):
        path = passable.write(name, content, 0o644)
        path.parent.chmod(0o755)
        result = passable.scanned()
        (finding,) = result.findings
        assert finding.severity is HIGH
        assert "everybody may read it" in finding.reasons[0]
        assert ("exposed-file", HIGH, path.name) in weak(result)


def test_a_lone_secret_is_never_worth_more_than_elsewhere(home: Home) -> None:
    home.write(".bash_history", f"export AWS_SECRET_ACCESS_KEY={home.key()[1]}\n")
    home.write(".aws/config", f"# {home.key()[0]}\n")
    assert {each.severity for each in home.scanned().findings} == {MEDIUM, LOW}
    assert weak(home.scanned()) == [("key-in-history", MEDIUM, ".bash_history")]


def test_a_key_in_a_synchronised_folder_is_a_leak(home: Home) -> None:
    path = home.write("Dropbox/aws", home.pair())
    (home.path / ".aws").mkdir()
    (home.path / ".aws" / "credentials").symlink_to(path)
    result = home.scanned()
    assert [each.severity for each in result.findings] == [HIGH]
    assert weak(result)[0] == ("shared-file", HIGH, "aws")


def test_a_key_in_a_work_tree_is_one_commit_from_leaving(home: Home) -> None:
    (home.path / ".git").mkdir()
    home.write(".aws/credentials", home.pair())
    home.write(".netrc", "machine x login y password z\n")
    result = home.scanned()
    assert weak(result) == [("shared-file", MEDIUM, "credentials")]
    assert str(home.path) in one(result, "shared-file").evidence[0]
    assert "which is not read here, and allow the key" in one(result, "shared-file").steps[0]


def test_a_file_for_secrets_that_others_may_read_is_told_before_there_is_a_key(passable: Home) -> None:
    passable.write(".netrc", "machine x login y password z\n", 0o644)
    passable.write(".docker/config.json", "{}", 0o644)
    passable.write(".bashrc", "alias ll='ls -l'\n", 0o644)
    passable.path.joinpath(".docker").chmod(0o755)
    assert weak(passable.scanned()) == [
        ("exposed-file", LOW, "config.json"),
        ("exposed-file", LOW, ".netrc"),
    ]


def test_who_may_write_the_config_file_runs_programs_as_its_owner(passable: Home) -> None:
    path = passable.write(".aws/config", "[default]\nregion = eu-west-1\n")
    path.parent.chmod(0o777)
    found = one(passable.scanned(), "exposed-file")
    assert found.severity is HIGH
    assert found.evidence == (
        f"everybody may write {path.parent}, and put another in its place",
        "a credential_process in it runs as you",
    )
    assert f"`chmod go-w {path.parent}`" in found.steps


def test_a_directory_of_somebody_else_is_taken_back_before_what_is_in_it() -> None:
    where, path = "/home/ana/.aws", "/home/ana/.aws/config"
    access = Access("", (f"user 7 owns {where}, and may put another in its place",), (), (where,))
    expected = Expected(next(each for each in PLACES if each.what == "AWS config file"))
    (found,) = of_file(path, expected, access, ())
    assert (found.severity, found.steps[0]) == (HIGH, f'`sudo chown "$(id -u)" {where}`')


def test_a_file_for_all_users_is_not_closed_to_them_but_rid_of_the_key(passable: Home) -> None:
    place = Expected(next(each for each in PLACES if each.what == "shell start-up file"))
    access = Access("everybody", ("everybody may write it",), ("/etc",), is_the_systems=True)
    (finding,) = scan(passable.pair().encode(), Origin("/etc/profile", Source.FILE)).findings
    (found, *_) = of_file("/etc/profile", place, access, [finding])
    assert found.steps[0].startswith("Take the key out of it")
    assert found.steps[1] == "`sudo chmod go-w /etc/profile /etc`"
    assert not any("600" in each for each in found.steps)
    config = Expected(next(each for each in PLACES if each.what == "AWS config file"))
    assert not list(of_file("/etc/aws/config", config, Access("everybody", is_the_systems=True), ()))


@pytest.mark.parametrize(
    "name", [".config/Code/User/settings.json", ".vscode/launch.json", ".config/zed/settings.json", ".aws/keys"]
)
def test_nobody_is_told_to_delete_what_may_be_in_use(home: Home, name: str) -> None:
    home.write(name, home.pair())
    (step,) = one(home.scanned(), "key-left-behind").steps
    assert step.startswith(("Take the key out of settings", "Delete it, unless something of yours reads it"))


def test_a_weak_place_alone_decides_the_exit_code_by_its_severity(passable: Home) -> None:
    passable.write(".aws/config", "[default]\n", 0o644).parent.chmod(0o755)
    assert [passable.scanned().fails(level) for level in (LOW, MEDIUM)] == [True, False]
    (passable.path / ".aws").chmod(0o777)
    assert [passable.scanned().fails(level) for level in (HIGH, Severity.CRITICAL)] == [True, False]
    assert not passable.scanned().findings


def test_what_mends_permissions_can_be_pasted_whatever_a_file_is_called(passable: Home) -> None:
    path = passable.write("my work/.ipynb_checkpoints/it's; x.ipynb", passable.pair(), 0o644)
    for each in (path.parent, path.parent.parent):
        each.chmod(0o755)
    command = one(passable.scanned(), "exposed-file").steps[0].strip("`")
    os.system(command)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "exposed-file" not in {rule for rule, _, _ in weak(passable.scanned())}


@pytest.mark.practice(7)
def test_a_long_term_key_of_a_profile_comes_with_what_replaces_it(home: Home) -> None:
    home.write(".aws/config", "[default]\nregion = eu-west-1\n")
    home.write(".aws/credentials", f"[default]\n{home.pair()}")
    result = home.scanned()
    found = one(result, "replaceable-key")
    assert (found.severity, found.practice) == (LOW, 7)
    assert found.origin == result.findings[0].origin
    assert found.fingerprints == (result.findings[0].fingerprint,)
    assert str(FAKE_ACCOUNT) in found.snippet
    assert result.notes == ("profiles of AWS get their credentials from a long-term key (1)",)


@pytest.mark.practice(9)
@pytest.mark.parametrize("name", ["rclone/rclone.conf", "pip/pip.conf", "fish/config.fish"])
def test_a_key_of_another_tool_comes_with_what_that_tool_takes_instead(home: Home, name: str) -> None:
    home.write(f".config/{name}", home.pair())
    result = home.scanned()
    instead = {each.what: each.instead for each in PLACES}[result.findings[0].origin.what]
    assert one(result, "replaceable-key").steps == (instead,)
    home.write(f".config/{name}", home.session())
    assert weak(home.scanned()) == []


def test_an_example_and_bait_are_nothing_to_replace(home: Home) -> None:
    home.write(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    )
    assert (home.scanned().findings, home.scanned().weak) == ((), ())
    bait = key_id(RNG, account=int(next(iter(CANARY_ACCOUNTS))))
    home.write(
        ".aws/credentials", f"[default]\naws_access_key_id = {bait}\naws_secret_access_key = {secret(RNG)}\n"
    )
    result = home.scanned()
    assert result.findings[0].canary
    assert result.weak == ()


@pytest.mark.practice(3)
@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        (".zsh_history", "key-in-history", "HIST_IGNORE_SPACE"),
        (".psql_history", "key-in-history", "getpass"),
        (".viminfo", "key-left-behind", "keep the editor from"),
        ("x.ipynb", "key-left-behind", "nbconvert"),
        ("Downloads/rootkey.csv", "key-left-behind", "Delete it"),
    ],
)
def test_what_was_typed_or_left_behind_comes_with_how_to_be_rid_of_it(
    home: Home, name: str, rule: str, said: str
) -> None:
    home.write(name, f": 1700000000:0;export {home.pair()}".replace(" = ", "="))
    found = one(home.scanned(), rule)
    assert found.severity is MEDIUM
    assert said in " ".join(found.steps)
    assert " in line 1" in found.evidence[0]


def environment_of(*processes: str, content: str) -> Environments:
    (finding,) = scan(content.encode(), Origin("(environment)", Source.PROCESS)).findings
    return Environments(
        (Inherited(finding, processes, ("AWS_ACCESS_KEY_ID",)),), (), ("told",), 10, len(processes)
    )


@pytest.mark.practice(3, 14)
def test_a_long_term_key_in_environments_is_weak_and_one_that_expires_is_not(home: Home) -> None:
    listed = [f"pid {number} node" for number in range(30)]
    result = home.scanned(environment_of(*listed, content=home.pair()))
    (finding,) = result.findings
    assert finding.severity is HIGH
    found = one(result, "key-in-environment")
    assert found.evidence[:2] == ("in AWS_ACCESS_KEY_ID", "pid 0 node")
    assert found.evidence[-1] == "10 more"
    assert "told" in result.notes
    passing = home.scanned(environment_of("pid 1 x", content=home.session()))
    assert ([each.severity for each in passing.findings], passing.weak) == ([LOW], ())


def test_after_an_interrupt_among_processes_no_file_is_read(home: Home) -> None:
    home.write(".aws/credentials", home.pair())
    result = home.scanned(Environments((), (INTERRUPTED,)))
    assert (result.findings, result.problems) == ((), (INTERRUPTED,))


def test_the_worst_weak_place_comes_first(passable: Home) -> None:
    passable.write(".netrc", "x", 0o644)
    passable.write(".bash_history", passable.pair(), 0o644)
    passable.write(".aws/credentials", f"[default]\n{passable.pair()}")
    assert weak(passable.scanned()) == [
        ("exposed-file", HIGH, ".bash_history"),
        ("key-in-history", MEDIUM, ".bash_history"),
        ("exposed-file", LOW, ".netrc"),
        ("replaceable-key", LOW, "credentials"),
    ]


def test_every_weak_place_is_of_a_rule_with_that_severity(passable: Home) -> None:
    rules = {each.id: each for each in RULES}
    for name in (".bash_history", ".aws/credentials", ".viminfo", ".s3cfg", "Dropbox/.ipynb_checkpoints/a"):
        path = passable.write(name, f"[default]\n{passable.pair()}", 0o666)
        path.parent.chmod(0o777)
    (passable.path / ".git").mkdir()
    found = passable.scanned().weak or ()
    assert len({each.rule for each in found}) >= 5
    for each in found:
        assert each.severity in rules[each.rule].severities
        assert each.practice in rules[each.rule].practices
        assert each.title == rules[each.rule].title


def test_a_profile_that_is_called_as_its_secret_gives_nothing_away(home: Home) -> None:
    key, its_secret = home.key()
    home.write(
        ".aws/credentials", f"[{its_secret}]\naws_access_key_id={key}\naws_secret_access_key={its_secret}\n"
    )
    assert its_secret not in repr(home.scanned().weak)


def test_a_file_with_profiles_that_is_too_large_for_that_is_still_scanned(home: Home) -> None:
    home.write(".aws/credentials", f"[default]\n{home.pair()}" + "#\n" * (3 << 20))
    result = home.scanned()
    assert len(result.findings) == 1
    assert [each.message for each in result.problems] == ["is larger than 4 MiB: its profiles were not looked at"]


def test_parts_of_a_pair_in_two_files_say_what_both_are(home: Home) -> None:
    key, its_secret = home.key()
    home.write(".aws/id", key)
    home.write(".aws/credentials", f"aws_secret_access_key = {its_secret}\n")
    (finding,) = home.scanned().findings
    assert [part.origin.what for part in finding.parts if part.origin] == ["AWS credentials file"]
    assert isinstance(finding, Finding)
    assert replace(finding).origin.what == "other files in ~/.aws"
