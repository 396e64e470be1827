"""Only the operator says where requests go, and what botocore raises becomes one sentence without secrets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from keysweep.aws.clients import assumed, client, explicit, session, translated
from keysweep.aws.partitions import PARTITIONS, Partition
from keysweep.errors import AwsError
from tests.emulators.keys import ACCOUNT
from tests.emulators.ministack import Ministack
from tests.emulators.process import free_port

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYnotarealone"
ELSEWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda it: it.name)
def test_nothing_but_the_operator_directs_requests(
    partition: Partition, operator: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for service in ("", "_STS", "_IAM", "_CLOUDTRAIL"):
        operator.setenv(f"AWS_ENDPOINT_URL{service}", ELSEWHERE)
    (tmp_path / "aws-config").write_text(
        f"[default]\nendpoint_url = {ELSEWHERE}\nservices = moved\n"
        f"[services moved]\niam =\n  endpoint_url = {ELSEWHERE}\nsts =\n  endpoint_url = {ELSEWHERE}\n",
        encoding="utf-8",
    )
    made = session(None, partition.region)
    for service in ("sts", "iam", "cloudtrail"):
        address = client(made, service, partition.region).meta.endpoint_url
        assert address.startswith("https://")
        assert address.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))
    port = free_port()
    given = f"http://127.0.0.1:{port}"
    assert client(made, "iam", partition.region, given).meta.endpoint_url == given


def test_the_role_of_a_profile_is_not_assumed_elsewhere_either(
    operator: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A profile with a role asks STS by itself, with a client that nobody here makes."""
    operator.setenv("AWS_ENDPOINT_URL", ELSEWHERE)
    (tmp_path / "aws-config").write_text(
        "[profile moved]\nrole_arn = arn:aws:iam::111122223333:role/x\ncredential_source = Environment\n"
        f"region = us-east-1\nendpoint_url = {ELSEWHERE}\n",
        encoding="utf-8",
    )
    config = session("moved", "us-east-1")._session.get_default_client_config()
    assert config.ignore_configured_endpoint_urls is True


def test_the_user_agent_names_the_program(operator: pytest.MonkeyPatch) -> None:
    made = client(session(None, "us-east-1"), "iam", "us-east-1")
    assert " keysweep/" in made.meta.config.user_agent


def test_an_assumed_session_is_the_role(operator: pytest.MonkeyPatch, ministack_as_root: Ministack) -> None:
    own = session(None, "us-east-1")
    iam = client(own, "iam", "us-east-1", ministack_as_root.endpoint)
    iam.create_role(
        RoleName="assumable",
        AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
        f'"Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}}}}]}}',
    )
    arn = f"arn:aws:iam::{ACCOUNT}:role/assumable"
    role = assumed(
        own, arn, external_id=None, name="keysweep", region="us-east-1", endpoint=ministack_as_root.endpoint
    )
    who = client(role, "sts", "us-east-1", ministack_as_root.endpoint).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/assumable/keysweep"


def answering(status: int, body: str) -> tuple[ThreadingHTTPServer, str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


def refusal(code: str, message: str) -> str:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, refusal("AccessDenied", "User x may not"), "AWS answered AccessDenied: User x may not."),
        (
            403,
            refusal("SignatureDoesNotMatch", f"should have been {SECRET}"),
            "your own credentials are not accepted",
        ),
        (403, refusal("ExpiredToken", f"token {SECRET}"), "your own credentials are not accepted"),
        (403, refusal("AccessDenied", f"one line\n{SECRET}"), "AccessDenied: one line."),
        (200, f"<html>{SECRET}", "the answer cannot be understood"),
        (403, f"<html>{SECRET}", "the answer cannot be understood"),
        (200, "", "the answer cannot be understood"),
    ],
    ids=["denied", "signature", "expired", "two lines", "odd success", "odd refusal", "empty"],
)
def test_answers_are_told_in_one_sentence_without_what_they_quote(
    status: int, body: str, said: str, operator: pytest.MonkeyPatch
) -> None:
    server, address = answering(status, body)
    try:
        sts = client(session(None, "us-east-1"), "sts", "us-east-1", address)
        with pytest.raises(AwsError) as raised, translated("ask"):
            sts.get_caller_identity()["Account"]
    finally:
        server.shutdown()
        server.server_close()
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)


def gone(directory: Path) -> None:
    session("gone", "us-east-1")


def broken_file(directory: Path) -> None:
    (directory / "aws-config").write_text("[default\nx", encoding="utf-8")
    client(session(None, "us-east-1"), "sts", "us-east-1")


def process(directory: Path) -> None:
    (directory / "aws-config").write_text(f"[profile p]\ncredential_process = echo {SECRET}\n", encoding="utf-8")
    client(session("p", "us-east-1"), "sts", "us-east-1")


def failing_process(directory: Path) -> None:
    (directory / "aws-config").write_text(
        f"[profile p]\ncredential_process = sh -c 'echo {SECRET} >&2; exit 1'\n", encoding="utf-8"
    )
    client(session("p", "us-east-1"), "sts", "us-east-1")


@pytest.mark.parametrize("failing", [gone, broken_file, process, failing_process], ids=lambda it: it.__name__)
def test_what_is_wrong_with_the_profile_is_told_in_one_sentence(
    failing: Callable[[Path], None], operator: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    operator.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AwsError) as raised:
        failing(tmp_path)
    assert SECRET not in str(raised.value)
    assert str(raised.value).startswith("could not ")


@pytest.mark.usefixtures("operator")
def test_threads_that_need_the_same_client_share_one() -> None:
    """boto3 does not say that one session can make two clients at the same time, and making one takes long."""
    made = explicit("AKIAQNZGKIQYZZZZZZZZ", SECRET, None, "us-east-1")
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: client(made, "iam", "us-east-1", ELSEWHERE), range(32)))
    assert len({id(each) for each in given}) == 1
    assert client(made, "iam", "us-east-1") is not given[0]
    assert client(made, "sts", "us-east-1", ELSEWHERE) is not given[0]
