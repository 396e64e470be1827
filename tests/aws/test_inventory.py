"""Inventory files: every form in which ListAccessKeys and credential reports are kept, and everything else."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import key_id
from keysweep.aws import inventory
from keysweep.aws.containment.targets import Described, Target
from keysweep.aws.inventory import Inventory, parsed, read
from keysweep.aws.lone import verdict_on
from keysweep.errors import UsageError
from keysweep.report.style import complaint
from keysweep.verdicts import Principal, Status, Verdict

RNG = random.Random(71)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
MADE = "2024-05-01T12:00:00+00:00"
ACCOUNT = "123456789012"
FIRST, SECOND = key_id(RNG), key_id(RNG)
HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)


def entry(name: str = FIRST, user: str | None = "ci", state: str = "Active", date: str = MADE) -> dict[str, Any]:
    made = {"UserName": user, "AccessKeyId": name, "Status": state, "CreateDate": date}
    return {field: text for field, text in made.items() if text is not None}


def export(*entries: dict[str, Any]) -> str:
    return json.dumps({"AccessKeyMetadata": list(entries)}, indent=4)


def row(
    user: str = "ci", account: str = ACCOUNT, path: str = "/", rotated: str = MADE, active: str = "true"
) -> str:
    arn = f"arn:aws:iam::{account}:user{path}{user}"
    first = f"{active},{rotated},2026-11-20T08:00:00+00:00,eu-west-1,s3"
    return f"{user},{arn},{MADE},false,N/A,N/A,N/A,false,{first},false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"


def report(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def known(*contents: str | bytes) -> Inventory:
    return parsed(
        (f"file{number}", each.encode() if isinstance(each, str) else each, NOW)
        for number, each in enumerate(contents)
    )


@pytest.mark.parametrize(
    "content",
    [
        export(entry(), entry(SECOND, "deploy")),
        export(entry()) + "\n" + export(entry(SECOND, "deploy")),
        export(entry()) + export(entry(SECOND, "deploy")),
        json.dumps([entry(), entry(SECOND, "deploy")]),
        json.dumps(entry()) + "\n" + json.dumps(entry(SECOND, "deploy")) + "\n",
        json.dumps([{"AccessKeyMetadata": [entry()]}, [[entry(SECOND, "deploy")]]]),
        "\ufeff\r\n" + export(entry(), entry(SECOND, "deploy")),
        ("\ufeff" + export(entry(), entry(SECOND, "deploy"))).encode("utf-16-le"),
        ("\ufeff" + export(entry(), entry(SECOND, "deploy"))).encode("utf-16-be"),
        export(entry(date="2024-05-01T12:00:00Z"), entry(SECOND, "deploy", date="2024-05-01 14:00:00.7+02:00")),
    ],
)
def test_an_export_is_read_however_it_was_put_together(content: str | bytes) -> None:
    found = known(content).keys
    assert {name: [(each.user, each.is_active) for each in keys] for name, keys in found.items()} == {
        FIRST: [("ci", True)],
        SECOND: [("deploy", True)],
    }
    assert found[FIRST][0].created == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_an_empty_export_is_one() -> None:
    assert known('{"AccessKeyMetadata": []}', report(row())).keys == {}


@pytest.mark.parametrize(
    "content",
    [
        report(row(path="/teams/")),
        report(row(path="/teams/")).replace("\n", "\r\n"),
        json.dumps(
            {
                "Content": base64.b64encode(report(row(path="/teams/")).encode()).decode(),
                "ReportFormat": "text/csv",
                "GeneratedTime": MADE,
            }
        ),
        export(entry(SECOND, "deploy"))
        + json.dumps({"Content": base64.b64encode(report(row(path="/teams/")).encode()).decode()}),
    ],
)
def test_a_credential_report_adds_what_an_export_does_not_say(content: str) -> None:
    both = known(content, export(entry()))
    found = both.reported_for(both.keys[FIRST][0], None)
    assert found is not None
    assert (found.arn, found.account) == (f"arn:aws:iam::{ACCOUNT}:user/teams/ci", ACCOUNT)
    assert (found.last_use.service, found.last_use.region) == ("s3", "eu-west-1")


def test_a_row_counts_only_for_the_same_user_the_same_second_and_the_same_account() -> None:
    files = (export(entry()), report(row(), row(account="444455556666"), row("other"), row(rotated="N/A")))
    both = known(*files)
    key = both.keys[FIRST][0]
    assert both.reported_for(key, None) is None, "two accounts may be meant"
    mine = both.reported_for(key, ACCOUNT)
    assert mine is not None
    assert mine.account == ACCOUNT
    assert both.reported_for(key, "999988887777") is None
    later = known(export(entry(date="2024-05-01T12:00:01Z")), report(row()))
    assert later.reported_for(later.keys[FIRST][0], ACCOUNT) is None
    undated = known(export({"AccessKeyId": FIRST, "Status": "Active", "UserName": "ci"}), report(row()))
    assert undated.reported_for(undated.keys[FIRST][0], ACCOUNT) is None


def test_the_key_of_the_root_user_is_matched_with_the_row_of_the_root_user() -> None:
    root = row().replace("ci,arn:aws:iam::123456789012:user/ci", "<root_account>,arn:aws:iam::123456789012:root")
    both = known(export(entry(user=None)), report(root, row()))
    found = both.reported_for(both.keys[FIRST][0], ACCOUNT)
    assert found is not None
    assert found.arn == f"arn:aws:iam::{ACCOUNT}:root"


def judged(key: str, files: Inventory, account: str | None = ACCOUNT) -> Verdict:
    return verdict_on(Target(key, Described(account, None), "aws"), "no secret was found with it", files, None)


def test_a_report_beside_an_export_says_whose_a_key_is_and_when_it_was_last_used() -> None:
    old = key_id(RNG, account=None)
    verdict = judged(old, known(export(entry(old)), report(row(path="/teams/"))), None)
    assert verdict.reason == (
        f"account {ACCOUNT} has it, active, user ci, last used 2026-11-20 by s3 in eu-west-1, says file0"
    )
    assert (verdict.status, verdict.arn) == (Status.ACTIVE, f"arn:aws:iam::{ACCOUNT}:user/teams/ci")
    assert (verdict.account_id, verdict.principal, verdict.checked) == (ACCOUNT, Principal.USER, NOW)


def test_a_report_that_calls_a_key_active_is_believed_more_than_an_export_that_does_not() -> None:
    verdict = judged(FIRST, known(export(entry(state="Inactive")), report(row())))
    assert verdict.status is Status.ACTIVE
    assert "another entry contradicts that" in verdict.reason


def test_the_root_user_is_called_by_its_name() -> None:
    root = row().replace("ci,arn:aws:iam::123456789012:user/ci", "<root_account>,arn:aws:iam::123456789012:root")
    verdict = judged(FIRST, known(export(entry(user=None)), report(root)))
    assert (verdict.principal, "active, the root user, last used" in verdict.reason) == (Principal.ROOT, True)


def test_what_several_files_say_of_a_key_is_kept() -> None:
    found = known(export(entry()), export(entry(state="Inactive")), export(entry(state="Expired"))).keys[FIRST]
    assert [(each.file, each.is_active) for each in found] == [("file0", True), ("file1", False), ("file2", False)]


def test_a_credential_report_alone_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match=r"file0 is a credential report, which names no key IDs: give beside it"):
        known(report(row()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no inventory file"),
        ("AKIA...\tActive\tci\n", "is no inventory file"),
        ("{", "begins like JSON"),
        ("[" * 200_000, "begins like JSON"),
        ('{"AccessKeyMetadata": [' + "1" * 5000 + "]}", "begins like JSON"),
        (export(entry()) + "}", "begins like JSON"),
        (b"\xff\xfea", "not UTF-8"),
        (b'{"AccessKeyMetadata": "\xe9"}', "not UTF-8"),
        ("{}", "entry 1 names no AccessKeyId"),
        ("[1]", "entry 1 names no AccessKeyId"),
        ('{"AccessKeyMetadata": {}}', "entry 1 names no AccessKeyId"),
        ('{"Users": []}', "entry 1 names no AccessKeyId"),
        (export(entry(), entry(name="x")), "the AccessKeyId of entry 2"),
        (export({"AccessKeyId": 7}), "the AccessKeyId of entry 1"),
        (export(entry(user="ci\x1b[2J")), "the UserName of entry 1"),
        (export(entry(user="ci of account 1")), "the UserName of entry 1"),
        (export(entry() | {"UserName": ["ci"]}), "the UserName of entry 1"),
        (export(entry(state="active")), "the Status of entry 1"),
        (export(entry() | {"Status": None}), "the Status of entry 1"),
        (export(entry(date="yesterday")), "the CreateDate of entry 1"),
        (export(entry(date="0001-01-01T00:00:00+23:59")), "the CreateDate of entry 1"),
        (export(entry() | {"CreateDate": 1.5e300}), "the CreateDate of entry 1"),
        ('{"Content": "not base64!"}', "not base64"),
        ('{"Content": "' + base64.b64encode(b"\xff\xfex").decode() + '"}', "not UTF-8"),
        (report("ci,arn:aws:iam::1:user/ci"), "line 2 names no ARN"),
        (report(row(path="/\x1b]0;x/")), "line 2 names no ARN"),
        (report(row(rotated="soon")), "access_key_1_last_rotated in line 2"),
        (report(row().replace(",s3,", ",s3\x1b[2J,")), "line 2 has no service or Region"),
        (report('"' + "x" * 200_000), "is a damaged credential report"),
    ],
)
def test_what_is_no_inventory_is_refused_in_one_sentence(content: str | bytes, said: str) -> None:
    with pytest.raises(UsageError, match=r"^file0 is ") as refused:
        known(content)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_file_that_cannot_be_read_or_is_too_large_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read([str(tmp_path / "none.json")])
    with pytest.raises(UsageError, match="cannot be read"):
        read([str(tmp_path)])
    hostile = tmp_path / "a\x1b[2J.json"
    hostile.write_text("no")
    with pytest.raises(UsageError) as refused:
        read([str(hostile)])
    assert "\x1b" not in complaint(refused.value)
    monkeypatch.setattr(inventory, "MOST_BYTES", 100)
    large = tmp_path / "large.json"
    large.write_text(export(entry()))
    with pytest.raises(UsageError, match="is larger than"):
        read([str(large)])


def test_a_hundred_thousand_entries_for_one_key_take_no_longer_than_as_many_keys() -> None:
    found = known(json.dumps([entry()] * 100_000))
    assert len(found.keys[FIRST]) == 100_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just(FIRST),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["AccessKeyMetadata", "AccessKeyId", "UserName", "Status", "CreateDate", "Content"])
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
cells = st.lists(st.sampled_from(["true", "N/A", MADE, "s3", "ci", f"arn:aws:iam::{ACCOUNT}:user/ci"]) | st.text())


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | values.map(lambda value: json.dumps(value).encode())
    | st.tuples(values, values).map(lambda pair: (json.dumps(pair[0]) + json.dumps(pair[1])).encode())
    | st.lists(cells).map(lambda rows: report(*map(",".join, rows)).encode("utf-8", "surrogatepass"))
)
def test_whatever_stands_in_a_file_it_is_an_inventory_or_refused(content: bytes) -> None:
    try:
        found = known(content, export(entry()))
    except UsageError as error:
        complaint(error).encode()
        return
    for keys in found.keys.values():
        for key in keys:
            found.reported_for(key, None)
            assert key.user is None or key.user.isprintable()
