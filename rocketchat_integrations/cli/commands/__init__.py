"""The commands: one module for each, with its name. A module is loaded when its command is used."""
