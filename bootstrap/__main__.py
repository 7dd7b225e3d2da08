"""`python -m bootstrap` is `hulian`."""

from bootstrap.cli import main

main()
