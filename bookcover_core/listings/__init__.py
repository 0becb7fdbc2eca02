"""Listings (section 3.1): the books and genres of a study.

In: the listings of BookCover30 and Book32, one listing of any kind, or a folder of images with a subfolder per genre.
Out: `listings/books.csv` and `listings/genres.csv`, every record checked, unaltered, and numbered into chunks.
"""
