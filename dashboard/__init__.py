"""The dashboard: teach a classifier and review experiments in a browser, over the API alone."""
