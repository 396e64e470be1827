"""What is proposed in place of a key can be put where it belongs: botocore takes it."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
import yaml
from botocore.configloader import load_config
from botocore.session import Session

from fixtures.keys import key_id, secret
from keysweep.sources.machine.profiles import configured
from keysweep.sources.machine.replacement import Replacement, replacements, summary
from keysweep.sources.machine.surroundings import Machine, Surroundings, surroundings

RNG = random.Random(85)
ID, SECRET = key_id(RNG), secret(RNG)
KEY = f"aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
PERSON = Surroundings()


def replaced(config: str, credentials: str, around: Surroundings = PERSON) -> Replacement:
    (found,) = replacements(configured(config, credentials), around)
    return found


def loaded(tmp_path: Path, snippet: str) -> dict[str, dict[str, dict[str, str]]]:
    path = tmp_path / "config"
    path.write_text(snippet)
    read: dict[str, dict[str, dict[str, str]]] = load_config(str(path))
    return read


def added(config: str, snippet: str) -> str:
    """The config file with the lines of a snippet where the report says they belong."""
    lines = config.splitlines()
    section = None
    for line in snippet.splitlines():
        if line.startswith("["):
            section = line
            if line not in lines:
                lines.append(line)
        elif line and not line.startswith("#"):
            assert section
            lines.insert(lines.index(section) + 1, line)
    return "\n".join(lines)


@pytest.mark.practice(7, 14)
def test_a_person_signs_in_with_the_account_that_the_key_tells(tmp_path: Path) -> None:
    config = "[default]\nregion = eu-central-1\noutput = json\n"
    found = replaced(config, f"[default]\n{KEY}")
    assert found.key_id == ID
    read = loaded(tmp_path, added(config, found.snippet))
    assert read["profiles"]["default"] == {
        "sso_session": "work",
        "sso_account_id": "123456789012",
        "sso_role_name": "ROLE",
        "region": "eu-central-1",
        "output": "json",
    }
    assert read["sso_sessions"]["work"]["sso_region"] == "REGION-OF-THE-PORTAL"


@pytest.mark.parametrize("machine", [Machine.PERSON, Machine.EC2, Machine.CI])
def test_a_section_that_is_there_is_not_proposed_twice(tmp_path: Path, machine: Machine) -> None:
    """botocore reads nothing of a file in which a section or a setting of it stands twice."""
    config = "[profile dev]\nregion = eu-west-1\nsso_role_name = x\n"
    found = replaced(config, f"[dev]\n{KEY}", Surroundings(machine, "so"))
    assert "It has [profile dev] already: add the lines to that section" in found.steps[0]
    assert "region = eu-west-1" not in found.snippet
    assert loaded(tmp_path, added(config, found.snippet))["profiles"]["dev"]["region"] == "eu-west-1"
    new = replaced("", f"[dev]\n{KEY}", Surroundings(machine, "so"))
    assert new.steps[0].endswith(": put this into the AWS config file.")


def test_a_profile_that_takes_its_role_by_its_own_key_takes_it_by_a_profile_that_signs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both in one section, botocore says that it goes in circles."""
    config = "[profile dev]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = dev\n"
    found = replaced(config, f"[dev]\n{KEY}")
    assert found.steps[1] == "Let profile dev take its role from there: source_profile = dev-sign-in"
    path = tmp_path / "config"
    path.write_text(added(config, found.snippet).replace("source_profile = dev", "source_profile = dev-sign-in"))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.fspath(path))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.fspath(tmp_path / "none"))
    credentials = Session(profile="dev").get_credentials()
    assert credentials is not None
    assert credentials.method == "assume-role"


def test_an_instance_takes_the_role_of_a_profile_in_place_of_its_own_key(tmp_path: Path) -> None:
    config = "[profile dev]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = dev\n"
    found = replaced(config, f"[dev]\n{KEY}", Surroundings(Machine.EC2, "so"))
    assert found.snippet == "[profile dev]\ncredential_source = Ec2InstanceMetadata"
    assert found.steps[1] == "Take source_profile out of that section: credential_source stands in its place."


