"""The command line: one file per command; nothing else imports this room."""
