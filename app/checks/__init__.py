"""What `migrator doctor` looks at, one room of the installation in each module; nothing here changes anything."""
