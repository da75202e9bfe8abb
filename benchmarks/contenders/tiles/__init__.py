"""What the benchmark of tiles is made of: the tables, the tiles asked for, and who answers."""
