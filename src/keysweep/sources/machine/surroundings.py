"""What this machine is, as far as it tells by itself: nothing is asked over the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum

from keysweep.frozen import frozen


class Machine(StrEnum):
    """What gives keys to what runs here."""

    PERSON = "a person's"
    EC2 = "an instance of EC2"
    ECS = "a container of ECS"
    EKS = "a pod of EKS"
    CI = "a job of CI"


@frozen
class Surroundings:
    """What is known of them."""

    machine: Machine = Machine.PERSON
    evidence: str = ""
    """By what that is known."""
    helper: str = ""
    """A command that `credential_process` can ask; empty where none is installed."""


_TOLD_BY = (
    (Machine.CI, ("GITHUB_ACTIONS", "GITLAB_CI", "BITBUCKET_BUILD_NUMBER", "JENKINS_URL", "TF_BUILD", "CI")),
    (
        Machine.ECS,
        ("ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    ),
    (
        Machine.EKS,
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    ),
)
"""Variables that their runners set."""
_TOLD_BY_BIOS = (
    ("devices/virtual/dmi/id/sys_vendor", b"Amazon EC2"),
    ("devices/virtual/dmi/id/board_asset_tag", b"i-"),
    ("hypervisor/uuid", b"ec2"),
)
_HELPERS = {
    "aws-vault": "aws-vault export --format=json",
    "granted": "granted credential-process --profile",
}
_MOST_BYTES = 64


def surroundings(environment: Mapping[str, str], sys_directory: str = "/sys") -> Surroundings:
    """Look at variables, at what the kernel says of the board, and at which programs are installed."""
    path = environment.get("PATH", "")
    helper = next((said for name, said in _HELPERS.items() if shutil.which(name, path=path)), "")
    for machine, variables in _TOLD_BY:
        if told := next((each for each in variables if environment.get(each)), ""):
            return Surroundings(machine, f"{told} is set", helper)
    for name, beginning in _TOLD_BY_BIOS:
        where = os.path.join(sys_directory, name)
        if _beginning_of(where).startswith(beginning):
            machine = Machine.EKS if environment.get("KUBERNETES_SERVICE_HOST") else Machine.EC2
            return Surroundings(machine, f"{where} says so", helper)
    return Surroundings(helper=helper)


def _beginning_of(path: str) -> bytes:
    with suppress(OSError), open(path, "rb") as stream:
        return stream.read(_MOST_BYTES)
    return b""
