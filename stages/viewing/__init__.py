"""Pictures and videos of artifacts."""
