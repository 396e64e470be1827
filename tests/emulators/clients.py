"""boto3 clients for an emulator: explicit in everything, so that nothing of this user's AWS has a say."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

from tests.emulators.keys import AccessKey

REGION = "us-east-1"


class Emulator(Protocol):
    """What the three servers have in common."""

    endpoint: str

    def client(self, service: str, key: AccessKey, region: str = REGION) -> Any:
        """A boto3 client of `service` that signs with `key`."""


class Clients:
    """Makes the clients of one emulator from one session, since a session is what costs time."""

    def __init__(self, endpoint: str) -> None:
        """For the emulator at `endpoint`."""
        self.endpoint = endpoint

    def client(self, service: str, key: AccessKey, region: str = REGION, *, read_timeout: float = 10) -> Any:
        """A boto3 client of `service` that signs with `key` and tries once."""
        from botocore.config import Config

        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key.key_id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=read_timeout,
                proxies={"no": "proxy"},
            ),
        )

    @cached_property
    def _session(self) -> Any:
        import boto3
        import botocore.session

        # Never the profile that AWS_PROFILE names: where it is missing, boto3 refuses even explicit keys.
        return boto3.Session(
            botocore_session=botocore.session.Session(session_vars={"profile": (None, [], None, None)})
        )


def refusal(call: Any, **parameters: Any) -> tuple[int, str]:
    """The status and the code with which `call` is refused, or (200, "") if it is not."""
    from botocore.exceptions import ClientError

    try:
        call(**parameters)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return 200, ""
