"""What holds for one scan: settings, baseline and pragmas, of the tree, of who scans it, or of a base commit."""

from __future__ import annotations

import os
from pathlib import Path

from keysweep.config import load
from keysweep.errors import ConfigError, UsageError
from keysweep.frozen import frozen
from keysweep.settings import Settings
from keysweep.suppress.baseline import Entry
from keysweep.suppress.chosen import baseline_of
from keysweep.suppress.policy import Heeds, heeds_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class Settled:
    """What holds for one scan."""

    settings: Settings
    baseline: Mapping[str, Entry]
    heeds: Heeds = heeds_all
    notes: tuple[str, ...] = ()


def check_strict(*, config: Path | None, no_config: bool, is_elsewhere: bool, base: str | None) -> None:
    """Raise UsageError where there is no base, or something else instead of it."""
    if base is not None and (config or no_config):
        raise UsageError("--strict-base takes the configuration from there: leave out --config and --no-config.")
    if base is not None and is_elsewhere:
        raise UsageError(
            "--strict-base needs the repository at hand: clone it first and scan the clone, or use --strict."
        )


def settle(root: Path, config: Path | None, *, none: bool, strict: bool, base: str | None) -> Settled:
    """Read what holds; with `none` nothing is read, and whatever is wrong with what is read is a ConfigError.

    `strict` takes nothing from the tree that could silence a finding, and with a `base` what that commit says.
    """
    if base is not None:
        return _at_base(root, base)
    if none or config:
        settings = Settings() if none else load_settings(root, config)
        baseline = baseline_of(settings, config.parent) if config else {}
        return _heeding(Settled(settings, baseline), strict=strict)
    settings = load_settings(root)
    if not strict:
        return Settled(settings, baseline_of(settings, root))
    from keysweep.suppress.strict import strictly

    kept, dropped = strictly(settings)
    baseline = baseline_of(settings, root)
    said = [*(name for name in dropped if name != "baseline"), *(["baseline"] if baseline else [])]
    note = f"--strict: not taken from the scanned tree: {', '.join(said)}"
    return _heeding(Settled(kept, {}, notes=(note,) if said else ()), strict=True)


def load_settings(root: Path, config: Path | None = None) -> Settings:
    """The settings that the configuration says, or ConfigError."""
    try:
        return load(root, config)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be looked for ({error.strerror}): change permissions or use --no-config."
        ) from error


def _heeding(settled: Settled, *, strict: bool) -> Settled:
    if not strict:
        return settled
    from keysweep.suppress.strict import heeds_none

    return Settled(settled.settings, settled.baseline, heeds_none, settled.notes)


def _at_base(root: Path, base: str) -> Settled:
    from keysweep.suppress.strict import base_commit, heeds_none, heeds_of, settings_at

    repository = os.fspath(root)
    commit = base_commit(base, repository)
    if commit is None:
        why = f"{base[:12]} is not here" if base.strip("0") else "there is no base"
        return Settled(
            Settings(),
            {},
            heeds_none,
            (f"--strict-base: {why}, so that nothing was taken that silences findings",),
        )
    settings, baseline = settings_at(commit, repository, base)
    note = f"--strict-base: configuration, baseline and pragmas are those of {commit[:12]}"
    return Settled(settings, baseline, heeds_of(commit, repository, settings), (note,))
