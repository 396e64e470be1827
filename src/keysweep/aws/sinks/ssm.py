"""AWS Systems Manager Parameter Store: a new version of a SecureString that is there, with its KMS key and tier.

Undo writes the pair of the version before again: it is read and written without being shown.
"""

from __future__ import annotations

from typing import Any

from keysweep.aws.clients import code_of, failures, in_words, translated
from keysweep.aws.sinks.interface import STAND_IN, Held, Pair
from keysweep.aws.sinks.values import key_id_in, refuse_longer, with_pair, with_pair_of
from keysweep.errors import SinkError

_MOST_BYTES, _MOST_BYTES_ADVANCED = 4_096, 8_192


class ParameterStore:
    """One parameter."""

    def __init__(self, name: str, client: Any) -> None:
        """The one that is called `name`, in the region of `client`."""
        self._name = name
        self._where = f"ssm:{name}"
        self._client = client

    def held(self) -> Held:
        """Which key the newest version holds."""
        text, version = self._read(self._name)
        return Held(key_id_in(text, self._where), version)

    def rehearse(self) -> None:
        """See that it would not be too long, and what else a write has to know."""
        if self._name.lower().lstrip("/").startswith(("aws", "ssm")):
            raise SinkError(f"could not use {self._where}: such names are AWS's own; name another one.")
        with translated(f"read which KMS key and tier {self._where} has"):
            is_standard = self._kept().get("Tier", "Standard") == "Standard"
        most = _MOST_BYTES if is_standard else _MOST_BYTES_ADVANCED
        refuse_longer(with_pair(self._read(self._name)[0], STAND_IN, self._where), most, self._where)

    def put(self, pair: Pair) -> str | None:
        """A new version with the pair."""
        return self._write(with_pair(self._read(self._name)[0], pair, self._where))

    def put_back(self, before: Held, left: str) -> str | None:  # noqa: ARG002 - the caller has looked
        """A new version with the pair of the one before, and what was changed beside it since."""
        then, _ = self._read(f"{self._name}:{before.version}")
        return self._write(with_pair_of(self._read(self._name)[0], then, self._where))

    def forget(self, key_id: str) -> bool:  # noqa: ARG002
        """Nothing: Parameter Store keeps a hundred versions whatever is done."""
        return False

    def _read(self, name: str) -> tuple[str, str]:
        try:
            found = self._client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
            text, kind, version = str(found["Value"]), found["Type"], str(found["Version"])
        except failures() as error:
            if code_of(error) in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise SinkError(
                    f"could not use {self._where}: there is no such parameter or version; make it first, with the "
                    f"KMS key that you want: `aws ssm put-parameter --type SecureString --name {self._name} "
                    "--value '{}'`."
                ) from error
            raise in_words(error, f"read which key {self._where} holds") from error
        if kind != "SecureString":
            raise SinkError(
                f"could not use {self._where}: it is a {kind}, which everybody who may list parameters can read; "
                "make a SecureString."
            )
        return text, version

    def _write(self, value: str) -> str:
        with translated(f"write {self._where}", has_secret=True):
            answer = self._client.put_parameter(
                Name=self._name, Value=value, Type="SecureString", Overwrite=True, **self._kept()
            )
            return str(answer["ResponseMetadata"]["RequestId"])

    def _kept(self) -> dict[str, str]:
        """Its KMS key and tier: a new version that does not name them gets those of the account."""
        newest: dict[str, Any] = {}
        for page in self._client.get_paginator("get_parameter_history").paginate(Name=self._name):
            newest = max([newest, *page["Parameters"]], key=lambda it: int(it.get("Version", 0)))
        return {name: str(newest[name]) for name in ("KeyId", "Tier") if newest.get(name)}
