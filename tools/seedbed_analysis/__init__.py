"""Reads seedbed results files as tables and named arrays, and compares runs, sample by sample.

    from seedbed_analysis import open_results
    results = open_results("margins.h5")
    results.trials.query("loss == 'mse'")                # a DataFrame, one row a committed trial
    results["margins"]["train"].sel(margins_point="end") # an xarray Dataset, read when asked for
    results.where("loss == 'mse'")                       # the same file, those trials only
"""

from .results import Results, open_results
from .storage import Array, ResultsError

__all__ = ["Array", "Results", "ResultsError", "open_results"]
