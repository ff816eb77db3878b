"""Worker pool, distributed training, numeric precision."""
