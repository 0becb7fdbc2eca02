"""Prefect flows: one for each step of a study, and `study`, which composes them.

Two flows begin a study and store its settings; every other one is told the study's name. Each can be run alone and
again: what is done and still stands is not done twice.

The process of a run that comes from a deployment begins in an empty folder, as Prefect looks for packages where it is,
and people have packages named `flows` of their own. It enters the folder in which it is to work here, where it first
meets this project; the environment names it.
"""

import os

RUN_HOME = "BOOKCOVER_RUN_HOME"
"""Names the folder in which a run works; set for its process alone, by `deployments.runner` or a worker."""

if RUN_HOME in os.environ:
    os.chdir(os.environ[RUN_HOME])
