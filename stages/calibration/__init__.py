"""Where cameras are, from images of a printed board and the poses of the hand."""
