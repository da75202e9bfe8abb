"""Many people at once: the volunteers, what is measured of a hub, and the hubs themselves."""
