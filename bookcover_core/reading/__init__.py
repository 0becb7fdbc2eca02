"""Reading: the words on each cover, beside what its picture shows (the dissertation's networks only look).

In: `curation/selection.csv` and the covers that it names, shard by shard.
Out: `texts/`, a line of JSON for each cover: its words, each with the reader's confidence and its place.
"""
