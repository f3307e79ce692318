# SPDX-License-Identifier: BSL-1.0
# Lines over the number of connections, both axes logarithmic, with whiskers from the lowest to the highest sample.
# plot.py sets: output, width, height, figure_title, y_title, count, and for line i: data_i (`connections median low
# high`), name_i, colour_i.
set terminal svg size width,height dynamic font "Helvetica,Arial,sans-serif,12" background "#ffffff"
set output output
set encoding utf8
set title figure_title left font ":Bold,14" noenhanced
set xlabel "connections"
set ylabel y_title noenhanced
set logscale x 10
set logscale y 10
set format x "%'.0f"
set format y "%.12g"
set xrange [*:*]
set offsets graph 0.05, graph 0.05, 0, 0
set border 3 lc rgb "#999999"
set tics nomirror textcolor rgb "#444444"
set grid lc rgb "#dddddd"
set key outside right center noenhanced Left reverse
plot for [i = 1:count] value(sprintf("data_%d", i)) using 1:2 with linespoints lw 2 pt 7 ps 0.7 \
       lc rgb value(sprintf("colour_%d", i)) title value(sprintf("name_%d", i)), \
     for [i = 1:count] value(sprintf("data_%d", i)) using 1:2:3:4 with yerrorbars pt -1 lw 1.2 \
       lc rgb value(sprintf("colour_%d", i)) notitle
