"""python -m penjing."""

from penjing.cli.main import main

if __name__ == "__main__":
    main()
