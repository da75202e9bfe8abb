"""Certificates: an own one checked, an authority of the event's own, and one from an issuer, kept current."""
