"""The expert, and truth in place of a module."""
