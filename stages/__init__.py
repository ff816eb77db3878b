"""The stages of CLAP: each reads artifacts, writes one, and returns a small summary."""
