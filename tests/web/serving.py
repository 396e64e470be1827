"""The dashboard as browsers meet it: on a real port, by HTTP."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import requests

from bench.filled import NOW
from keysweep.store.opening import Store
from keysweep.web.app import application
from keysweep.web.dashboard import Container
from keysweep.web.guard import Place
from keysweep.web.serving import listening, prepared
from keysweep.web.sessions import OneTimeToken, Password


@dataclass
class Served:
    """A dashboard that runs, and somebody who may be signed in."""

    base: str
    entrance: OneTimeToken | Password
    client: requests.Session = field(default_factory=requests.Session)

    def sign_in(self) -> Served:
        assert isinstance(self.entrance, OneTimeToken)
        answer = self.client.get(f"{self.base}/?token={self.entrance.text}")
        assert answer.status_code == 200, answer.text
        return self

    def get(self, path: str, **options: object) -> requests.Response:
        return self.client.get(self.base + path, **options)  # type: ignore[arg-type]

    def post(self, path: str, headers: dict[str, str] | None = None, /, **fields: str) -> requests.Response:
        """Send a form with the token of this session, unless another is given."""
        if "form_token" not in fields:
            fields["form_token"] = self.form_token
        return self.client.post(self.base + path, data=fields, headers=headers)

    @property
    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.get("/runs").text)
        assert found
        return found[1]


@contextmanager
def serving(
    store: Store,
    *,
    entrance: OneTimeToken | Password | None = None,
    container: Container | None = None,
    origins: Callable[[int], frozenset[str]] = lambda port: frozenset({f"http://127.0.0.1:{port}"}),
    now: Callable[[], datetime] = lambda: NOW,
) -> Iterator[Served]:
    """A dashboard over the store, at the time at which the stores of the tests end."""
    entrance = entrance or OneTimeToken()
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        server = prepared(application(store, Place(origins(port)), entrance, "ada", container, now))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        served = Served(f"http://127.0.0.1:{port}", entrance)
        try:
            yield served
        finally:
            served.client.close()
            server.should_exit = True
            thread.join(20)
