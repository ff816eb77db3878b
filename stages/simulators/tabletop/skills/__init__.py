"""What experts can do: one file a family of skills; each yields its motions one at a time."""
