"""An invented publisher: draws covers, lists them, serves them on loopback, and misbehaves on request."""
