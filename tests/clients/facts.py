"""Prints one line per fact, and a message if a fact is false."""

import contextlib
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError


class CheckFailed(Exception):
    """A fact is false. The message has the actual value."""


@contextlib.contextmanager
def fact(sentence):
    """Prints the fact if its block raises nothing; otherwise prints the reason and ends the program."""
    started = time.monotonic()
    try:
        yield
    except Exception as error:
        # Other errors, for example a missing field of a response, are shown with their type.
        is_expected = isinstance(error, (CheckFailed, BotoCoreError, ClientError))
        reason = error if is_expected else f"{type(error).__name__}: {error}"
        sys.exit(f"FAILED: {sentence}: {reason}")
    print(f"ok {time.monotonic() - started:6.2f} s  {sentence}", flush=True)


def equal(what, found, expected):
    """The found value must be the expected one."""
    if found != expected:
        raise CheckFailed(f"{what} is {found!r}, it should be {expected!r}")


def holds(condition, message):
    """The condition must be true; otherwise the message says what was found."""
    if not condition:
        raise CheckFailed(message)


def refused(code, call, **parameters):
    """The call must fail with this error code."""
    try:
        call(**parameters)
    except ClientError as error:
        equal("the error code", error.response["Error"]["Code"], code)
        return
    raise CheckFailed(f"the call succeeded, it should fail with {code}")


def eventually(what, seconds, probe):
    """Calls the probe until it returns a value, and returns that value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = probe()
        if value:
            return value
        time.sleep(0.2)
    raise CheckFailed(f"{what} did not happen within {seconds} s")
