"""Pictures in the documentation: messages as Rocket.Chat shows them, and output of commands."""
