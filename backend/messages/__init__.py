"""What is sent and answered, and how /docs describes it."""
