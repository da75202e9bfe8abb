"""What a volunteer uses in a notebook, and what makes the notebook ready."""
