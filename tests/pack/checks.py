"""A suite of named checks: one line each, the sum at the end."""

import sys
import traceback

checks = []


def check(name):
    return lambda run: checks.append((name, run)) or run


def refused(run, *arguments):
    """Runs what must not succeed: a validator that accepts everything has shown nothing."""
    try:
        run(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it says, it said no
        return error
    raise AssertionError("it was accepted, and should not have been")


def main():
    failed = 0
    for name, run in checks:
        try:
            run()
            print(f"ok    {name}", flush=True)
        except Exception:  # noqa: BLE001 - every check runs, whatever failed before
            failed += 1
            print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
