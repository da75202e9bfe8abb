"""What Ansible loads to tell us how far it is; nothing here is imported by divebell itself."""
