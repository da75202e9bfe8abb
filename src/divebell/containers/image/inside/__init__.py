"""What goes into the image as it stands. These modules run there, and know nothing else of divebell."""
