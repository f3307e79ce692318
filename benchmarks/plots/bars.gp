# SPDX-License-Identifier: BSL-1.0
# Horizontal bars: a group for each cell, a bar for each stream, a whisker from the lowest to the highest sample.
# plot.py sets: output, width, height, figure_title, panels, and for panel i: data_i (a block of lines
# `y median low high colour "text"`), heads_i (`y "cell"`), title_i, log_i, low_i, high_i; ticks (labels of the rows),
# rows.
set terminal svg size width,height dynamic font "Helvetica,Arial,sans-serif,12" background "#ffffff"
set output output
set encoding utf8
set multiplot
set label 1 "{/:Bold=14 ".figure_title."}" at screen 0, screen 1 offset 1.5,-1.2 left

set yrange [rows:-0.6]
set border 1 lc rgb "#999999"
set xtics nomirror textcolor rgb "#444444"
set grid xtics lc rgb "#dddddd"
set tics noenhanced
set ytics scale 0 textcolor rgb "#222222"
unset key
set style fill solid 1 noborder
left = 170.0 / width
gap = 24.0 / width
share = (1 - left) / panels
set tmargin at screen 1 - 66.0 / height
set bmargin at screen 34.0 / height

do for [i = 1:panels] {
  data = value(sprintf("data_%d", i))
  heads = value(sprintf("heads_%d", i))
  low = value(sprintf("low_%d", i))
  set lmargin at screen left + share * (i - 1)
  set rmargin at screen left + share * i - gap
  set label 2 value(sprintf("title_%d", i)) at graph 0, graph 1 offset 0,0.8 left font ",12" noenhanced
  if (value(sprintf("log_%d", i))) { set logscale x 10; set format x "%.0s%c" } else { unset logscale x; set format x "%.12g" }
  set xrange [low:value(sprintf("high_%d", i))]
  if (i == 1) { eval ticks } else { unset ytics; unset label 1 }
  plot data using 2:1:(low):2:($1 - 0.42):($1 + 0.42):5 with boxxyerror lc rgb variable, \
       data using 2:1:3:4 with xerrorbars pt -1 lw 1.2 lc rgb "#222222", \
       data using 4:1:6 with labels left offset 0.8,0 noenhanced textcolor rgb "#222222" font ",11", \
       heads using (low):1:2 with labels left enhanced
}
unset multiplot
