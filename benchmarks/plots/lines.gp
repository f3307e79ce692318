# SPDX-License-Identifier: BSL-1.0
# Lines over the number of connections (logarithmic), with whiskers from the lowest to the highest sample.
# plot.py sets: output, width, height, figure_title, y_title, count, and for line i: data_i (`connections median low
# high`), name_i, colour_i.
set terminal svg size width,height dynamic font "Helvetica,Arial,sans-serif,12" background "#ffffff"
set output output
set encoding utf8
set label 1 "{/:Bold=14 ".figure_title."}" at screen 0, screen 1 offset 1.5,-1.2 left
set tmargin 3
set xlabel "connections"
set ylabel y_title noenhanced
set logscale x 10
set xtics (100, "1,000" 1000, "10,000" 10000, "100,000" 100000)
set format y "%.12g"
set xrange [*:*]
set yrange [0:*]
set offsets graph 0.05, graph 0.05, graph 0.08, 0
set border 3 lc rgb "#999999"
set tics nomirror textcolor rgb "#444444"
set grid lc rgb "#dddddd"
set key outside right center noenhanced Left reverse
plot for [i = 1:count] value(sprintf("data_%d", i)) using 1:2 with lines lw 2 \
       lc rgb value(sprintf("colour_%d", i)) title value(sprintf("name_%d", i)), \
     for [i = 1:count] value(sprintf("data_%d", i)) using 1:2:3:4 with yerrorbars pt 7 ps 0.7 lw 1.2 \
       lc rgb value(sprintf("colour_%d", i)) notitle
