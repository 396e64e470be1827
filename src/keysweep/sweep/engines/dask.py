"""Workers on other machines, through a scheduler of Dask that the user has started.

A worker may have several threads and must not die of what it reads, so each thread has the work done in a process
apart.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import lru_cache
from threading import get_ident
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from keysweep.errors import UsageError
from keysweep.frozen import frozen
from keysweep.sweep.engines import Engine, EngineLostError, WorkerDiedError
from keysweep.sweep.engines.apart import Apart

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_CONNECT_SECONDS = 15
_MOST_THREADS = 256


@frozen
class Tls:
    """Files in PEM form with which a scheduler is reached that asks for them."""

    ca: str
    certificate: str
    key: str


class DaskEngine(Engine):
    """The workers of a cluster, as many as there are at each moment."""

    def __init__(self, scheduler: str, most_seconds: float, tls: Tls | None = None) -> None:
        """Connect; raises UsageError without Dask or an address, EngineLostError where there is no scheduler."""
        if not _is_address(scheduler):
            raise UsageError(f"--scheduler {scheduler} is no address: write tcp://HOST:8786, or tls://HOST:8786.")
        try:
            from distributed import Client, Security
        except ImportError as error:
            raise UsageError("--engine dask needs Dask: run `pip install 'keysweep[dask]'`.") from error
        security = (
            Security(
                tls_ca_file=tls.ca,
                tls_client_cert=tls.certificate,
                tls_client_key=tls.key,
                require_encryption=True,
            )
            if tls
            else None
        )
        _quieten()
        self._most_seconds = most_seconds
        self._scheduler = scheduler
        try:
            self._client = Client(
                scheduler, security=security, timeout=_CONNECT_SECONDS, set_as_default=False, name="keysweep"
            )
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise EngineLostError(
                f"the scheduler {scheduler} does not answer ({type(error).__name__}): check the address, that it "
                "runs, and the --tls options."
            ) from error
        self._executor = self._client.get_executor(pure=False, retries=0)

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Threads of all workers; one before the first has come, so that something waits for it."""
        told = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return max(1, sum(int(each["nthreads"]) for each in told))

    def submit(
        self, fn: Callable[_Parameters, _Result], /, *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> Future[_Result]:
        """Have it done by a worker, which needs the same keysweep as this process."""
        ours: Future[_Result] = Future()
        ours.set_running_or_notify_cancel()
        wanted = pickle.dumps((fn, args, kwargs))  # which the dashboard of the cluster shows to nobody
        theirs = self._executor.submit(_apart, wanted, self._most_seconds)
        theirs.add_done_callback(lambda done: self._hand_over(done, ours))
        return ours

    def _hand_over(self, theirs: Future[_Result], ours: Future[_Result]) -> None:
        from distributed.scheduler import KilledWorker

        try:
            ours.set_result(theirs.result())
        except KilledWorker:
            ours.set_exception(WorkerDiedError("every worker that it was given to has died"))
        except CancelledError:
            ours.set_exception(EngineLostError(f"the scheduler {self._scheduler} is gone: go on with --resume."))
        except Exception as error:  # noqa: BLE001 - whatever it is goes to whoever asked
            ours.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, which goes on; what it still does for us is cancelled."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close(timeout=_CONNECT_SECONDS)


def _is_address(scheduler: str) -> bool:
    """Whether it may be one: with any other text Dask tries for half a minute, and leaves a traceback behind."""
    try:
        parts = urlsplit(scheduler)
        return bool(parts.scheme and parts.hostname and parts.hostname.encode("idna") and parts.port != 0)
    except ValueError:
        return False


def _quieten() -> None:
    """Have Dask tell nobody what goes wrong: it is told in a sentence above, and Dask would add a traceback."""
    for name in [each for each in logging.root.manager.loggerDict if each.split(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _apart(wanted: bytes, most_seconds: float) -> Any:
    """In a worker of Dask: have it done by this thread's own process."""
    fn, args, kwargs = pickle.loads(wanted)  # noqa: S301 - Dask would load it all the same
    return _of_thread(get_ident(), most_seconds).run(fn, args, kwargs)


@lru_cache(_MOST_THREADS)
def _of_thread(_: int, most_seconds: float) -> Apart:
    return Apart(most_seconds)
