"""The list of checks, which the files `check_*.py` add to."""

CHECKS = []


def check(function):
    """Registers a check. It is called with the server's address, or if it has a parameter of the name, with the
    address of a server that asks for `KEY` as well."""
    CHECKS.append(function)
    return function


KEY = "a-key-of-the-tests"
