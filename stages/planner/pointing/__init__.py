"""The vision-language model that points: backbone, families, pointer, KV-cache sessions."""
