"""AWS clients that only the operator can direct, and what botocore raises in the words of this program.

boto3 takes a quarter of a second to import, so it is imported only where a session is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from threading import RLock
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from keysweep import __version__
from keysweep.errors import AwsError

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})
NOT_THERE = frozenset({"NoSuchEntity", "NoSuchEntityException"})
"""What IAM answers where there is nobody, or nothing, of that name."""
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "AuthFailure",
    }
)


_LOCK = RLock()
_MADE: WeakKeyDictionary[Any, dict[tuple[str, str, str | None], Any]] = WeakKeyDictionary()
"""Clients by their session: threads may share a client, but not make two of one session at the same time (boto3
guide, Session, Multithreading); and requests of one client slow down together when AWS asks for fewer."""


def session(profile: str | None, region: str) -> Any:
    """A boto3 session of the operator's own identity: `profile`, or what the environment says.

    No setting of an endpoint is followed, not even for the STS of a profile that assumes a role; proxies and CA
    bundles of the operator are. Raises AwsError where there is no such profile or its files cannot be read.
    """
    import botocore.session

    with translated("read the AWS profile"):
        core = botocore.session.Session(profile=profile)
        return _made_of(core, region)


def client(session: Any, service: str, region: str, endpoint: str | None = None) -> Any:
    """A client of `service` in `region`, at `endpoint` if the operator gave one and else at AWS.

    `AWS_ENDPOINT_URL`, its relatives and `endpoint_url` in configuration files are ignored, because something in a
    scanned repository may have set them. Raises AwsError if there are no credentials that can be used.
    """
    with translated(f"make ready for {service}"), _LOCK:
        try:
            if session.get_credentials() is None:
                _no_credentials()
            made = _MADE.setdefault(session, {})
            name = service, region, endpoint
            if name not in made:
                made[name] = session.client(service, region_name=region, endpoint_url=endpoint, config=_config())
            return made[name]
        except ValueError as error:  # a credential_process that prints no JSON, an endpoint that is no URL
            raise AwsError(
                f"could not make ready for {service}: the AWS profile or --aws-endpoint is not usable; "
                "try `aws sts get-caller-identity` with the same profile."
            ) from error


def assumed(
    session: Any, role_arn: str, *, external_id: str | None, name: str, region: str, endpoint: str | None = None
) -> Any:
    """A session of the role, assumed by `session`; its credentials stay in memory and are not renewed.

    Raises AwsError, which names the role, where STS refuses.
    """
    extra = {"ExternalId": external_id} if external_id else {}
    sts = client(session, "sts", region, endpoint)
    with translated(f"assume {role_arn}"):
        answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, **extra)["Credentials"]
        # The operator's profile stays, because it may hold a CA bundle; its credentials give way to these.
        profile = None if session.profile_name == "default" else session.profile_name
        return explicit(
            answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"], region, profile=profile
        )


def explicit(key_id: str, secret: str, token: str | None, region: str, *, profile: str | None = None) -> Any:
    """A boto3 session that signs with these credentials, whatever the environment says."""
    import botocore.session

    with translated("make a session"):
        core = botocore.session.Session(profile=profile)
        core.set_credentials(key_id, secret, token)
        return _made_of(core, region)


def _made_of(core: Any, region: str) -> Any:
    """A boto3 session of one of botocore, which shares with all others what it has read of the services."""
    import boto3

    core.set_default_client_config(_config())
    core.register_component("data_loader", _models(core.get_config_variable("data_path")))
    return boto3.Session(botocore_session=core, region_name=region)


@cache
def _models(data_path: str | None) -> Any:
    """The descriptions of all services, each read once: that takes ten times as long as to make a client."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def ahead_of(answer: Mapping[str, Any]) -> timedelta:
    """How much later it is for whoever gave this answer than here, by its Date; nothing if it has none."""
    said = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(said).astimezone(UTC) - datetime.now(UTC)
    except (TypeError, ValueError, OverflowError):
        return timedelta()


@contextmanager
def translated(doing: str, *, has_secret: bool = False) -> Iterator[None]:
    """Turn whatever botocore raises inside into an AwsError: 'could not `doing`: why, and what to do'.

    `has_secret`: the request does, and AWS may quote it where it is not valid, so only the code is said then.
    """
    try:
        yield
    except failures() as error:
        raise in_words(error, doing, has_secret=has_secret) from error


