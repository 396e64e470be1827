"""keysweep's entry in other people's pre-commit configurations, as a YAML parser reads them before and afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keysweep.cli.pre_commit_entry import HOOKS, added, entry, missing, new_file

REPO, REV = "https://git.example.net/keysweep.git", "v0.1.0"
OURS = {"repo": REPO, "rev": REV, "hooks": [{"id": each} for each in HOOKS]}

BLOCKS = {
    "two blanks": "repos:\n  - repo: https://a/b\n    rev: 1.0\n    hooks:\n      - id: black\n",
    "four blanks": "repos:\n-   repo: https://a/b\n    rev: 1.0\n    hooks:\n    -   id: black\n",
    "not indented": "repos:\n- repo: https://a/b\n  rev: 1.0\n  hooks:\n  - id: black\n  - id: other\n",
    "a key first": "default_stages: [pre-commit]\nrepos:\n- repo: https://a/b\n  rev: 1.0\n  hooks:\n  - id: black\n",
    "a key behind": "repos:\n- repo: https://a/b\n  rev: 1.0\n  hooks:\n  - id: black\n\n# about it\nfail_fast: true\n",
    "comments": "# top\nrepos: # all\n# first\n  - repo: https://a/b # x 'y\n    rev: 1.0\n    hooks:\n      - id: black\n  # - repo: old\n",
    "anchors": "x: &x {id: black}\nrepos:\n- &local\n  repo: local\n  hooks: [*x]\n- *local\n",
    "flow inside": "repos:\n- {repo: https://a/b, rev: '1.0', hooks: [{id: black}]}\n",
    "a block": "exclude: |\n  (?x)^(\n    repos/|\n  )$\nrepos:\n- repo: local\n  hooks:\n  - id: a\n    entry: |\n      echo\n      # no comment\n",
    "a document": "---\nrepos:\n- repo: https://a/b\n  rev: 1.0\n  hooks:\n  - id: black\n",
    "empty": "repos: []  # none yet\nfail_fast: true\n",
    "no final newline": "repos:\n- repo: https://a/b\n  rev: 1.0\n  hooks:\n  - id: black",
}
UNSAFE = {
    "flow": "repos: [{repo: local, hooks: []}]\n",
    "flow over lines": "repos: [\n{repo: local, hooks: []}\n]\n",
    "an alias": "x: &x []\nrepos: *x\n",
    "an anchor": "repos: &x\n- repo: local\n",
    "a quoted key": '"repos":\n- repo: local\n',
    "two of them": "repos:\n- repo: a\nrepos:\n- repo: b\n",
    "tabs": "repos:\n\t- repo: local\n",
    "no list": "repos:\n",
    "none": "fail_fast: true\n",
    "two documents": "repos:\n- repo: local\n---\nrepos:\n- repo: local\n",
    "a string over lines": 'x: "a\nrepos:\n- b"\nrepos:\n- repo: local\n',
    "a bracket over lines": "x: [a,\nb: c]\nrepos:\n- repo: local\n",
    "mixed line ends": "repos:\r\n- repo: local\n",
    "old line ends": "repos:\r- repo: local\r",
    "a byte order mark": "\ufeffrepos:\n- repo: local\n",
    "a list": "- repo: local\n",
    "a directive": "%YAML 1.1\n---\nrepos:\n- repo: local\n",
    "an escape": "repos:\n- repo: local # \x1b[2J\n",
}


def loaded(content: bytes) -> Any:
    return yaml.safe_load(content.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_entry_comes_last_and_everything_else_stays_as_it_was(name: str, ending: str) -> None:
    before = BLOCKS[name].replace("\n", ending).encode()
    after = added(before, REPO, REV)
    assert after is not None
    expected = loaded(before)
    expected["repos"].append(OURS)
    assert loaded(after) == expected
    left = iter(after.decode().splitlines())
    assert all(line in left for line in before.decode().splitlines() if name != "empty"), "a line was changed"
    assert after.endswith(ending.encode())
    assert after.count(b"\r\n") == (after.count(b"\n") if ending == "\r\n" else 0)
    assert missing(before.decode()) == HOOKS
    assert missing(after.decode()) == ()


@pytest.mark.parametrize("name", UNSAFE)
def test_what_may_be_read_otherwise_is_left_alone(name: str) -> None:
    assert added(UNSAFE[name].encode(), REPO, REV) is None


def test_what_is_no_utf_8_is_left_alone() -> None:
    assert added(b"repos:\n- repo: \xff\n", REPO, REV) is None


@pytest.mark.parametrize(
    "text",
    [
        "- repo: x\n  hooks:\n  - id: keysweep\n  - id: keysweep-commit-msg\n  - id: keysweep-pre-push # late\n",
        "- {hooks: [{id: keysweep}, {'id': 'keysweep-commit-msg'}, {\"id\": \"keysweep-pre-push\"}]}\n",
    ],
)
def test_hooks_that_are_there_are_seen_however_they_are_written(text: str) -> None:
    assert missing(text) == ()


def test_hooks_in_a_comment_and_others_of_a_like_name_are_not_there() -> None:
    text = "# - id: keysweep\n- id: x # id: keysweep-commit-msg\n- id: keysweeper\n- id: keysweep-pre-push\n"
    assert missing(text) == ("keysweep", "keysweep-commit-msg")


@given(
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1),
    st.text("0123456789abcdefv.x_~", min_size=1),
)
def test_whatever_the_address_is_yaml_reads_it_back(repo: str, rev: str) -> None:
    (read,) = yaml.safe_load("\n".join(entry(repo, rev)))
    assert (read["repo"], read["rev"]) == (repo, rev)
    made = yaml.safe_load(new_file(repo, rev))
    assert made["repos"] == [read]


LINES = st.sampled_from(
    [
        "repos:", "repos: []", "- repo: local", "  - repo: local", "    hooks:", "  hooks: []", "    - id: a",
        "  - id: keys", "# comment", "  # comment", "    # deeper", "", "fail_fast: true", "x: |", "  entry: |", "    text",
        "  'quoted", "  quoted'", "x: [a,", "b]", "---", "...", "  ? x", "- *a", "- &a", "\t- tab", "'repos':", "  x: 1",
        "files: ^(a|", "  b)$", "- - nested", "-", "x: >-", "- repo: local # 'x",
    ]
)  # fmt: skip


STARTS = st.sampled_from(["", "repos:\n- repo: local\n", "repos:\n  - repo: local\n    hooks:\n    - id: a\n"])


@given(STARTS, st.lists(LINES, max_size=8), st.booleans())
def test_any_file_is_either_left_alone_or_has_exactly_one_entry_more(
    start: str, lines: list[str], ends: bool
) -> None:
    before = (start + "\n".join(lines) + "\n" * ends).encode()
    after = added(before, REPO, REV)
    if after is None:
        return
    try:
        expected = loaded(before)
    except yaml.YAMLError:
        return  # it was broken before
    expected["repos"] = [*expected["repos"], OURS]
    assert json.dumps(loaded(after), default=str) == json.dumps(expected, default=str)
