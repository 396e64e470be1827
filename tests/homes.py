"""Home directories with the files that tools leave there, and keys in them."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from pathlib import Path

from fixtures.keys import key_id, secret, session_token
from keysweep.findings import ScanResult
from keysweep.sources.machine.files import USUAL, Bounds
from keysweep.sources.machine.processes import Environments
from keysweep.sources.machine.scan import scan_machine

NOBODY = Environments()
"""No process."""


class Home:
    """A home to write in. Its files are their owner's alone unless a test changes that."""

    def __init__(self, path: Path, seed: int) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = Path(os.path.realpath(path))
        self._chance = random.Random(seed)

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def key(self) -> tuple[str, str]:
        """A new key ID and its secret."""
        return key_id(self._chance), secret(self._chance)

    def pair(self) -> str:
        """A new key, as most files have it."""
        return "aws_access_key_id = {}\naws_secret_access_key = {}\n".format(*self.key())

    def session(self) -> str:
        """New credentials that expire."""
        token = session_token(self._chance)
        name, its_secret = key_id(self._chance, "ASIA"), secret(self._chance)
        return f"aws_access_key_id = {name}\naws_secret_access_key = {its_secret}\naws_session_token = {token}\n"

    def scanned(
        self,
        running: Environments = NOBODY,
        bounds: Bounds = USUAL,
        variables: Mapping[str, str] | None = None,
    ) -> ScanResult:
        """What a scan of it finds, with nothing in the environment but `variables`."""
        return scan_machine(os.fspath(self.path), variables or {}, running, jobs=1, bounds=bounds)
