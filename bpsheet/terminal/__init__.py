"""What all commands share: options, tables and progress on the terminal, ending by a signal."""
