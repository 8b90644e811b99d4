"""Teaching a classifier: what lies on the desk, and the parts of the page that draw it."""
