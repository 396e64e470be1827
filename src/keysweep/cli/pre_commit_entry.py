"""keysweep's entry in a `.pre-commit-config.yaml`: text put between the lines of somebody else's file.

There is no parser here, and a parser would lose comments and formatting. So only a file in which every line is
what it seems is edited: block style, one list of repositories at the top level, no string or bracket that goes on
in the next line. Anything else is left to whoever wrote it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

FILE_NAME = ".pre-commit-config.yaml"
HOOKS = ("keysweep", "keysweep-commit-msg", "keysweep-pre-push")
INSTALL = "pre-commit install -t pre-commit -t commit-msg -t pre-push"
_NEW = "default_install_hook_types: [pre-commit, commit-msg, pre-push]\nrepos:\n"
_TOP_KEY = re.compile(r"[A-Za-z_][\w-]*:(?:\s|$)")
_REPOS = re.compile(r"repos:(\s*\[\s*\])?\s*(?:#.*)?")
_ITEM = re.compile(r"( *)-( +)(?=\S)")
_HOOK_ITEM = re.compile(r"^( *)hooks:\s*\n( *)-( +)id:", re.MULTILINE)
_ID = re.compile(r"\bid['\"]?:\s*['\"]?(keysweep(?:-[a-z-]+)?)(?=['\"]?(?:[\s,}]|$))")
_BLOCK = re.compile(r"[|>][-+0-9]*$")
_PLAIN = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9@/._~+-]*(?::[A-Za-z0-9@/._~+-]+)*")
_TEXT = re.compile(r".*/.*|v[0-9][0-9.]*|[0-9a-f]*[abcdf][0-9a-f]*")
"""What YAML takes for no number, and for no `null` either."""


def missing(text: str) -> tuple[str, ...]:
    """The hooks of keysweep that a configuration does not have yet."""
    there = {found for line in text.splitlines() for found in _ID.findall(_without_comment(line))}
    return tuple(each for each in HOOKS if each not in there)


def entry(repo: str, rev: str, *, indent: str = "", gap: str = " ", hook: str | None = None) -> list[str]:
    """The lines of the entry, indented as others are."""
    inner = f"{indent} {gap}"
    dash = f"{inner}  -{gap}" if hook is None else f"{inner}{hook}"
    return [
        f"{indent}-{gap}repo: {_scalar(repo)}",
        f"{inner}rev: {_scalar(rev)}",
        f"{inner}hooks:",
        *(f"{dash}id: {each}" for each in HOOKS),
    ]


def new_file(repo: str, rev: str) -> str:
    """A configuration with nothing but the entry."""
    return _NEW + "".join(f"{line}\n" for line in entry(repo, rev, indent="  "))


def added(content: bytes, repo: str, rev: str) -> bytes | None:
    """The file with the entry behind the other repositories; None where that cannot be told to be right."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    ending = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n") if ending == "\r\n" and text.count("\r\n") == text.count("\n") else text
    if not all(each.isprintable() or each in "\n\t" for each in plain):
        return None
    lines = plain.split("\n")
    place = _place(lines)
    if place is None:
        return None
    at, is_empty = place
    if at == len(lines) and any(_BLOCK.search(_without_comment(line).rstrip()) for line in lines):
        return None  # a block that ends with the file, and would get a line end that it has not
    head = lines[:at]
    if is_empty:
        head[-1] = "repos:" + _comment_of(head[-1])
        new = entry(repo, rev, indent="  ")
    else:
        new = entry(repo, rev, **_manner(lines, plain))
    rest = lines[at:] or [""]
    return ending.join([*head, *new, *rest]).encode("utf-8")


def _place(lines: Sequence[str]) -> tuple[int, bool] | None:
    """Before which line the entry belongs, and whether the list is empty; None where it is not clear."""
    repos = None
    is_in_list, has_block, last, dash = False, False, 0, None
    for number, line in enumerate(lines):
        bare = _without_comment(line).rstrip()
        if not bare:
            if line.strip() and is_in_list and has_block and line.startswith(" "):
                last = number  # it may be no comment but a line of the block
            continue
        if not _is_simple(line, bare):
            return None
        if bare == "---" and repos is None and not any(map(str.strip, map(_without_comment, lines[:number]))):
            continue
        if _TOP_KEY.match(line):
            is_in_list = False
            if line.startswith("repos:"):
                found = _REPOS.fullmatch(line)
                if found is None or repos is not None:
                    return None
                repos = found
                is_in_list, last = found[1] is None, number
            continue
        item = _ITEM.match(line)
        if is_in_list:
            if dash is None:
                if item is None:
                    return None
                dash = len(item[1])
            indent = len(line) - len(line.lstrip(" "))
            if indent < dash or (indent == dash and item is None):
                return None
            last, has_block = number, has_block or bool(_BLOCK.search(bare))
        elif line[0] != " ":
            return None
    if repos is None or (repos[1] is None and dash is None):
        return None
    return last + 1, repos[1] is not None


def _is_simple(line: str, bare: str) -> bool:
    """Whether nothing on a line goes on in the next one, and its indentation is what it seems."""
    indent = line[: len(line) - len(line.lstrip())]
    if indent.strip(" ") or bare.startswith(("...", "%")) or (bare.startswith("---") and bare != "---"):
        return False
    if any(bare.count(each) % 2 for each in "\"'"):
        return False
    unquoted = re.sub(r"\"[^\"]*\"|'[^']*'", "", bare)
    return all(unquoted.count(one) == unquoted.count(other) for one, other in ("[]", "{}"))


def _without_comment(line: str) -> str:
    """A line up to its comment; quotes before a `#` have to be closed for it to begin one."""
    for found in re.finditer(r"(?:^|(?<=\s))#", line):
        before = line[: found.start()]
        if not any(before.count(each) % 2 for each in "\"'"):
            return before
    return line


def _comment_of(line: str) -> str:
    comment = line[len(_without_comment(line)) :]
    return f"  {comment}" if comment else ""


def _manner(lines: Sequence[str], text: str) -> dict[str, str]:
    """How the entries of this file are indented."""
    indent, gap = next(_items(lines))
    manner = {"indent": indent, "gap": gap}
    if found := _HOOK_ITEM.search(text):
        deeper = len(found[2]) - len(found[1])
        if deeper >= 0:
            manner["hook"] = " " * deeper + "-" + found[3]
    return manner


def _items(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Indentation of the dash, and blanks behind it, of each item below `repos`."""
    start = next(number for number, line in enumerate(lines) if line.startswith("repos:"))
    for line in lines[start + 1 :]:
        if found := _ITEM.match(line):
            yield found[1], found[2]


def _scalar(text: str) -> str:
    """A string as YAML reads it back: plain where nothing in it means anything."""
    return text if _PLAIN.fullmatch(text) and _TEXT.fullmatch(text) else json.dumps(text, ensure_ascii=False)
