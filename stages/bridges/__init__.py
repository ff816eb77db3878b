"""Other projects' data sets, in and out."""
