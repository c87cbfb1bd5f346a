"""`python -m stream.cli` is `leeway`: how the supervisor starts its children, whatever PATH says."""

from stream.cli import main

if __name__ == "__main__":
    main()
