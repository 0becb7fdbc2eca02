"""How flows are put to work: the command line, and the Prefect server that shows what they do."""
