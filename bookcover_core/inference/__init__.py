"""Judging any cover: trained models of a study, and covers that people bring -> genres, similar covers, explanations.

In: models/<model>/, features/, curation/ of a study; files, folders and addresses of covers. Out: a verdict for each
cover. The dissertation has no such part; its section 5.3 asks what a network sees in a cover.
"""
