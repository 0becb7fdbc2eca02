"""Transfer learning: pooled features, the loop that trains heads and networks, comparison and search.

In: prepared covers, measurements, splits. Out: features/, comparison/, search/, and what a family keeps of a training.
Sections 3.2, 4.1 and 4.2 of the dissertation; the search is of section 5.4.
"""
