"""Webhooks: the document of a message as JSON, signed, with a key by which a repeated one is known."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from keysweep.findings import Secret
from keysweep.frozen import frozen
from keysweep.notify.messages import Digest, Notice, as_json, document
from keysweep.notify.posting import Patience, post
from keysweep.notify.taken import TAKEN, Taken

SIGNATURE, IDEMPOTENCY = "X-Keysweep-Signature", "Idempotency-Key"


@frozen
class Webhook:
    """Where to send, and the secret that the receiver knows too."""

    address: Secret
    secret: Secret | None = None

    def send(self, message: Notice | Digest, now: datetime, patience: Patience) -> Taken:
        """Send one message; raises NotTaken."""
        body = as_json(document(message, now))

        def headers(at: datetime) -> Mapping[str, str]:
            given = {IDEMPOTENCY: message.key}
            return given | ({SIGNATURE: signature(body, self.secret, at)} if self.secret else {})

        post(self.address.reveal(), body, headers, patience)
        return TAKEN


def signature(body: bytes, secret: Secret, at: datetime) -> str:
    """`t=SECONDS,v1=DIGEST`: the HMAC-SHA256 of the time, a dot and the body, so that nobody can send it later."""
    seconds = str(int(at.timestamp()))
    key = secret.reveal().encode("utf-8", "surrogateescape")
    return f"t={seconds},v1={hmac.new(key, seconds.encode() + b'.' + body, sha256).hexdigest()}"
