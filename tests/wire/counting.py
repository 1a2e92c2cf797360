"""Runs checks, says which failed, and counts."""

import os
import sys
import time
import traceback


def run(title, checks):
    """Each check is a name and a function. Ends the process with 1 where one failed."""
    only = os.environ.get("ONLY", "")
    checks = [(name, check) for name, check in checks if only in name]
    failed, begun = 0, time.monotonic()
    for name, check in checks:
        try:
            check()
            print("ok    ", name, flush=True)
        except Exception:  # every check is to run, and its failure to be seen
            failed += 1
            print("FAILED", name, flush=True)
            traceback.print_exc()
    took = time.monotonic() - begun
    print(f"{len(checks) - failed} passed, {failed} failed: {title}, {took:.0f} s", flush=True)
    return failed


def end(*failed):
    sys.exit(1 if any(failed) else 0)
