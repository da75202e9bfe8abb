"""Install an event on a server over SSH, with the Ansible playbook that lies beside this file."""
