"""`python -m kms_perimeter.cli`, where the command is not on the PATH."""

from kms_perimeter.cli.main import main

main(prog_name="kms-perimeter")
