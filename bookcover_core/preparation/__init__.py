"""Preparation (section 3.2): covers measured and made square, as NoPrep, Padded and Cropped.

In: `curation/selection.csv` and the covers that it names, shard by shard.
Out: `prepared/`, the squares of each method, and the width, height and mean colour of each cover.
"""
