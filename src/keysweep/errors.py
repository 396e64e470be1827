"""The one exception family, and the exit codes that scripts may rely on."""

from __future__ import annotations


class ExitCode:
    """What the process tells its caller; plain numbers, because the hook starts git before it loads `enum`."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    AWS = 4


class KeysweepError(Exception):
    """A failure that a user can act on: the message is one sentence saying what, where, and what to do."""

    exit_code: int = ExitCode.USAGE


class UsageError(KeysweepError):
    """The command line asks for something that cannot be done."""


class ConfigError(KeysweepError):
    """A configuration file or setting is wrong."""


class IncompleteError(KeysweepError):
    """A scan could not start or could not be finished, so nothing may be called clean."""

    exit_code = ExitCode.INCOMPLETE


class GitError(IncompleteError):
    """A git command failed or answered with something unexpected."""


class StoreError(IncompleteError):
    """The store of sweeps cannot be used: nothing that was recorded is lost."""


class InventoryError(IncompleteError):
    """The repositories of an organisation could not be listed, so nothing of it was scanned."""


class AwsError(KeysweepError):
    """AWS refused, did not answer, or was never asked because there are no usable credentials."""

    exit_code = ExitCode.AWS

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        request_id: str | None = None,
        is_repeated: bool = False,
    ) -> None:
        """`code` is the error code of AWS (`AccessDenied`), where it answered with one.

        `is_repeated`: it answered to a request that was sent again, because the answer to the first was no good.
        """
        super().__init__(message)
        self.code = code
        self.request_id = request_id
        self.is_repeated = is_repeated


class SinkError(AwsError):
    """The place that a new key is handed to cannot be read or written, or does not hold what it should."""


class JournalError(AwsError):
    """The journal of containment cannot be written or read, so nothing more may be changed in AWS."""
