"""What the exit code of every command means."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Codes that scripts may rely on."""

    DONE = 0
    #: Refused by a rule, or something is not healthy.
    REFUSED = 1
    #: The command line was not understood.
    USAGE = 2
    #: `EX_CONFIG` of sysexits.h.
    BAD_CONFIGURATION = 78
