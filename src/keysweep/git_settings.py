"""What every git that keysweep starts is held to: flags, settings for `git -c`, and variables."""

from __future__ import annotations

import os

FLAGS = ("--no-pager", "--no-optional-locks", "--literal-pathspecs")
SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "core.quotePath=false",
    "core.sshCommand=false",
    "protocol.allow=never",
    "diff.external=",
    f"diff.orderFile={os.devnull}",
    "diff.relative=false",
    "diff.ignoreSubmodules=none",
    "core.alternateRefsCommand=",
    "credential.helper=",
    "log.showSignature=false",
    "log.decorate=false",
    "advice.graftFileDeprecated=false",
    "core.commitGraph=false",
    "core.packedGitWindowSize=16m",
    "core.packedGitLimit=96m",
    "safe.bareRepository=all",
    "init.defaultRefFormat=files",
)
USERS_OWN = ("core.sshCommand=", "credential.helper=", "protocol.allow=")
"""Settings that a clone leaves as the user has them: no repository has a say yet."""
CLONE_SETTINGS = (
    "transfer.fsckObjects=false",
    "fetch.fsckObjects=false",
    "transfer.bundleURI=false",
    "submodule.recurse=false",
    "maintenance.auto=false",
    "gc.auto=0",
)
"""Takes objects as they are, however odd, from the server that was named alone."""
DROPPED = (
    "GIT_TRACE",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_PAGER",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_PROXY",
    "GIT_QUARANTINE_PATH",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)
ADDED = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
"""Unlike `protocol.allow`, GIT_ALLOW_PROTOCOL outweighs what the repository allows for single protocols."""
UNATTENDED = {"GIT_ASKPASS": "", "GCM_INTERACTIVE": "never"}
"""For credential helpers: no question on a terminal or a screen."""
POINTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")
"""Variables by which a repository would have a say in which helper is asked."""
BOUNDED = ("core.bigFileThreshold=64m",)
BOUND = {"GIT_ALLOC_LIMIT": "640m"}
"""For what is read as it comes: git streams what is large, and gives up on deltas that make more than any should.

By itself git makes no delta of files above 512 MiB.
"""
