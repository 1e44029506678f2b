"""What several subcommands share: arguments, requests, models, targets, files, messages."""
