"""What RLBench's observations mean in our terms, whether they come from disk or from its simulator."""
