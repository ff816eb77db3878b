"""Round 1: a language model writes the plan of an instruction, knowing what is in view."""
