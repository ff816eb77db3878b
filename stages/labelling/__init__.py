"""Steps, things and places of demonstrations that nobody labelled, from what the hand did and what it was told."""
