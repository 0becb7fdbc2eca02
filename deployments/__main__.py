"""`python -m deployments`: the command line."""

from deployments.command_line import main

main()
