#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Draws the samples of a benchmark run.

usage: plot.py DIR

Reads DIR/samples.csv, as tlsmode_bench --out DIR writes it, and writes DIR/*.svg by gnuplot; names the figures at the
end of DIR/results.md. A figure whose metrics nobody measured is not drawn.
"""
import math
import statistics
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from figures import BARS, LINES  # noqa: E402
from samples import Samples  # noqa: E402

HERE = Path(__file__).resolve().parent
LICENCE = "<!-- SPDX-License-Identifier: BSL-1.0 -->"
COLOURS = {"asio": "#e08214", "tlsmode": "#2166ac", "tlsmode-signer": "#4393c3", "tlsmode-job-threads": "#92c5de",
           "tlsmode-async": "#5aae61", "tcp": "#bbbbbb"}
OTHERS = ("#8c510a", "#b2abd2", "#c51b7d", "#01665e", "#dfc27d", "#762a83", "#a6dba0", "#f4a582")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def colour_of(stream, streams):
    unknown = [one for one in streams if one not in COLOURS]
    return COLOURS.get(stream) or OTHERS[unknown.index(stream) % len(OTHERS)]


def gnuplot(script, output, settings):
    lines = [f"{name} << EOD\n" + "\n".join(value) + "\nEOD" if isinstance(value, list) else f"{name} = {value}"
             for name, value in settings.items()]
    lines += [f"output = {quoted(str(output))}", f"load {quoted(str(HERE / script))}"]
    done = subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode != 0 or "warning" in done.stderr.lower():
        sys.exit(f"error: {output.name}: {done.stderr}")
    head, _, rest = output.read_text().partition("\n")  # the XML declaration has to be first
    output.write_text("\n".join(line.rstrip() for line in f"{head}\n{LICENCE}\n{rest}".splitlines()) + "\n")


def draw_bars(samples, figure, output):
    """True if there was anything to draw."""
    panels = [panel for panel in figure.panels if samples.has(panel.metric, figure.wants)]
    cells = [cell for cell in samples.cells
             if figure.wants(cell, samples) and any(samples.streams_of(cell, panel.metric) for panel in panels)]
    if not cells:
        return False
    place, rows, ticks, heads = {}, 0, [], []
    for cell in cells:
        heads.append(f"{rows} {quoted('{/:Bold ' + cell + '}')}")
        rows += 1
        for stream in samples.streams:
            if not any(stream in samples.streams_of(cell, panel.metric) for panel in panels):
                continue
            place[cell, stream] = rows
            ticks.append(f"{quoted(stream)} {rows}")
            rows += 1
        rows += 0.5
    settings = {"width": 940, "height": int(110 + 17 * rows), "figure_title": quoted(figure.title),
                "panels": len(panels), "rows": rows, "ticks": "'set ytics (" + ", ".join(ticks) + ")'"}
    for i, panel in enumerate(panels, 1):
        lines, lowest, highest = [], None, 0
        for (cell, stream), row in place.items():
            values = samples.values(cell, stream, panel.metric)
            if not values:
                continue
            middle, base = statistics.median(values), figure.baseline(cell, samples)
            text = number(middle)
            ratio = samples.ratio(cell, stream, base, panel.metric)
            if ratio is not None:
                text += f"  {ratio:.2f}x"
            colour = int(colour_of(stream, samples.streams)[1:], 16)
            lines.append(f"{row} {middle} {min(values)} {max(values)} {colour} {quoted(text)}")
            lowest = min(lowest or min(values), min(values))
            highest = max(highest, max(values))
        low = 10 ** math.floor(math.log10(max(lowest, 1e-9) / 1.5)) if panel.log else 0
        room = 1 / (1 - 0.13 * len(panels))  # for the text at the end of the longest bar
        high = low * (highest / low) ** room if panel.log else highest * room
        settings.update({f"$data{i}": lines, f"data_{i}": f"'$data{i}'", f"$heads{i}": heads, f"heads_{i}": f"'$heads{i}'",
                         f"title_{i}": quoted(panel.title), f"log_{i}": int(panel.log), f"low_{i}": low,
                         f"high_{i}": high if highest else 1})
    gnuplot("bars.gp", output, settings)
    return True


def draw_lines(samples, figure, output):
    settings, count = {}, 0
    for stream in samples.streams:
        points = []
        for metric, connections in figure.points:
            values = samples.values(samples.scale_cell(), stream, metric)
            if values:
                points.append(f"{connections} {statistics.median(values)} {min(values)} {max(values)}")
        if not points:
            continue
        count += 1
        settings.update({f"$data{count}": points, f"data_{count}": f"'$data{count}'", f"name_{count}": quoted(stream),
                         f"colour_{count}": quoted(colour_of(stream, samples.streams))})
    if not count:
        return False
    settings.update({"width": 760, "height": 420, "figure_title": quoted(figure.title), "count": count,
                     "y_title": quoted(figure.y_title)})
    gnuplot("lines.gp", output, settings)
    return True


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = Path(sys.argv[1])
    samples = Samples(directory / "samples.csv")
    drawn = []
    for draw, figures in ((draw_bars, BARS), (draw_lines, LINES)):
        for figure in figures:
            output = directory / f"{figure.name}.svg"
            output.unlink(missing_ok=True)
            if draw(samples, figure, output):
                drawn.append(f"![{figure.title}]({figure.name}.svg)\n")
    report = directory / "results.md"
    if report.exists():
        text = report.read_text().partition("\n## Plots\n")[0].rstrip()
        report.write_text(text + "\n\n## Plots\n\nA bar is the median, a whisker goes from the lowest to the highest "
                          "sample; a ratio is the median of the rounds' ratios.\n\n" + "\n".join(drawn))
    print(f"{len(drawn)} plots in {directory}")


if __name__ == "__main__":
    main()
