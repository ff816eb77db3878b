"""What stands on the table: one file per family of things, each built from parameters."""
