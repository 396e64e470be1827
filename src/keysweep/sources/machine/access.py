"""Who else gets to a file: by its permissions and those above it, by synchronisation, by git."""

from __future__ import annotations

import os
import re
import stat

from keysweep.frozen import frozen

_SYNCHRONISED = re.compile(
    r"(?:Dropbox|OneDrive|Google ?Drive|Nextcloud|ownCloud|iCloud ?Drive|Mobile Documents|CloudStorage|pCloudDrive"
    r"|pCloud Drive|MEGA(?:sync)?|Proton Drive|Box(?: Sync)?|Seafile|SynologyDrive|Yandex\.Disk|Syncthing|Sync)"
    r"(?: \(.*\)| - .*)?",
    re.IGNORECASE,
)
"""Names of folders as their programs make them."""


@frozen
class Access:
    """What lets others get to a file."""

    readers: str = ""
    """Who may read it beside its owner: `everybody`, or `group 50`."""
    writers: tuple[str, ...] = ()
    """Who may change it, or put another in its place, and where, a clause each."""
    directories: tuple[str, ...] = ()
    """Those above it that others may write."""
    owner: str = ""
    """Whose it is, where it is neither that of whose home it is in nor root's, who gets to everything."""
    synchronised: str = ""
    """The synchronised folder in which it is."""
    work_tree: str = ""
    """The top of the git work tree in which it is."""


def access_to(path: str, home: str) -> Access:
    """How things are for the file `path`, a real path; nothing for what is gone."""
    above = _above(path)
    try:
        status = os.stat(path)
        statuses = [os.stat(each) for each in above]
        owner = os.stat(home).st_uid
    except OSError:
        return Access()
    synchronised, work_tree = _surroundings(above, home)
    if os.name != "posix":  # what `stat` says there is none of the lists that decide
        return Access(synchronised=synchronised, work_tree=work_tree)
    open_above = {
        each: who
        for number, each in enumerate(above)
        if not statuses[number].st_mode & stat.S_ISVTX
        and (who := _who(statuses[number], statuses[number + 1 :], stat.S_IWOTH, stat.S_IWGRP))
    }
    writer = _who(status, statuses, stat.S_IWOTH, stat.S_IWGRP)
    is_theirs = home in above and status.st_uid not in (owner, 0)
    return Access(
        _who(status, statuses, stat.S_IROTH, stat.S_IRGRP),
        (
            *([f"{writer} may write it"] if writer else []),
            *(f"{who} may write {each}, and put another in its place" for each, who in open_above.items()),
        ),
        tuple(open_above),
        f"user {status.st_uid}" if is_theirs else "",
        synchronised,
        work_tree,
    )


def _who(status: os.stat_result, above: list[os.stat_result], everybody: int, group: int) -> str:
    """Who beside the owner may do what these bits of a mode stand for, and gets that far."""
    if status.st_mode & everybody and _lets_in(above, status.st_gid, everybody=True):
        return "everybody"
    if status.st_mode & group and _is_shared(status) and _lets_in(above, status.st_gid, everybody=False):
        return f"group {status.st_gid}"
    return ""


def _above(path: str) -> list[str]:
    """Its directory and those above, up to the top."""
    found = []
    while (parent := os.path.dirname(path)) != path:
        found.append(parent)
        path = parent
    return found


def _is_shared(status: os.stat_result) -> bool:
    """Whether others may be in its group. Many systems give each user one of the same number, and nobody else."""
    return status.st_gid != status.st_uid


def _lets_in(above: list[os.stat_result], group: int, *, everybody: bool) -> bool:
    """Whether every directory above can be passed, by everybody or by somebody of the group."""
    return all(
        each.st_mode & stat.S_IXOTH or (not everybody and each.st_gid == group and each.st_mode & stat.S_IXGRP)
        for each in above
    )


def _surroundings(above: list[str], home: str) -> tuple[str, str]:
    synchronised = work_tree = ""
    for each in above:
        if not synchronised and _is_synchronised(each):
            synchronised = each
        if not work_tree and os.path.lexists(os.path.join(each, ".git")):
            work_tree = each
        if each == home:
            break
    return synchronised, work_tree


def _is_synchronised(directory: str) -> bool:
    named = _SYNCHRONISED.fullmatch(os.path.basename(directory))
    return bool(named) or os.path.lexists(os.path.join(directory, ".stfolder"))
