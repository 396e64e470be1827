"""What to do, in which order: contain first, then rewrite, and then everything that still has the old history."""

from __future__ import annotations

import os
from collections.abc import Sequence

from keysweep.frozen import frozen
from keysweep.purge.other_copies import other_copies
from keysweep.purge.plan import Plan
from keysweep.purge.safety import Safety
from keysweep.purge.ways import Way
from keysweep.purge.words import KEPT_BY_HOSTS, counted, named, refs_in_words

_BRANCHES = "refs/heads/"


@frozen
class Step:
    """One of them."""

    name: str
    """A stable name that JSON uses."""
    title: str
    says: tuple[str, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()


@frozen
class Given:
    """What the command line says, as the commands of the plan need it."""

    repository: str
    """What was scanned: an absolute path, or an address."""
    source: str
    """What the mirror is cloned from."""
    directory: str
    """Where the work is done."""
    mirror: str
    is_mirror: bool
    """Whether what was scanned is the mirror already."""
    replacements: str
    """The file of expressions, whether or not it was written."""
    is_written: bool
    findings: str
    """A findings file of the repository."""
    makes_findings: tuple[str, ...]
    """The scan that writes it; empty where it was given."""
    plans_again: tuple[str, ...]
    """The same plan for the mirror."""
    needs_findings: bool
    """Whether that takes the findings file."""
    checks: tuple[str, ...]
    """The scan of the mirror that must not find anything of it any more."""


def steps(plan: Plan, safety: Sequence[Safety], given: Given) -> tuple[Step, ...]:
    """All of them; `safety` is that of each leak."""
    return (
        _contain(plan, safety, given),
        _freeze(plan),
        _mirror(given),
        _rewrite(plan, given),
        _check(given),
        _publish(plan, given),
        _copies(plan),
        _reclone(plan, given),
    )


def blobs_file(replacements: str) -> str:
    """The file of blob IDs that goes with a file of expressions."""
    return f"{replacements}.blobs"


def names_file(replacements: str) -> str:
    """The file of paths that goes with a file of expressions."""
    return f"{replacements}.names"


def _contain(plan: Plan, safety: Sequence[Safety], given: Given) -> Step:
    if all(each.state.is_harmless for each in safety):
        return Step("contain", "Contain the keys: done", ("None of them lets anybody in any more.",))
    accounts = dict.fromkeys(
        leak.finding.account_id
        for leak, each in zip(plan.leaks, safety, strict=True)
        if leak.finding.account_id and not each.state.is_harmless
    )
    allowed = [word for each in accounts for word in ("--allow-account", each or "")]
    contain = ("keysweep", "contain", given.findings, *allowed)
    first = (_directory(given), given.makes_findings) if given.makes_findings else ()
    return Step(
        "contain",
        "Contain the keys first",
        (
            (
                "Whoever has a clone has the keys: rewriting makes none of them safe, switching them off does. "
                "The last command changes AWS, and asks about each key before it does."
            ),
        ),
        (*first, contain, (*contain, "--apply")),
    )


def _freeze(plan: Plan) -> Step:
    says = [
        (
            "Tell everybody who has a clone: from now on nobody pushes, until they have cloned again (step 8). "
            "Merge or close open pull requests: their branches will not fit any more."
        ),
        (
            "What changes: the ID of every commit from the first changed one on, on all branches; tags on "
            "those commits point to new ones; their signatures go; IDs in issues, releases and submodules of "
            "others lead nowhere. Commits that only touched what is removed become empty and are dropped."
        ),
    ]
    tips = sorted(
        {ref for leak in plan.leaks for each in leak.finding.exposures for ref in each.refs if ref != "HEAD"}
    )
    tips = [ref for ref in tips if ref.startswith(_BRANCHES)]
    if tips:
        says.append(
            f"The newest commit of {named(tips)} still holds something of it: take it out there by an ordinary "
            "commit first, so that nobody finds a file broken or missing after the rewrite."
        )
    return Step("freeze", "Tell people, and stop pushes", tuple(says))


def _mirror(given: Given) -> Step:
    if given.is_mirror:
        writes = () if given.is_written else ((*given.plans_again, "--write-replacements", given.replacements),)
        return Step("mirror", "Make a fresh mirror clone: done", ("This repository is one.",), writes)
    says = ["It has all refs, and nothing that no ref reaches. Everything from here on happens in it."]
    if not given.is_written:
        says.append(
            "The last command plans for what is really in it, and writes the files for step 4, for your eyes "
            "only: they hold the secrets."
        )
    commands: list[tuple[str, ...]] = [
        _directory(given),
        ("git", "clone", "--mirror", "--no-local", "--", given.source, given.mirror),
    ]
    if not given.is_written:
        if given.needs_findings and given.makes_findings:
            commands.append(given.makes_findings)
        commands.append((*given.plans_again, "--write-replacements", given.replacements))
    return Step("mirror", "Make a fresh mirror clone", tuple(says), tuple(commands))


def _directory(given: Given) -> tuple[str, ...]:
    return ("mkdir", "-p", "-m", "700", given.directory)


def _rewrite(plan: Plan, given: Given) -> Step:
    says = [
        "Needs git-filter-repo 2.47 or newer (pip install git-filter-repo) and git 2.36 or newer.",
    ]
    options: list[str] = []
    if plan.text:
        options += ["--replace-text", given.replacements, "--replace-message", given.replacements]
    if plan.blobs:
        options += ["--strip-blobs-with-ids", blobs_file(given.replacements)]
        paths = sorted(
            {path for leak in plan.leaks for copy in leak.copies if copy.way is Way.STRIP for path in copy.paths}
        )
        says.append(
            f"{counted(len(plan.blobs), 'version')} of files cannot be edited and go as a whole, from every "
            f"commit that has one: {named(paths) or 'without a path'}."
        )
    if plan.names:
        options += ["--paths-from-file", names_file(given.replacements)]
        says.append("Names of files that hold a secret are changed.")
    if plan.has(Way.LEFT):
        says.append(
            "Not taken out by this: what is marked by-hand above. For names and addresses of people write a "
            "mailmap and add --mailmap FILE (git help filter-repo)."
        )
    if "refs/notes/commits" in plan.around.refs:
        says.append("Notes stay with the old commits, so that none shows any more; their contents are rewritten.")
    if "refs/stash" in plan.around.refs:
        options.append("--force")
        says.append("--force, because git filter-repo takes no clone with a stash for a fresh one.")
    command = ("git", "-C", given.mirror, "filter-repo", "--sensitive-data-removal", *options)
    return Step("rewrite", "Rewrite the history", tuple(says), (command,))


def _check(given: Given) -> Step:
    alone = "Key IDs stay where they are: without a secret they let nobody in."
    return Step(
        "check",
        "Check before anybody sees it",
        (
            (
                "The scan must not show any of the credentials above (exit code 0, or 1 for others that you "
                f"did not plan for). {alone} If it does show one, plan again for the mirror and rewrite once "
                "more."
            ),
        ),
        (given.checks,),
    )


def _publish(plan: Plan, given: Given) -> Step:
    if given.source == given.repository and os.path.exists(given.source):
        clean = os.path.join(given.directory, "clean")
        return Step(
            "publish",
            "Put it in the place of the old one",
            (
                (
                    "The repository has no remote to push to: go on with a clone of the mirror, and delete the "
                    "old one."
                ),
            ),
            (("git", "clone", "--", given.mirror, clean),),
        )
    kept = [ref for ref in plan.refs if ref.startswith(KEPT_BY_HOSTS)]
    says = [
        "Only if nobody pushed since step 3: this overwrites every ref. " + _affected(plan),
    ]
    if kept:
        says.append(
            f"{counted(len(kept), 'ref')} of pull or merge requests ({named(kept)}) will be refused: the host "
            "keeps them, see step 7."
        )
    return Step(
        "publish",
        "Push it back",
        tuple(says),
        (("git", "-C", given.mirror, "push", "--force", "--mirror", "origin"),),
    )


def _copies(plan: Plan) -> Step:
    return Step("copies", "Everything else that has the old history", tuple(other_copies(plan.around)))


def _reclone(plan: Plan, given: Given) -> Step:
    files = [given.replacements]
    if plan.names:
        files.append(names_file(given.replacements))
    return Step(
        "reclone",
        "Everybody clones again",
        (
            (
                "Old clones are deleted, not pulled: one merge of old and new brings everything back. Who has "
                "work left makes patches of it first (git format-patch) and applies them to the new clone."
            ),
            (
                "Then destroy the files with the secrets (macOS has no shred: rm -P), and keep the map of old "
                "to new IDs, filter-repo/commit-map in the mirror. On SSDs and copying file systems "
                "overwriting proves nothing: what counts is that the keys are dead."
            ),
        ),
        (("shred", "-u", "--", *files),),
    )


def _affected(plan: Plan) -> str:
    refs = [each for each in plan.refs if not each.startswith(KEPT_BY_HOSTS)]
    return f"Affected: {refs_in_words(refs)}." if refs else "No ref leads to what is removed."
