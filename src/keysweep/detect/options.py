"""What a caller may change about detection."""

from __future__ import annotations

from keysweep.frozen import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.detect.custom import CustomRule


@frozen
class Options:
    """Choices that hold for a whole scan."""

    report_placeholders: bool = False
    """Report documentation examples and masks too, each with the reason why it is one."""
    canary_accounts: frozenset[str] = frozenset()
    """Account IDs of canaries the user knows of, besides the built-in ones."""
    rules: tuple[CustomRule, ...] = ()
    """The user's own rules."""
    hyperscan: bool | None = None
    """Force the prefilter's engine; None chooses by size."""
