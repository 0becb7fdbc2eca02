"""Curation (section 3.1): which books the study is made of.

In: `listings/books.csv`, the ledgers and covers of the download, and people's decisions on box sets.
Out: near duplicates, `curation/selection.csv`, `curation/replacements.csv`, and the split in `splits/books.csv`.
"""