@pytest.mark.parametrize(
    ("lines", "asked"),
    [
        ("source_profile = base", "a role"),
        ("credential_source = Environment", "a role"),
        ("web_identity_token_file = x", "a role, by a token"),
    ],
)
def test_a_key_beside_a_role_that_is_taken_otherwise_only_has_to_go(lines: str, asked: str) -> None:
    found = replaced(f"[profile dev]\nrole_arn = x\n{lines}\n", f"[dev]\n{KEY}")
    assert (found.snippet, found.steps[0]) == (
        "",
        f"Take the key out of the profile: without it, {asked} is asked.",
    )


@pytest.mark.parametrize("machine", [Machine.PERSON, Machine.EC2, Machine.ECS])
def test_what_stands_in_place_of_a_region_is_not_proposed(machine: Machine) -> None:
    config = (
        "[profile a]\nregion = eu-west-1\n  credential_process = evil\n"
        '[sso-session "\u2028credential_process = evil"]\nsso_start_url = x\n'
    )
    assert "evil" not in replaced(config, f"[a]\n{KEY}", Surroundings(machine, "so")).snippet


def test_a_section_for_signing_in_that_is_there_is_used(tmp_path: Path) -> None:
    config = "[sso-session corp]\nsso_start_url = https://x\nsso_region = eu-west-1\n"
    read = loaded(tmp_path, replaced(config, f"[ci]\n{KEY}").snippet)
    assert read["profiles"]["ci"]["sso_session"] == "corp"
    assert not read["sso_sessions"]


@pytest.mark.parametrize("name", ["two words", "it's", 'a"b', "[x", "ü", "$(id)", "; rm -rf ~"])
def test_a_profile_of_any_name_is_named_as_botocore_reads_it(tmp_path: Path, name: str) -> None:
    found = replaced("", f"[{name}]\n{KEY}")
    assert set(loaded(tmp_path, found.snippet)["profiles"]) == {name}


def test_profiles_that_take_a_role_through_the_key_are_named() -> None:
    config = "".join(f"[profile r{n}]\nrole_arn = x\nsource_profile = default\n" for n in range(6))
    found = replaced(config, f"[default]\n{KEY}")
    assert "r0, r1, r2, r3 and 2 more take their role through it" in found.evidence


def test_a_key_beside_another_way_only_has_to_go() -> None:
    config = "[profile dev]\nsso_session = corp\n"
    found = replaced(config, f"[dev]\n{KEY}")
    assert found.snippet == ""
    assert "without it, IAM Identity Center is asked" in found.steps[0]


def test_a_program_that_keeps_keys_in_the_keychain_is_proposed_where_it_is_installed(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "aws-vault"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    around = surroundings({"PATH": os.fspath(program.parent)}, os.fspath(tmp_path))
    found = replaced("", f"[ci]\n{KEY}", around)
    lines = [line.removeprefix("# ") for line in found.snippet.splitlines() if line.startswith("# ")]
    assert lines[1] == "aws-vault add ci"
    read = loaded(tmp_path, "\n".join(lines[2:]))
    assert read["profiles"]["ci"] == {"credential_process": "aws-vault export --format=json ci"}


@pytest.mark.parametrize(
    ("variables", "machine"),
    [
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, Machine.CI),
        ({"GITLAB_CI": "true"}, Machine.CI),
        ({"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4"}, Machine.ECS),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/token"}, Machine.EKS),
        ({"CI": ""}, Machine.PERSON),
    ],
)
def test_variables_tell_what_a_machine_is(variables: dict[str, str], machine: Machine, tmp_path: Path) -> None:
    assert surroundings(variables, os.fspath(tmp_path)).machine is machine


