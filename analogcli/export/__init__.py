"""Stored results in other people's formats. Each format is imported when it is used."""
