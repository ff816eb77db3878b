"""RLBench's own simulator, for those who have CoppeliaSim; see docs/rlbench.md."""
