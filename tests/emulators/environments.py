"""The virtual environments of the emulators, one each: ministack pins a botocore that the tests need not share.

`tests/run` makes them beforehand by running this module; a plain `pytest` makes them when a fixture first asks.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMULATORS = ("ministack", "moto")
_PATIENCE_SECONDS = 900


def bin_of(emulator: str) -> Path:
    """The directory of the programs of `emulator`, whose environment is made if its pins are not installed."""
    environment = ROOT / ".venv" / emulator
    pins = (Path(__file__).parent / f"requirements-{emulator}.txt").read_text()
    stamp = environment / "installed.txt"
    if not _says(stamp, pins):
        environment.parent.mkdir(exist_ok=True)
        with _lock(environment.with_name(f"{emulator}.lock")):
            if not _says(stamp, pins):
                _make(environment, pins)
                stamp.write_text(pins)
    windows = environment / "Scripts"
    return windows if windows.is_dir() else environment / "bin"


def _says(stamp: Path, pins: str) -> bool:
    return stamp.is_file() and stamp.read_text() == pins


def _make(environment: Path, pins: str) -> None:
    wanted = [line for line in pins.splitlines() if line and not line.startswith("#")]
    python = _python(environment)
    if python is None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        python = _python(environment)
        assert python is not None
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted]
    done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(wanted)} could not be installed into {environment}:\n{done.stdout}")


def _python(environment: Path) -> Path | None:
    """The environment's interpreter if it is whole; one that is stays, since another run may be using it."""
    for name in ("bin/python", "Scripts/python.exe"):
        python = environment / name
        if python.exists():
            probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
            return python if probe.returncode == 0 else None
    return None


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time in: pytest-xdist has several, and they start together.

    A lock of the system's and not a file that exists, since the system lets go of it when its holder is killed.
    """
    with path.open("a") as stream:
        if sys.platform == "win32":
            import msvcrt

            until = time.monotonic() + _PATIENCE_SECONDS
            while True:
                try:
                    msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.2)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for name in EMULATORS:
        bin_of(name)
