"""Reviewing what is stored: experiments, models and adaptations."""
