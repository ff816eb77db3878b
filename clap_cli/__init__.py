"""The command line: parses, calls one function of `stages`, shows what came back."""
