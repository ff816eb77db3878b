"""PyRep's surface, as far as RLBench's simulator is driven through it."""
