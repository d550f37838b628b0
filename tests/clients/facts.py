"""How the check states what holds: one line per fact, and one clear sentence when one does not hold."""

import contextlib
import sys
import time

from botocore.exceptions import BotoCoreError, ClientError


class NotSo(Exception):
    """What was found instead of what should hold."""


@contextlib.contextmanager
def fact(sentence):
    """Prints the sentence when everything inside holds; otherwise says why it does not, and ends the program."""
    started = time.monotonic()
    try:
        yield
    except Exception as error:
        # What was foreseen says it in its own words; of anything else (a field that an answer lacks) the kind matters.
        known = isinstance(error, (NotSo, BotoCoreError, ClientError))
        found = error if known else f"{type(error).__name__}: {error}"
        sys.exit(f"NOT SO: {sentence}: {found}")
    print(f"ok {time.monotonic() - started:6.2f} s  {sentence}", flush=True)


def equal(what, found, wanted):
    """Found must be what is wanted."""
    if found != wanted:
        raise NotSo(f"{what} is {found!r}, it should be {wanted!r}")


def holds(condition, otherwise):
    """The condition must hold; otherwise says what was found."""
    if not condition:
        raise NotSo(otherwise)


def refused(code, call, **parameters):
    """The call must be refused with this error code."""
    try:
        call(**parameters)
    except ClientError as error:
        equal("the error code", error.response["Error"]["Code"], code)
        return
    raise NotSo(f"the call succeeded, it should be refused with {code}")


def eventually(what, seconds, probe):
    """Asks until the probe answers something, and gives that back."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(0.2)
    raise NotSo(f"{what} did not happen within {seconds} s")
