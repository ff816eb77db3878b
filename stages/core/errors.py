"""The one error that is meant for people: the command line prints it as a single line and exits non-zero."""


class UserError(Exception):
    """Something the user can put right.

    Args:
        what: what is wrong and where, one sentence without a final full stop.
        hint: what to do next, one imperative sentence without a final full stop; may be empty.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}. {hint}." if hint else f"{what}.")
        self.what = what
        self.hint = hint
