"""Who acts in an account: the operator, the responder role assumed there, or as a last resort the leaked key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import RLock
from time import monotonic
from typing import Any

from keysweep.aws import clients
from keysweep.aws.mandate import Mandate
from keysweep.aws.partitions import Partition, partition
from keysweep.aws.signing import Credential
from keysweep.errors import AwsError
from keysweep.frozen import frozen

_RENEWED_AFTER_SECONDS = 2400
"""A role session lasts at least 15 minutes and by default one hour; a run may last longer."""


@frozen
class Acting:
    """An identity whose account AWS itself has named."""

    account: str
    arn: str
    partition: Partition
    session: Any
    """A boto3 session."""
    endpoint: str | None
    ahead: timedelta = timedelta()
    """How much later it is on AWS's clock than on that of this machine."""

    def now(self) -> datetime:
        """What time it is for AWS, aware UTC: it is AWS that compares it with when a session was issued."""
        return datetime.now(UTC) + self.ahead

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of `service`, in the partition's main region unless another is named."""
        return clients.client(self.session, service, region or self.partition.region, self.endpoint)


class Responders:
    """One acting identity for each account, made when it is first needed; shared between threads."""

    def __init__(self, mandate: Mandate, profile: str | None = None, endpoint: str | None = None) -> None:
        """As `mandate` says; `profile` comes before the one it names, and `endpoint` is asked in place of AWS."""
        self._mandate = mandate
        self._profile = profile or mandate.profile
        self._endpoint = endpoint
        self._acting: dict[tuple[str, str], tuple[float, Acting]] = {}
        self._lock = RLock()
        self._locks: dict[tuple[str, str], RLock] = {}
        """One for each identity, so that many are made at the same time, and each once."""

    def operator(self, partition_name: str = "aws") -> Acting:
        """Whoever runs this. Raises AwsError where there are no credentials that AWS accepts."""
        where = partition(partition_name)
        return self._kept("", where, lambda: clients.session(self._profile, where.region))

    def in_account(self, account: str, partition_name: str = "aws") -> Acting:
        """Who acts in `account`: the role assumed there or, if the mandate names none, the operator.

        Raises AwsError where the role cannot be assumed, or AWS says that the identity is in another account.
        """
        where = partition(partition_name)
        if self._mandate.role is None:
            acting = self.operator(partition_name)
            if acting.account != account:
                raise AwsError(
                    f"could not act in account {account}: you are in {acting.account}; name the role to assume "
                    "under [responder] in containment.toml, or choose another --profile."
                )
            return acting
        role = f"arn:{where.name}:iam::{account}:role/{self._mandate.role.lstrip('/')}"
        acting = self._kept(account, where, lambda: self._assumed(role, where))
        if acting.account != account:
            raise AwsError(
                f"could not act in account {account}: AWS says that the session of {role} is in {acting.account}; "
                "nothing is done there."
            )
        return acting

    def let_go(self, account: str, partition_name: str = "aws") -> None:
        """Forget who acts in `account`: its clients are megabytes, and nothing is to be done there any more."""
        self._acting.pop((account, partition_name), None)

    def _assumed(self, role: str, where: Partition) -> Any:
        return clients.assumed(
            self.operator(where.name).session,
            role,
            external_id=self._mandate.external_id,
            name=self._mandate.session_name,
            region=where.region,
            endpoint=self._endpoint,
        )

    def _kept(self, account: str, where: Partition, make: Any) -> Acting:
        with self._lock:
            lock = self._locks.setdefault((account, where.name), RLock())
        with lock:
            made, acting = self._acting.get((account, where.name), (0.0, None))
            if acting is None or (account and monotonic() - made > _RENEWED_AFTER_SECONDS):
                acting = identified(make(), where, self._endpoint)
                self._acting[account, where.name] = (monotonic(), acting)
            return acting


def identified(session: Any, where: Partition, endpoint: str | None) -> Acting:
    """The identity of a session, as STS says it. Raises AwsError where STS does not."""
    sts = clients.client(session, "sts", where.region, endpoint)
    with clients.translated("ask STS who you are"):
        answer = sts.get_caller_identity()
        return Acting(
            str(answer["Account"]), str(answer["Arn"]), where, session, endpoint, clients.ahead_of(answer)
        )


def itself(credential: Credential, where: Partition, endpoint: str | None) -> Acting:
    """The leaked key acting on itself: the last resort of who has no responder. Raises AwsError."""
    token = credential.token.reveal() if credential.token else None
    session = clients.explicit(credential.key_id, credential.secret.reveal(), token, where.region)
    return identified(session, where, endpoint)
