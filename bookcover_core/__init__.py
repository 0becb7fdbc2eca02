"""Can a convolutional network judge a book by its cover? The science, in plain Python.

Ground floor: `settings`, `errors`, `genres`, `pipeline`.
Rooms, in the order of the data; each may import from those before it, never from those behind it:
`listings`, `covers`, `curation`, `preparation`, `models`, `training`, `evaluation`, `visualisation`, `inference`,
`report`.
`demo_data` stands aside: an invented publisher, whose covers and listings a study can be tried on.
"""

__version__ = "0.1.0"
