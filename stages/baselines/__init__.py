"""What CLAP is measured against."""
