"""Closed-loop evaluation: rollouts, their statistics, and the report."""
