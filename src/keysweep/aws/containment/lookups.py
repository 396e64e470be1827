"""Looking keys up in IAM, where that may be done: each once, many at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from keysweep.aws.clients import translated
from keysweep.aws.containment.targets import Target
from keysweep.aws.mandate import Mandate
from keysweep.aws.ownership import Owned, by_name_alone, credential_of, owner_of
from keysweep.aws.partitions import partition
from keysweep.aws.responders import Acting, Responders, itself
from keysweep.errors import AwsError
from keysweep.verdicts import path_in

AT_ONCE = 8


class Lookups:
    """What IAM says of keys, kept; shared between threads."""

    def __init__(
        self, responders: Responders, mandate: Mandate, *, itself: bool = False, endpoint: str | None = None
    ) -> None:
        """`itself`: as the leaked keys themselves, where there is no responder."""
        self._responders = responders
        self._mandate = mandate
        self._itself = itself
        self._endpoint = endpoint
        self._owners: dict[str, Owned | AwsError | None] = {}

    def may_look(self, target: Target, account: str | None) -> bool:
        """Whether the account may be asked: a role in an account that is not ours could be anybody's trap.

        Whoever makes a key ID chooses the account in it, and could wait there for the ExternalId.
        """
        if account is None or target.described.canary or target.described.example:
            return False
        if account in self._mandate.allow_accounts:
            return True
        return self._mandate.role is None and not self._itself and self._is_own(account, target.partition)

    def begin(self, targets: Iterable[Target]) -> None:
        """Look the keys up before they are verified: using a key changes when it was last used."""
        early = [it for it in targets if it.key_id.startswith("AKIA") and self.may_look(it, it.account)]
        if early and not self._itself:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._looked_up, early))

    def owner(self, target: Target, account: str, acting: Acting) -> Owned | None:
        """Whose the key is; None if it is not in the account. Raises AwsError where that could not be learnt."""
        verdict = target.verdict
        if self._itself and verdict and verdict.arn and verdict.name:
            iam = acting.client("iam")
            return by_name_alone(account, target.key_id, verdict.name, path_in(verdict.arn), iam)
        found = self._looked_up(target, account)
        if isinstance(found, AwsError):
            raise found
        return found

    def acting(self, target: Target, account: str) -> Acting:
        """Who acts in the account, which AWS has confirmed. Raises AwsError."""
        if not self._itself:
            return self._responders.in_account(account, target.partition)
        if target.answer is None or target.answer.credential is None:
            raise AwsError("could not act as the key itself: only a live key whose secret was found can.")
        acting = itself(target.answer.credential, partition(target.partition), self._endpoint)
        if acting.account != account:
            raise AwsError(f"could not act as the key itself: AWS says that it is in account {acting.account}.")
        return acting

    def account_of(self, target: Target) -> str | None:
        """The account of a key ID that carries none (old ones do not): STS knows it of every key.

        Raises AwsError where STS does not say.
        """
        sts = self._responders.operator(target.partition).client("sts")
        with translated(f"ask STS for the account of {target.key_id}"):
            return str(sts.get_access_key_info(AccessKeyId=target.key_id)["Account"])

    def _looked_up(self, target: Target, account: str | None = None) -> Owned | AwsError | None:
        where = account or target.account
        if target.key_id not in self._owners and where is not None:
            read: Callable[..., Owned | None] = credential_of if target.is_service_credential else owner_of
            try:
                iam = self._responders.in_account(where, target.partition).client("iam")
                self._owners[target.key_id] = read(iam, where, target.key_id)
            except AwsError as error:
                self._owners[target.key_id] = error
        return self._owners.get(target.key_id)

    def _is_own(self, account: str, partition_name: str) -> bool:
        try:
            return self._responders.operator(partition_name).account == account
        except AwsError:
            return False
