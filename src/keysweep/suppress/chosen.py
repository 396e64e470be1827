"""Which baseline holds: the one that the configuration names, or else the usual one at the top."""

from __future__ import annotations

from pathlib import Path

from keysweep.errors import ConfigError
from keysweep.settings import Settings
from keysweep.suppress.baseline import FILE_NAME, Entry, load


def baseline_path(settings: Settings, directory: Path) -> Path:
    """Where the baseline is, or would be, of a configuration that stands in `directory`."""
    return directory / (settings.baseline or FILE_NAME)


def baseline_of(settings: Settings, directory: Path) -> dict[str, Entry]:
    """The accepted findings; none without a baseline, but ConfigError where the configuration names one."""
    path = baseline_path(settings, directory)
    if path.exists() or path.is_symlink():
        return load(path)
    if settings.baseline is not None:
        raise ConfigError(
            f"{path}, which `baseline` names, is not there: make it with `keysweep baseline create`, "
            "or take `baseline` out of the configuration."
        )
    return {}
