"""The pages, one script each.

The folder is not called `pages`: Streamlit takes one of that name beside the main script for its older kind
of application, and runs a page without the main script when its address is the first that is opened.
"""
