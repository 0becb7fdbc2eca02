"""The program: `bookcover`, or `python -m deployments`. It hears Ctrl-C before the command line is imported."""

from deployments.interruption import end_at_once


def main() -> None:
    """Run the command line."""
    end_at_once()
    from deployments.command_line import main as run  # noqa: PLC0415 - takes a third of a second

    run()


if __name__ == "__main__":  # the workers of a cluster on this machine import it, and must not run it
    main()
