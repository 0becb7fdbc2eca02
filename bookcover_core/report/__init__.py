"""The report on a study, and the comparison of two.

In: everything that the stages left in a study's folder. Out: report/: one HTML page, figures, tables, results.json.
All chapters of the dissertation, with its published numbers beside the study's.
"""
