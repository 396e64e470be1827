"""Where the secret of a new key is handed to, once: one file each, all with the shape of `interface.Sink`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keysweep.aws.responders import Acting
from keysweep.aws.sinks.interface import Place, Sink

CALLS: Mapping[str, str] = {
    "secretsmanager": "secretsmanager:PutSecretValue",
    "ssm": "ssm:PutParameter",
    "profile": "the credentials file",
    "stdout": "standard output",
}
"""Kind of sink to what is called to fill it."""


def opened(place: Place, acting: Acting, show: Callable[[str], None] | None = None) -> Sink:
    """The sink at `place`, as who acts in the account; `show` prints, where that was asked for."""
    if place.kind == "secretsmanager":
        from keysweep.aws.sinks.secretsmanager import SecretsManager

        return SecretsManager(place.name, acting.client("secretsmanager", place.region or None))
    if place.kind == "ssm":
        from keysweep.aws.sinks.ssm import ParameterStore

        return ParameterStore(place.name, acting.client("ssm", place.region or None))
    if place.kind == "profile":
        from keysweep.aws.sinks.profile import CredentialsProfile

        return CredentialsProfile(place.name, place.file)
    from keysweep.aws.sinks.stdout import StandardOutput

    return StandardOutput(show)
