"""Reads seedbed results files as named NumPy arrays and compares runs, sample by sample.

    from seedbed_analysis import open_results
    results = open_results("margins.h5")
    results.trials["test_accuracy"]                      # one value per committed trial
    results["margins/train"][results.select(seed=0)]     # [trial, point, sample], read when asked for
"""

from .results import Array, Results, ResultsError, open_results

__all__ = ["Array", "Results", "ResultsError", "open_results"]
