"""What a page of a server on this machine may do."""

POLICY = "connect-src 'self'; frame-ancestors 'none'"
"""The dashboard's pages ask nobody but their own server, least of all who counts visitors. They run in no frame. By it
a server of ours is known, too."""
