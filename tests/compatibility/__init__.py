"""Long proofs of what input, interruption and want of room do to the toolkit: `make soak`."""
