"""The doctor that runs in a step: modules on Python 3.8's standard library, which ``joined`` makes one file of."""
