"""Families of systems: a module each, with the stage that makes one, what is asked of it afterwards, and its words.

In: features, prepared covers, splits. Out: models/<system>-<preparation>/, probabilities of the validation and test
books among it. Sections 4.1, 4.2 and 5.4. `registry` lists the families.
"""
