"""How a study runs: its folder, its stages, what each depends on, and the manifests that say what was done.

In: settings, and the declarations of stages in all rooms. Out: the graph of stages, their keys and states, manifests.
The dissertation ran its notebooks by hand; its section 3.1 says why sessions are interrupted.
"""
