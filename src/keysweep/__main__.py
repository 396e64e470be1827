"""Process entry: the hook takes the fast path, everything else the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Run keysweep with the process's arguments and return its exit code."""
    try:
        if sys.argv[1:2] == ["hook"]:
            from keysweep.hook import main as hook_main

            return hook_main(sys.argv[2:])
        from keysweep.cli.main import main as cli_main

        return cli_main(sys.argv[1:])
    except KeyboardInterrupt:
        print("keysweep: interrupted before anything was scanned.", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
