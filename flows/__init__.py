"""Prefect flows: one module for each room of the core, and `study`, which composes them.

Two flows begin a study and store its settings; every other one is told the study's name. Each can be run alone and
again: what is done and still stands is not done twice.
"""
