"""Prefect tasks: one module for each stage, each task a call of one function of the core.

A task adds what people see in the browser: its name, its log, its progress, a table of what it counted. Whether a
stage is done already is the core's to say (`bookcover_core.pipeline.manifests`): its word rests on the files as they
are, where a cached result would rest on what they once were. Such a task ends in the state `Cached`.
"""
