"""RLBench's surface over the embedded simulator: the same calls in the same order, real images, its formats."""
