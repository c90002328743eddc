"""Everything Plumbline raises on purpose, split by what the caller can do.

PlumblineError
├── InputError            fix the input: the message names the file, the case and the value
│   ├── PolicyError       … the policy file
│   └── UnknownIdError    … nothing of that name is stored
├── MoreNeededError       collect more: labels, cases, a look that was not planned
├── RetryError            try again: a server, a lock, a network
│   └── StudioError       … Label Studio did not answer, or not as agreed
└── SetupError            give up until the machine changes: a missing device, package or program
"""


class PlumblineError(Exception):
    """Base of all errors raised on purpose; the command line prints its message without a traceback."""


class InputError(PlumblineError):
    """The input is wrong; the message says which value, where."""


class PolicyError(InputError):
    """The policy file is wrong."""


class UnknownIdError(InputError):
    """Nothing of that name is stored."""


class MoreNeededError(PlumblineError):
    """There is not enough evidence yet to do what was asked."""


class RetryError(PlumblineError):
    """Something outside did not answer; asking again may help and does no harm."""


class StudioError(RetryError):
    """Label Studio did not answer, or not as agreed."""


class SetupError(PlumblineError):
    """This machine lacks what was asked for: a device, a package, a program."""
