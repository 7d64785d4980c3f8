"""`python -m aihandler`: the command line."""

from aihandler.cli import main

main()
