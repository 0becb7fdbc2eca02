"""Listings of books: fetched or read, checked record by record, numbered into chunks."""
