"""How good the trained systems are, and why.

In: trained systems, splits/books.csv, measurements of the covers. Out: evaluation/: predictions, scores with
intervals, and the analysis of colour, shape, overlap, calibration and significance. Chapter 5 of the dissertation.
"""
