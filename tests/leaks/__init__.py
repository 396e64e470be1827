"""A net under the whole suite: no test may let keysweep show, store, log or raise a secret that the tests made.

    known.py        the secrets that `fixtures.keys` made in this process, and where they stand in some bytes
    readings.py     those bytes as they are, and out of base64, hexadecimal, percent signs and UTF-16
    startup/        on the path of every Python that a test starts: sitecustomize.py begins to look on there;
                    leak_watch.py is how, there and in the tests' own process; leak_spool.py takes it to the test
    processes.py    what processes print, whatever they are written in
    net.py          all that was seen while a test ran, and the leaks in it
    allowed.py      the one table of what is not looked at, and the marker of tests that show secrets on purpose
    plugin.py       what puts this around every test
    test_net.py     proves that it catches, by the tests in leaking_tests.py, each of which leaks

What it can't see:

- a secret that `fixtures.keys` did not make, such as one that an emulator hands out;
- what keysweep writes in the tests' own process into a stream, or sends to a server, that the test made;
- before Python 3.12 an exception of another kind than `KeysweepError`, unless it ends in a traceback;
- in a Python without `site`, as hooks that are installed run, anything but what it prints;
- what stands in a file compressed or encrypted, and an environment, which only the same user can read.
"""
