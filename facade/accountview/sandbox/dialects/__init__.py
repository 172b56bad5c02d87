"""One module for each venue that the sandbox speaks for, found by its name; what two share begins with `_`."""
