"""Compiled loops of the CPU; everything here has a plain tensor form that tests compare it with.

::

    hashing     random numbers as a hash of a key and of the place where they are used; popcount
    response    one pulse of one device, by the formula of its table
    trains      pulse trains as words of 32 slots
    coincidence counts of coincidences from these words, and the pulses themselves
    converters  DAC and ADC around a matrix product
    freshness   machine code of other sources is not used

Loops release Python's lock, so that large arrays are shared between threads by :func:`.threads.share`.
"""

from analogcli.crossbar.kernels.freshness import forget_stale

forget_stale()
