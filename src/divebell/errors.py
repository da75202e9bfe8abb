"""The one kind of error that a user can put right."""


class DivebellError(Exception):
    """Something the user can put right: says where, what, and what to do next.

    The command line prints it without a traceback (with one under ``--verbose``).
    """

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.next_step}" if self.next_step else self.message
