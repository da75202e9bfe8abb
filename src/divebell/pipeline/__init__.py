"""From a commit to tables: git, plan, stage, swap; the loader."""
