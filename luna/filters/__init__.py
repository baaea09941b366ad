"""The language in which people say which runs they want to see. Pure: text in, a condition out."""
