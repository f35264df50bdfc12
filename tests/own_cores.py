"""A plugin: each worker of pytest-xdist has processors of its own, whatever starts there.

    python -m pytest -n 2 --dist loadfile -p tests.own_cores (part of make test)

Models that compute on the same processors wait for each other.
"""

import os

_worker = os.environ.get("PYTEST_XDIST_WORKER")
if _worker and hasattr(os, "sched_setaffinity"):
    _all, _count = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, _all[int(_worker.removeprefix("gw")) :: _count] or _all)
