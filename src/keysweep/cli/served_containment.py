"""Containment as the dashboard asks for it: by the same code, guards, policy and journal as `keysweep contain`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from keysweep.cli import contained_shown
from keysweep.cli.contain import Setting, carried_out
from keysweep.cli.journalled import contained
from keysweep.cli.leaked import gathered
from keysweep.errors import StoreError, UsageError
from keysweep.frozen import replace
from keysweep.report.style import Style
from keysweep.store.knowledge import record_containments
from keysweep.store.opening import Store
from keysweep.web.dashboard import Contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keysweep.aws.mandate import Mandate

_WAIT_SECONDS = 30.0


class ServedContainment:
    """Plans and, where that is enabled, contains one key at a time."""

    def __init__(
        self,
        store: Store,
        mandate: Mandate,
        policy_file: Path | None,
        profile: str | None,
        endpoint: str | None,
        *,
        may_apply: bool,
    ) -> None:
        """Within a mandate, as the responder that it names."""
        from keysweep.aws.containment.items import Asked

        self._store = store
        self._may_apply = may_apply
        self._one_at_a_time = threading.Lock()
        asked = Asked(frozenset(), False, False, False, ())
        self._setting = Setting(
            mandate, asked, mandate.partitions, policy_file, profile, endpoint, _WAIT_SECONDS, trails=True
        )

    @property
    def may_apply(self) -> bool:
        """Whether more than a plan may be asked for."""
        return self._may_apply

    def plan(self, key_id: str) -> Contained:
        """What would be done."""
        with self._alone():
            return self._carried_out(key_id, None)

    def apply(self, key_id: str, note: Callable[[Contained], Contained]) -> Contained:
        """Plan it again and do that; then the store says what the journal does, and `note` was called."""
        if not self._may_apply:
            raise UsageError("containing from here is not enabled: start keysweep serve with --allow-contain.")
        with self._alone():
            came = self._carried_out(key_id, (key_id,))
            try:
                with self._store.writing() as connection:
                    record_containments(connection, contained()[0], datetime.now(UTC))
            except StoreError as error:  # what was done in AWS is done, and in the journal
                came = replace(came, text=f"{came.text}\n\nThe store does not say so yet: {error}")
            return note(came)

    def finish(self) -> None:
        """Wait until what was begun has ended, so that nothing is left half done."""
        with self._one_at_a_time:
            pass

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._one_at_a_time.acquire(blocking=False):
            raise UsageError("another key is being planned or contained right now: try again in a moment.")
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def _carried_out(self, key_id: str, confirmed: tuple[str, ...] | None) -> Contained:
        report = carried_out(gathered((key_id,), None), self._setting, confirmed)
        text = "\n".join(contained_shown.as_text(report, Style()))
        if report.error:
            text = f"{text}\n\n{report.error}"
        return Contained(text, any(each.item.is_planned for each in report.done), report.run)
