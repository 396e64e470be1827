"""The history of a repository: every object that was ever written, or the part of it that was asked for."""

import os

# numpy's OpenBLAS starts a thread for every core when it is imported, and each spins for a while. Nothing here
# multiplies matrices, and processes that fork workers are better off without threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
