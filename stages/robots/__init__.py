"""Real arms and cameras."""
