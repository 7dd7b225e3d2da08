"""`python -m bootstrap` is `hulian`."""

from bootstrap.cli.main import main

main()
