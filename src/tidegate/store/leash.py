"""Runs a program that must not outlive the process that asked for it. Run as a file, never imported.

    python -I -S leash.py <pid of the asking process> <program> [argument ...]

On Linux the kernel sends the program SIGTERM when the thread that started it ends, however it ends
(PR_SET_PDEATHSIG, prctl(2)); the setting survives execve. Elsewhere there is no such leash, and the program
is simply started.

A program of its own, because the same done between fork and exec of a process that has threads can deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    os.umask(0o077)  # what the program writes (the data, the log) is for its owner alone
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent_pid:
            # The parent died before the leash was on: nobody is left to send the signal.
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
