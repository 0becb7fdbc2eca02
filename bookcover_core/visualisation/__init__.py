"""Pictures of results, and of what a network has learnt.

In: evaluation/, models/<model>/, histories. Out: matplotlib figures, and visualisation/<model>/: ideal pictures of
genres (activation maximisation) and heat maps of covers (Grad-CAM). Section 5.3 and all figures of the dissertation.
"""
