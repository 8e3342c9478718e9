"""The host path of the role worker_selinux on a real virtual machine: see README.md."""
