"""What stands in the hooks that keysweep installs: one shell script for each stage."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

MARK = "# keysweep hook: `keysweep uninstall` takes it out again and puts back what was here before."
CHAINED = ".before-keysweep"
_READING = ("pre-push", "pre-receive")
"""Stages that read from standard input, and have to leave it for whatever runs after them."""
_SCRIPT = """\
#!/bin/sh
{mark}
python={python}
packages={packages}
input={input}
run() {{
  if [ -x "$python" ] && [ -d "$packages/keysweep" ]; then
    "$python" -I -S -c '{start}' "$packages" hook {stage} "$@"
  elif command -v keysweep >/dev/null 2>&1; then
    keysweep hook {stage} "$@"
  else
    echo "keysweep: it is gone from $packages, so nothing was checked: run 'keysweep install' again," >&2
    echo "or take this hook out: $0" >&2
    return 3
  fi
}}
{check}
{chain}
"""
_START = "import sys; sys.path.append(sys.argv.pop(1)); from keysweep.__main__ import main; sys.exit(main())"
"""Without `site`, which takes a tenth of the hook's time; `keysweep.hook` loads it once something looks wrong."""
_CHAIN = """\
before={before}
if [ -x "$before" ]; then
  {feed}"$before" "$@" || exit $?
fi
exit 0"""


def script(stage: str, options: Sequence[str] = (), *, everywhere: bool = False) -> str:
    """The hook of a stage, which keysweep is called for with `options`, and then whatever was there before."""
    pushes = stage in _READING
    before = f'"$0{CHAINED}"'
    chain = _CHAIN.format(before=before, feed='printf "%s\\n" "$input" | ' if pushes else "")
    if everywhere:
        chain = chain.replace("\nexit 0", "\n" + _repository_hook(stage, feed=pushes))
    return _SCRIPT.format(
        mark=MARK,
        python=shlex.quote(sys.executable),
        packages=shlex.quote(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        start=_START,
        input='"$(cat)"' if pushes else '""',
        stage=" ".join([stage, *map(shlex.quote, options)]),
        check='printf "%s\\n" "$input" | run "$@" || exit $?' if pushes else 'run "$@" || exit $?',
        chain=chain,
    )


def passing_on(name: str) -> str:
    """A hook that does nothing but go on with the repository's own."""
    return f"#!/bin/sh\n{MARK}\n{_repository_hook(name, feed=False)}\n"


def _repository_hook(name: str, *, feed: bool) -> str:
    """Go on with the repository's own hook, which a global hooks directory would otherwise hide."""
    run = 'printf "%s\\n" "$input" | "$own" "$@"' if feed else 'exec "$own" "$@"'
    return f'own="$(git rev-parse --git-common-dir)/hooks/{name}"\n[ -x "$own" ] || exit 0\n{run}'
