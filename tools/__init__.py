"""What a maintainer runs. Each file is a command or is read by one; nothing here is installed."""
