"""Standard output, only on request: one line of JSON, in the shape that `credential_process` of AWS has."""

from __future__ import annotations

import json
from collections.abc import Callable

from keysweep.aws.sinks.interface import STDOUT, Held, Pair
from keysweep.errors import SinkError


class StandardOutput:
    """What is printed is gone: nothing can be read from here."""

    def __init__(self, show: Callable[[str], None] | None) -> None:
        """`show` prints a line, whole; None where nothing is to be shown."""
        self._show = show

    def held(self) -> Held:
        """Nothing."""
        return Held(STDOUT)

    def rehearse(self) -> None:
        """Nothing: whoever starts the program has looked."""

    def put(self, pair: Pair) -> str | None:
        """Print it."""
        if self._show is None:
            raise SinkError("could not print the new key: nobody asked for that.")
        line = json.dumps({"Version": 1, "AccessKeyId": pair.key_id, "SecretAccessKey": pair.secret.reveal()})
        try:
            self._show(line)
        except OSError as error:
            raise SinkError(f"could not print the new key ({error.strerror}): nobody has it now.") from error
        return None

    def put_back(self, before: Held, left: str) -> str | None:  # noqa: ARG002
        """Nothing: it cannot be unprinted."""
        return None

    def forget(self, key_id: str) -> bool:  # noqa: ARG002
        """Nothing is kept."""
        return False
