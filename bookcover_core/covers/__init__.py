"""Covers (section 3.1): downloaded, or imported from a folder or archive, checked, and entered in the ledger.

In: `listings/books.csv`, chunk by chunk, and the hosts, folder or archive that have the images.
Out: `covers/<genre>/<FILENAME>`, byte for byte as received, and `ledger/`, the outcome of every record.
"""
