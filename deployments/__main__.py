"""`python -m deployments`: the command line."""

from deployments.command_line import main

if __name__ == "__main__":  # the workers of a cluster on this machine import it, and must not run it
    main()
