"""What each command of the command line takes and does; `ibteach.cli` is where they come together."""
