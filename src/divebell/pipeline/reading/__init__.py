"""Strangers' files are opened here: a process a file, under limits, streams it to the loader."""