def test_a_pod_on_an_instance_is_one_of_eks(tmp_path: Path) -> None:
    vendor = tmp_path / "devices" / "virtual" / "dmi" / "id" / "sys_vendor"
    vendor.parent.mkdir(parents=True)
    vendor.write_text("Amazon EC2\n")
    variables = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert surroundings(variables, os.fspath(tmp_path)).machine is Machine.EKS
    vendor.write_text("Google\n")
    assert surroundings(variables, os.fspath(tmp_path)).machine is Machine.PERSON


@pytest.mark.parametrize(
    ("name", "content", "machine"),
    [
        ("devices/virtual/dmi/id/sys_vendor", "Amazon EC2\n", Machine.EC2),
        ("devices/virtual/dmi/id/board_asset_tag", "i-0abcd1234\n", Machine.EC2),
        ("hypervisor/uuid", "ec2e1916-9099\n", Machine.EC2),
        ("devices/virtual/dmi/id/sys_vendor", "LENOVO\n", Machine.PERSON),
    ],
)
def test_the_kernel_tells_of_an_instance(tmp_path: Path, name: str, content: str, machine: Machine) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert surroundings({}, os.fspath(tmp_path)).machine is machine


@pytest.mark.practice(8, 9)
@pytest.mark.parametrize(
    ("machine", "source"), [(Machine.EC2, "Ec2InstanceMetadata"), (Machine.ECS, "EcsContainer")]
)
def test_an_instance_and_a_task_take_their_role(tmp_path: Path, machine: Machine, source: str) -> None:
    found = replaced("", f"[default]\nregion = eu-west-1\n{KEY}", Surroundings(machine, "so"))
    (profile,) = loaded(tmp_path, found.snippet)["profiles"].values()
    assert profile["credential_source"] == source
    assert profile["role_arn"] == "arn:aws:iam::123456789012:role/ROLE"
    assert f"this is {machine.value}: so" in found.evidence


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc"), ("here", "aws")],
)
@pytest.mark.parametrize("machine", [Machine.EC2, Machine.ECS, Machine.EKS, Machine.CI])
def test_a_role_is_of_the_partition_that_the_region_is_in(machine: Machine, region: str, partition: str) -> None:
    found = replaced("", f"[default]\nregion = {region}\n{KEY}", Surroundings(machine, "so"))
    assert f"arn:{partition}:iam::123456789012:role/ROLE" in found.snippet


def test_a_pod_gets_a_role_for_its_service_account() -> None:
    found = replaced("", f"[default]\n{KEY}", Surroundings(Machine.EKS, "so"))
    shown = subprocess.run(
        ["sh", "-c", f'aws() {{ for each in "$@"; do echo "$each"; done; }}\n{found.snippet}'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert shown[:2] == ["eks", "create-pod-identity-association"]
    assert "arn:aws:iam::123456789012:role/ROLE" in shown


def test_a_job_takes_a_role_by_oidc(tmp_path: Path) -> None:
    around = surroundings({"GITHUB_ACTIONS": "true"}, os.fspath(tmp_path))
    workflow = yaml.safe_load(replaced("", f"[default]\n{KEY}", around).snippet)
    assert workflow["permissions"] == {"id-token": "write", "contents": "read"}
    assert workflow["steps"][0]["with"]["role-to-assume"] == "arn:aws:iam::123456789012:role/ROLE"
    around = surroundings({"GITLAB_CI": "true"}, os.fspath(tmp_path))
    read = loaded(tmp_path, replaced("", f"[default]\n{KEY}", around).snippet)
    assert set(read["profiles"]["default"]) == {"role_arn", "web_identity_token_file"}


def test_the_sum_says_where_profiles_get_their_credentials() -> None:
    known = configured(
        "[profile a]\nsso_session = x\n[profile b]\nsso_session = x\n[profile c]\nregion = y\n",
        f"[d]\n{KEY}[e]\naws_access_key_id = ASIA\naws_session_token = x\n",
    )
    assert summary(known) == "IAM Identity Center (2), a long-term key (1), a key that expires (1)"
