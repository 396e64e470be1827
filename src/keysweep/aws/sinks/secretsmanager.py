"""AWS Secrets Manager: a new version of a secret that is there, with the label AWSCURRENT.

Undo moves the label back, so no value is written then.
"""

from __future__ import annotations

from typing import Any

from keysweep.aws.clients import code_of, failures, in_words, translated
from keysweep.aws.sinks.interface import Held, Pair
from keysweep.aws.sinks.values import key_id_in, with_pair
from keysweep.errors import SinkError

_CURRENT = "AWSCURRENT"


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

    def put(self, pair: Pair) -> str | None:
        """A new version, which becomes the current one."""
        value = with_pair(self._read()[0], pair, self._where)
        with translated(f"write {self._where}", has_secret=True):
            answer = self._client.put_secret_value(SecretId=self._name, SecretString=value)
            return str(answer["ResponseMetadata"]["RequestId"])

    def put_back(self, before: Held, left: str) -> str | None:  # noqa: ARG002 - the caller has looked
        """Move the label to the version that had it before."""
        _, now = self._read()
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

    def _read(self) -> tuple[str, str]:
        try:
            answer = self._client.get_secret_value(SecretId=self._name, VersionStage=_CURRENT)
            text, version = answer.get("SecretString"), str(answer["VersionId"])
        except failures() as error:
            if code_of(error) == "ResourceNotFoundException":
                raise SinkError(
                    f"could not use {self._where}: there is no such secret, or it has no value; make one "
                    "first, with the KMS key and policy that you want: `aws secretsmanager create-secret --name "
                    f"{self._name} --secret-string '{{}}'`."
                ) from error
            raise in_words(error, f"read which key {self._where} holds") from error
        if not isinstance(text, str):
            raise SinkError(f"could not use {self._where}: it holds bytes and no text; name another one.")
        return text, version
