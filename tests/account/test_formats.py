"""Audits in every format: held to published schemas, complete, and harmless whatever names there are."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest

from docs.generate import DOCS
from keysweep.account.audit import Unreached
from keysweep.account.judging.checks import Bounds, Leak
from keysweep.account.judging.identity import lapse_id
from keysweep.account.judging.rules import RULES
from keysweep.account.practices import BY_NUMBER, PRACTICES
from keysweep.account.references import ADDRESSES, PAGE, page
from keysweep.account.report import FORMATS
from keysweep.account.runs.course import since, summary
from keysweep.frozen import replace
from keysweep.report.html.frame import shown
from tests.account.samples import (
    ACCOUNT,
    FACTS,
    NOW,
    USED_BY_GITHUB,
    account,
    audit,
    everything,
    hostile,
    key,
    many,
    user,
    written,
)
from tests.notify.test_security_hub import checked
from tests.report.samples import HOSTILE
from tests.report.schemas import sarif_validator

_ACTED_ON = "\x1b\x9b\x00\x7f\u202e\u2066\ud800\udce9"
"""What no report may hold as it is."""


def sarif(told: Any, **facts: Any) -> dict[str, Any]:
    document = json.loads(written("sarif", told, replace(FACTS, **facts)))
    errors = [f"{error.json_path}: {error.message}" for error in sarif_validator().iter_errors(document)]
    assert not errors
    (run,) = document["runs"]
    return dict(run)


def hub(told: Any, **facts: Any) -> list[dict[str, Any]]:
    """Every finding, of requests that the API takes: each of one account, with a hundred at most."""
    lines = written("asff", told, replace(FACTS, **facts)).splitlines()
    found = []
    for request in map(json.loads, lines):
        assert request.keys() == {"Findings"}
        assert 1 <= len(request["Findings"]) <= 100
        assert len({each["AwsAccountId"] for each in request["Findings"]}) == 1
        found += request["Findings"]
    checked(*found)
    assert len({each["Id"] for each in found}) == len(found)
    return found


def rows(told: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written("csv", told))))


def test_every_rule_and_practice_has_its_place_on_the_page_that_links_lead_to() -> None:
    text = (DOCS.parent / PAGE).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    anchors = headings | set(re.findall(r'<a id="([^"]+)">', text))
    for rule in RULES:
        path, _, fragment = page(rule).partition("#")
        assert (path, fragment in anchors) == (PAGE, True), fragment
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert {f"practice-{each.number}" for each in PRACTICES} <= anchors
    assert ADDRESSES.keys() == BY_NUMBER.keys()
    assert all(each.startswith("https://docs.aws.amazon.com/") for each in ADDRESSES.values())


def test_a_lapse_keeps_its_name_while_its_key_breaks_the_rule_and_no_other_has_it() -> None:
    told = everything()
    names = [lapse_id(each) for each in told.lapses]
    assert len(set(names)) == len(names)
    later = audit(account(user(key(1, age=500))))
    (old,) = (each for each in later.lapses if each.rule.id == "old-key")
    assert lapse_id(old) in names
    nameless = [key(0, None, age=days, key_id="") for days in (10, 20)]
    two = audit(account(root_keys=tuple(nameless)))
    assert len({lapse_id(each) for each in two.lapses}) == 2


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_every_lapse_with_rule_evidence_benchmarks_link_and_remedies(form: str) -> None:
    told = everything()
    text = written(form, told)
    plain = " ".join(html.unescape(text).replace('\\"', '"').replace('""', '"').split())
    # For people the first of each rule has commands; the others break the same rule.
    lapses = (
        told.lapses if form != "text" else list({each.rule.id: each for each in reversed(told.lapses)}.values())
    )
    for lapse in lapses:
        parts = [lapse.rule.id, *lapse.steps().cli, lapse.steps().terraform, "docs.aws.amazon.com"]
        parts += [lapse.account] if form != "text" or lapse.key is None else []
        assert all(part in plain for part in parts), (lapse.rule.id, parts)
    assert "IAM.8" in text
    if form != "asff":  # which has no place for it
        assert "sandbox" in text
        assert "iam:ListAccessKeys" in text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_harmless(form: str, text: str) -> None:
    told = written(form, hostile(text))
    assert not set(told) & set(_ACTED_ON)
    if form in ("text", "csv"):
        assert not re.search(r"(^|\s)::(error|stop|add)", told)
    if form == "html":
        assert not re.search(r"<(img|script>alert)", told)
    elif form == "csv":
        cells = [cell for row in csv.reader(io.StringIO(told)) for cell in row]
        assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@|%")]
    elif form == "sarif":
        sarif(hostile(text))
    elif form == "asff":
        hub(hostile(text))


def test_a_table_says_in_its_last_row_whether_everything_was_checked() -> None:
    *lapses, last = rows(everything())
    assert [each["record"] for each in lapses].count("lapse") == len(everything().lapses)
    assert [each["record"] for each in lapses].count("not-checked") == 4
    assert (last["record"], last["evidence"].startswith("incomplete: 2 accounts")) == ("run", True)
    (root,) = (each for each in lapses if each["rule"] == "root-key")
    assert (root["severity"], root["account"], root["user"]) == ("critical", ACCOUNT, "root")
    assert root["benchmarks"].startswith("CIS 3.0 1.4; CIS 5.0 1.3")
    assert root["link"].startswith("https://")
    whole = rows(audit(account(user(key(1)))))
    assert [each["record"] for each in whole] == ["run"]
    assert whole[0]["evidence"].startswith("complete: ")


def test_what_was_not_checked_makes_a_sarif_run_that_was_not_successful() -> None:
    run = sarif(everything(), notes=("a file was [passed] over",))
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 1)
    told = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert len(told) == 6
    assert f"Not checked: account {ACCOUNT}: the age of keys: needs iam:ListAccessKeys." in told
    (invocation,) = sarif(audit(account(user(key(1)))))["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 0)


def test_sarif_names_what_breaks_a_rule_and_explains_the_rule() -> None:
    run = sarif(everything())
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == [each.id for each in RULES]
    assert all(each["help"]["markdown"] and each["helpUri"] for each in rules)
    by_rule = {each["ruleId"]: each for each in run["results"]}
    old = by_rule["leaked-key"]
    assert rules[old["ruleIndex"]]["properties"]["practices"] == ["5 Disabling", "16 What IAM knows of a key"]
    (place,) = old["locations"][0]["logicalLocations"]
    assert place["fullyQualifiedName"] == f"arn:aws:iam::{ACCOUNT}:user/deploy/AKIA0000000000000001"
    assert by_rule["no-trail"]["locations"][0]["logicalLocations"][0]["name"] == ACCOUNT
    assert rules[by_rule["old-key"]["ruleIndex"]]["properties"]["benchmarks"]["Security Hub"] == "IAM.3"


def test_security_hub_is_told_what_failed_by_which_requirement_and_of_which_resource() -> None:
    found = {each["GeneratorId"].rpartition("/")[2]: each for each in hub(everything())}
    old, root, trail = found["old-key"], found["root-key"], found["no-trail"]
    assert old["Compliance"] == {
        "Status": "FAILED",
        "RelatedRequirements": [
            "CIS AWS Foundations Benchmark v3.0.0/1.14",
            "CIS AWS Foundations Benchmark v5.0.0/1.13",
            "CIS AWS Foundations Benchmark v7.0.0/2.12",
            "AWS Security Hub/IAM.3",
        ],
    }
    assert old["ProductArn"] == f"arn:aws:securityhub:us-east-1:{ACCOUNT}:product/{ACCOUNT}/default"
    assert old["ProductFields"]["keysweep/Help"] == "docs/practices.md#old-key"
    assert [each["Resources"][0]["Type"] for each in (old, root, trail)] == [
        "AwsIamAccessKey", "AwsAccount", "AwsAccount"
    ]  # fmt: skip
    assert hub(everything(), hub_region="eu-central-1")[0]["ProductArn"].startswith("arn:aws:securityhub:eu-cen")


def test_findings_of_two_runs_have_the_same_ids_and_what_is_mended_is_archived() -> None:
    before = audit(account(user(key(1, age=400)), user(key(2, "b", age=400), name="b")))
    now = audit(account(user(key(1, age=3))))
    change = since(now, Bounds(), [summary(before, Bounds(), None, NOW - timedelta(days=1))])
    ids = {each["Id"] for each in hub(before)}
    mended = hub(now, change=change)
    assert {each["Id"] for each in mended} == ids
    assert {(each["RecordState"], each["Compliance"]["Status"]) for each in mended} == {("ARCHIVED", "PASSED")}
    assert {each["Description"] for each in mended} == {"It is mended.", "There is no such key any more."}


def test_many_accounts_are_told_in_requests_of_a_hundred_for_each() -> None:
    told = many(3, 700)
    assert len(hub(told)) == len(told.lapses) > 300


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_findings_are_valid_in_every_partition(partition: str) -> None:
    told = audit(account(user(key(1, age=400)), partition=partition))
    assert {each["ProductArn"].split(":")[1] for each in hub(told)} == {partition}


def test_json_says_ages_ids_and_what_has_changed() -> None:
    told = everything()
    before = audit(account(user(key(3, "quiet", age=100), name="quiet")))
    change = since(told, Bounds(), [summary(before, Bounds(), None, NOW - timedelta(days=1))])
    document = json.loads(written("json", told, replace(FACTS, change=change)))
    assert {each["help"] for each in document["lapses"]} >= {"docs/practices.md#root-key"}
    assert document["since"]["unjudged"] == [lapse_id(each) for each in before.lapses]
    assert len(document["since"]["new"]) == len(told.lapses)
    assert sum(each["keys"] for each in document["ages"]["bands"]) == 10
    assert json.loads(written("json", told))["since"] is None


def test_text_says_how_old_keys_are_and_what_has_changed() -> None:
    text = " ".join(written("text", everything()).split())
    assert "age of active keys: 3 of 0-30 days, 1 of 31-90 days" in text
    assert "3 older than the 90 days that are allowed" in text
    assert "since the last" not in text
    told = audit(account(user(key(1, age=3))))
    before = summary(audit(account(user(key(1, age=300)))), Bounds(), None, NOW - timedelta(days=1))
    change = since(told, Bounds(), [before])
    text = written("text", told, replace(FACTS, change=change))
    assert "since the last complete run on 2026-11-26 12:00 UTC: nothing new, 1 mended." in text
    assert "  mended  old-key: AKIA0000000000000001 of deploy" in text


def test_a_page_of_many_accounts_is_bounded_and_has_all_keys() -> None:
    text = written("html", many(200, 2000))
    assert text.isascii()
    assert len(text) < 5_000_000
    assert text.count('<tr class="row"') == 2000
    assert text.count('<details class="account"') == 200


def test_a_key_of_which_something_is_not_known_is_not_called_fine() -> None:
    assert "not all known" in written("html", audit(account(user(key(1, age=None)))))
    assert "not all known" not in written("html", audit(account(user(key(1)))))
    assert shown("a\x1b") == "a\\x1b"


def test_what_replaces_a_key_is_told_with_its_snippet_and_notes_are_told_in_every_format() -> None:
    told = everything()
    (lapse,) = (each for each in told.lapses if each.replacement)
    assert lapse.replacement
    page = html.unescape(written("html", told))
    assert lapse.replacement.snippet.rstrip() in page
    assert all(snippet.rstrip() in page for _, snippet in lapse.replacement.more)
    for form in FORMATS:
        plain = " ".join(html.unescape(written(form, told)).split())
        assert lapse.replacement.title in plain, form
        assert "something was not asked" in plain or form == "asff"


def test_a_page_has_snippets_for_the_most_urgent_keys_only() -> None:
    people = (user(key(number, f"ci{number}", use=USED_BY_GITHUB), name=f"ci{number}") for number in range(120))
    text = written("html", audit(account(*people)))
    assert text.count("the JSON report has it ready") == 20
    assert len(text) < 1_200_000


@pytest.mark.parametrize("form", ["text", "json", "csv", "sarif", "html"])
def test_an_account_that_was_not_read_is_told_with_the_leaked_keys_that_are_its_own(form: str) -> None:
    leaked = tuple(f"AKIA{number:016d}" for number in range(2))
    unreached = Unreached("777788889999", "sandbox", "no role", leaked)
    told = " ".join(written(form, audit(unreached=(unreached,))).split())
    assert all(each in told for each in leaked)


def test_text_says_how_to_end_leaked_keys_of_users_also_below_one_of_the_root_user() -> None:
    root, leaked = key(7, None), key(1)
    both = account(user(leaked), root_keys=(root,))
    told = written("text", audit(both, leaks={each.key_id: Leak(None, ()) for each in (root, leaked)}))
    assert "deactivate it at once" in told
    assert f"keysweep contain {leaked.key_id}" in told
    assert f"keysweep contain {root.key_id}" not in told
