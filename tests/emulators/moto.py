"""moto as a server with authentication, for what it does better: last use, AWS's managed policies, partitions.

It does not refuse deactivated keys, expired sessions or a wrong ExternalId, and its DateLessThan on
aws:TokenIssueTime denies new sessions too: for these there is ministack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.emulators import process
from tests.emulators.accounts import session_of
from tests.emulators.clients import REGION, Clients
from tests.emulators.environments import bin_of
from tests.emulators.keys import ACCOUNT, AccessKey
from tests.emulators.partitions import partition_of


class Moto(Clients):
    """STS and IAM of any number of accounts in any partition."""

    def __init__(self, endpoint: str) -> None:
        """The one at `endpoint`."""
        super().__init__(endpoint)
        self._is_empty = False

    def administrator(self, account: str = ACCOUNT, region: str = REGION) -> AccessKey:
        """A key of a new user that may do everything; to be asked for once for each account and partition.

        Made with authentication off, since an empty moto has nobody who could sign.
        """
        self._is_empty = False
        partition = partition_of(region)
        nobody = AccessKey("AKIAEXAMPLEEXAMPLE22", "secret", account)
        self._authenticate_after("inf")
        try:
            answer = self.client("sts", nobody, region).assume_role(
                RoleArn=f"arn:{partition}:iam::{account}:role/setup", RoleSessionName="setup"
            )
            iam = self.client("iam", session_of(answer, account), region)
            iam.create_user(UserName="administrator")
            policy = f"arn:{partition}:iam::aws:policy/AdministratorAccess"
            iam.attach_user_policy(UserName="administrator", PolicyArn=policy)
            made = iam.create_access_key(UserName="administrator")["AccessKey"]
        finally:
            self._authenticate_after("0")
        return AccessKey(made["AccessKeyId"], made["SecretAccessKey"], account)

    def reset(self) -> None:
        """Forget all accounts, if there are any: with the managed policies that takes two seconds."""
        if not self._is_empty:
            process.post(f"{self.endpoint}/moto-api/reset")
            self._authenticate_after("0")
            self._is_empty = True

    def _authenticate_after(self, calls: str) -> None:
        process.post(f"{self.endpoint}/moto-api/reset-auth", calls.encode())


@contextmanager
def moto() -> Iterator[Moto]:
    """A running moto, empty."""

    def command(port: int) -> list[str]:
        return [str(bin_of("moto") / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]

    variables = {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with process.server(command, lambda _port: variables, "/moto-api/data.json") as address:
        yield Moto(address)
