"""The refusal of a command of the shell; a module of its own, so that `stop` loads nothing else."""


class CommandRefused(Exception):
    """Refuse to run a command of the shell; the message says what to do instead."""
