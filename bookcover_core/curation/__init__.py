"""Which books the study is made of: box sets, replacements, splits."""
