# SPDX-License-Identifier: BSL-1.0
"""The samples of a benchmark run, from the CSV file of tlsmode_bench."""
import csv
import statistics


class Samples:
    def __init__(self, file):
        self.cells, self.streams = [], []  # in the order of the run
        self._values = {}  # (cell, stream, metric) -> [(round, value)]
        with open(file, newline="") as lines:
            for row in csv.DictReader(line for line in lines if not line.startswith("#")):
                cell, stream = row["cell"], row["stream"]
                if cell not in self.cells:
                    self.cells.append(cell)
                if stream not in self.streams:
                    self.streams.append(stream)
                key = (cell, stream, row["metric"])
                self._values.setdefault(key, []).append((int(row["round"]), float(row["value"])))

    def values(self, cell, stream, metric):
        return [value for _, value in self._values.get((cell, stream, metric), ())]

    def scale_cell(self):
        """The cell with the most connections, of those that have several numbers of them; None if there is none."""
        for metric in ("heap_10k", "message_cpu_10k", "heap_1k", "message_cpu_1k"):
            for cell in self.cells:
                if self.streams_of(cell, metric):
                    return cell
        return None

    def streams_of(self, cell, metric):
        return [stream for stream in self.streams if (cell, stream, metric) in self._values]

    def metrics_of(self, cell):
        return {metric for one, _, metric in self._values if one == cell}

    def has(self, metric, wanted):
        return any(self.streams_of(cell, metric) and wanted(cell, self) for cell in self.cells)

    def ratio(self, cell, stream, baseline, metric):
        """The median of the rounds' ratios; None for the baseline itself, or where there is nothing to compare."""
        own, other = (dict(self._values.get((cell, who, metric), ())) for who in (stream, baseline))
        ratios = [value / other[turn] for turn, value in own.items() if other.get(turn)]
        return statistics.median(ratios) if ratios and stream != baseline else None