ODD = (LookupError, ValueError, TypeError, AttributeError)
"""What comes of an answer in which something is missing, or is not of its kind."""


def failures() -> tuple[type[Exception], ...]:
    """Everything that comes of a request that fails: an answer that is no XML has a family of its own.

    An answer that is odd, from a proxy or from a server that is not AWS, is such a failure: it may not end a run.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError, *ODD


def in_words(error: Exception, doing: str, *, has_secret: bool = False) -> AwsError:
    """What botocore raised as one sentence without anything secret in it; `has_secret` as in `translated`."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        code = code_of(error)
        metadata = answer.get("ResponseMetadata", {})
        request, is_repeated = metadata.get("RequestId"), bool(metadata.get("RetryAttempts"))
        said = f"{code}." if has_secret and code not in DENIED else _said(answer, code)
        told = f"could not {doing}: AWS answered {said}"
        return AwsError(told, code=code, request_id=request, is_repeated=is_repeated)
    return AwsError(f"could not {doing}: {_without_answer(error)}")


def code_of(error: Exception) -> str:
    """The error code in an answer of AWS; empty if there is none."""
    answer = getattr(error, "response", None)
    details = answer.get("Error", {}) if isinstance(answer, dict) else {}
    return str(details.get("Code", ""))


def _config() -> Any:
    from botocore.config import Config

    return Config(
        ignore_configured_endpoint_urls=True,
        connect_timeout=5,
        read_timeout=20,
        retries={"mode": "adaptive", "total_max_attempts": 5},
        max_pool_connections=32,
        user_agent_extra=f"keysweep/{__version__}",
    )


def _said(answer: dict[str, Any], code: str) -> str:
    """What AWS answered; of a refused signature only the code, because the text may quote the signed request."""
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    if code in _BAD_CREDENTIALS:
        return f"{code}: your own credentials are not accepted (expired, mistyped, or the clock is wrong)."
    message = re.split(r"[\r\n]", str(answer.get("Error", {}).get("Message", "")), maxsplit=1)[0][:300].rstrip(
        ". "
    )
    return f"{code or status}: {message}." if message else f"{code or status}."


def _without_answer(error: Exception) -> str:
    """Why AWS was not reached or not asked. botocore's text is left out where it quotes what a program printed."""
    from botocore import exceptions as known
    from botocore.parsers import ResponseParserError

    if isinstance(error, (ResponseParserError, *ODD)):  # its text quotes the answer, which may hold credentials
        return "the answer cannot be understood: check --aws-endpoint and proxies, or try again."
    details = getattr(error, "kwargs", {})
    if isinstance(error, known.ProfileNotFound):
        return f"there is no AWS profile {details.get('profile')}: `aws configure list-profiles` lists them."
    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError):
        return (
            "there are no AWS credentials: give --profile, or set up one with `aws configure` or `aws sso login`."
        )
    if isinstance(error, known.CredentialRetrievalError | known.TokenRetrievalError):
        provider = details.get("provider", "the AWS profile")
        return f"{provider} gave no credentials: try `aws sts get-caller-identity` with the same profile."
    if isinstance(error, known.SSOError | known.LoginError):
        return "the sign-in of the AWS profile has expired: sign in again with `aws sso login` or `aws login`."
    if isinstance(error, known.ConfigParseError | known.ConfigNotFound | known.InvalidConfigError):
        return "the AWS configuration files cannot be read: check them with `aws configure list`."
    if isinstance(error, known.SSLError):
        return f"the certificate of {details.get('endpoint_url')} is not trusted: check AWS_CA_BUNDLE and proxies."
    if isinstance(error, known.ProxyConnectionError):
        return "the proxy cannot be reached: check HTTPS_PROXY and NO_PROXY."
    if isinstance(error, known.ConnectionError | known.HTTPClientError):
        where = details.get("endpoint_url") or "AWS"
        return f"{where} cannot be reached: check the network, proxies and --aws-endpoint."
    return f"botocore reports {type(error).__name__}: check the AWS profile and --aws-endpoint."


def _no_credentials() -> NoReturn:
    from botocore.exceptions import NoCredentialsError

    raise NoCredentialsError
