"""`python -m clap_cli` is `clap`, which `accelerate launch -m clap_cli` starts in several processes."""

from clap_cli.app import main

if __name__ == "__main__":
    main()
