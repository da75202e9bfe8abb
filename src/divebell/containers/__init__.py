"""Notebook servers in containers: the engine, the network around them, the image they are made from."""
