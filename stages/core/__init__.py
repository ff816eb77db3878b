"""What every layer shares: observations, decisions, steps, errors, progress."""
