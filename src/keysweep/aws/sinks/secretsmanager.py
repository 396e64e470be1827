"""AWS Secrets Manager: a new version of a secret that is there, with the label AWSCURRENT.

Undo moves the label back, so no value is written then, unless something else in it was changed since.
"""

from __future__ import annotations

from typing import Any

from keysweep.aws.clients import code_of, failures, in_words, translated
from keysweep.aws.sinks.interface import STAND_IN, Held, Pair
from keysweep.aws.sinks.values import key_id_in, refuse_longer, with_pair, with_pair_of
from keysweep.errors import SinkError

_CURRENT = "AWSCURRENT"
_MOST_BYTES = 65_536


class SecretsManager:
    """One secret."""

    def __init__(self, name: str, client: Any) -> None:
        """The one that is called `name`, in the region of `client`."""
        self._name = name
        self._where = f"secretsmanager:{name}"
        self._client = client

    def held(self) -> Held:
        """Which key the current version holds."""
        text, version = self._read()
        return Held(key_id_in(text, self._where), version)

    def rehearse(self) -> None:
        """See that it would not be too long."""
        refuse_longer(with_pair(self._read()[0], STAND_IN, self._where), _MOST_BYTES, self._where)

    def put(self, pair: Pair) -> str | None:
        """A new version, which becomes the current one."""
        return self._write(with_pair(self._read()[0], pair, self._where))

    def put_back(self, before: Held, left: str) -> str | None:  # noqa: ARG002 - the caller has looked
        """Move the label to the version that had it before; or write its pair beside what was changed since."""
        text, now = self._read()
        then, _ = self._read(VersionId=before.version)
        value = with_pair_of(text, then, self._where)
        if value != then:
            return self._write(value)
        with translated(f"make version {before.version} of {self._where} the current one again"):
            answer = self._client.update_secret_version_stage(
                SecretId=self._name,
                VersionStage=_CURRENT,
                MoveToVersionId=before.version,
                RemoveFromVersionId=now,
            )
            return str(answer["ResponseMetadata"]["RequestId"])

    def forget(self, key_id: str) -> bool:  # noqa: ARG002
        """Nothing: Secrets Manager itself drops versions without a label."""
        return False

    def _write(self, value: str) -> str:
        with translated(f"write {self._where}", has_secret=True):
            answer = self._client.put_secret_value(SecretId=self._name, SecretString=value)
            return str(answer["ResponseMetadata"]["RequestId"])

    def _read(self, **of: str) -> tuple[str, str]:
        try:
            answer = self._client.get_secret_value(SecretId=self._name, **(of or {"VersionStage": _CURRENT}))
            text, version = answer.get("SecretString"), str(answer["VersionId"])
        except failures() as error:
            if of and code_of(error) == "ResourceNotFoundException":
                raise SinkError(
                    f"could not use {self._where}: the version that it had before is gone, because others came "
                    "after it; put the old pair there by hand."
                ) from error
            if code_of(error) == "ResourceNotFoundException":
                raise SinkError(
                    f"could not use {self._where}: there is no such secret, or it has no value; make one "
                    "first, with the KMS key and policy that you want: `aws secretsmanager create-secret --name "
                    f"{self._name} --secret-string '{{}}'`."
                ) from error
            if code_of(error) == "InvalidRequestException":
                raise SinkError(
                    f"could not use {self._where}: it is marked for deletion; restore it, or name another one."
                ) from error
            raise in_words(error, f"read which key {self._where} holds") from error
        if not isinstance(text, str):
            raise SinkError(f"could not use {self._where}: it holds bytes and no text; name another one.")
        return text, version
