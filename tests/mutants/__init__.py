"""Whether the tests notice when the pure core is changed: mutants made by mutmut, counted with prose left out."""
