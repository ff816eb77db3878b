"""What the tiny base learns before any demonstration: procedural scenes and language, none of a benchmark's."""
