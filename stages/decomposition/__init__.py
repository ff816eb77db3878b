"""Language plans of episodes: checked against what the hand did, or written by a language model and aligned to it."""
