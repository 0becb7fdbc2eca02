"""Prefect flows: one module for each room of the core, and `study`, which composes them.

Every flow takes the whole settings, so that the form in the browser shows every knob, and can be run alone and again:
what is done and still stands is not done twice.
"""
