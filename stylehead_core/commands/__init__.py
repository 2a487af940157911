"""The sub-commands of ``stylehead`` that belong to no other room, one a file."""
