"""Tables and the report that opens in a browser."""
