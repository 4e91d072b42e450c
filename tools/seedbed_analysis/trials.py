"""The table of trials: a pandas DataFrame whose query() takes an axis by the end of its key."""

import re

import pandas

# What stands in quotes or backticks stays as it is; then names, dotted ones too, but not attributes of something.
TOKENS = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|[@.)\]]?[A-Za-z_][\w.]*""")


class Trials(pandas.DataFrame):
    """One row a committed trial, labelled by its number; axes go by their dotted keys.

    query("loss == 'rll' and train.learning_rate < 0.1") takes dotted keys as they are, and the last part of one where
    only one ends so.
    """

    @property
    def _constructor(self):
        return Trials

    def query(self, expr, inplace=False, **options):
        options["level"] = options.get("level", 0) + 1  # so that @name finds the caller's variables
        return super().query(expand(expr, list(self.columns)), inplace=inplace, **options)


def expand(text, columns):
    """The query with each column that is no plain name in backticks.   "loss == 'mse'" -> "`train.loss` == 'mse'" """

    def replace(match):
        token = match[0]
        if token[0] in "'\"`@.)]":
            return token
        for name, rest in heads(token):
            found = column_of(name, columns)
            if found:
                return (f"`{found}`" if "." in found else found) + rest
        return token

    return TOKENS.sub(replace, text)


def heads(token):
    """Every way to part a dotted name from methods behind it.   "loss.str.len" -> ("loss.str.len", ""), ("loss.str", ".len"), ..."""
    parts = token.split(".")
    return [(".".join(parts[:count]), "".join("." + part for part in parts[count:])) for count in range(len(parts), 0, -1)]


def column_of(name, columns):
    """The column that a name means: itself, or the one column whose dotted key ends in it; "" when there is none."""
    if name in columns:
        return name
    found = [column for column in columns if column.endswith("." + name)]
    return found[0] if len(found) == 1 else ""
