"""Running episodes and storing them."""
