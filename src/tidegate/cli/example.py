"""What stands below a command's `--help`: a command line that works."""


def example(*lines: str) -> str:
    """The epilog of a command: these lines, as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
