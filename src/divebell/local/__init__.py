"""Running an event on this machine: programs, supervisor, ports, health, and stopping all of it again."""
