"""Service-specific credentials, such as long-lived Bedrock API keys: neither emulator knows them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from tests.emulators import answers
from tests.emulators.wire import Answer

_SECRET_BYTES = 66


@dataclass
class ServiceCredential:
    """One credential; only the stub, which holds a lock, changes it."""

    id: str
    user: str
    account: str
    secret: bytes
    is_active: bool = True

    @property
    def name(self) -> str:
        """The user name that the credential carries."""
        return f"{self.user}-at-{self.account}"

    @property
    def api_key(self) -> str:
        """The key as it is shown once, and leaks."""
        return "ABSK" + b64encode(f"{self.name}:".encode() + self.secret).decode("ascii")


def make(rng: Random, user: str, account: str) -> ServiceCredential:
    """A new Bedrock API key of `user`."""
    body = "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    return ServiceCredential(f"ACCA{body}", user, account, rng.randbytes(_SECRET_BYTES))


def listed(known: Iterable[ServiceCredential], user: str, account: str) -> Answer:
    """The answer to ListServiceSpecificCredentials."""
    members = "".join(
        "<member>"
        + answers.xml(
            UserName=each.user,
            ServiceSpecificCredentialId=each.id,
            ServiceUserName=each.name,
            ServiceName="bedrock.amazonaws.com",
            Status="Active" if each.is_active else "Inactive",
            CreateDate="2026-01-01T00:00:00Z",
        )
        + "</member>"
        for each in known
        if (each.user, each.account) == (user, account)
    )
    result = f"<ServiceSpecificCredentials>{members}</ServiceSpecificCredentials>"
    return answers.success("iam", "ListServiceSpecificCredentials", result)


def updated(known: Iterable[ServiceCredential], user: str, account: str, id_: str, status: str) -> Answer:
    """The answer to UpdateServiceSpecificCredential, once it is done."""
    for each in known:
        if (each.user, each.account, each.id) == (user, account, id_):
            each.is_active = status == "Active"
            return answers.success("iam", "UpdateServiceSpecificCredential", "")
    return answers.error("iam", "NoSuchEntity", f"The credential {id_} cannot be found.")
