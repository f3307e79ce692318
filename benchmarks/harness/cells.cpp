// SPDX-License-Identifier: BSL-1.0
// The list of cells. See cells.hpp; README.md says in words what each measures.
#include "cells.hpp"

#include "cell_lists.hpp"

#include <algorithm>
#include <utility>

namespace bench {
namespace {

std::vector<cell> make_cells() {
  std::vector<cell> cells;
  add_bulk(cells);
  add_pingpong(cells);
  add_sequences(cells);
  add_first_byte(cells);
  add_data_tls1_2(cells);
  add_handshakes(cells);
  add_jobs(cells);
  add_floods(cells);
  add_many(cells);
  return cells;
}

const std::vector<cell>& made_cells() { // made when first asked for: they name streams of other files
  static const std::vector<cell> cells = make_cells();
  return cells;
}

} // namespace

bool comparison::has(const stream_type* stream) const {
  const auto among = [stream](const std::vector<const stream_type*>& list) {
    return std::find(list.begin(), list.end(), stream) != list.end();
  };
  return stream == baseline || among(subjects) || among(beside);
}

comparison with_further(comparison streams, tls_version version) {
  for (const stream_type* stream : further_streams())
    if (version == tls_version::tls1_2 || !stream->only_tls1_2) streams.beside.push_back(stream);
  return streams;
}

comparison with_further_servers(comparison streams) {
  for (const stream_type* stream : further_streams())
    if (stream->accepts) streams.beside.push_back(stream);
  return streams;
}

comparison with_configurations_on_the_loop(comparison streams) {
  for (const stream_type* stream :
       {&tlsmode_kept_buffers_stream, &tlsmode_async_stream, &tlsmode_record_sizing_stream})
    if (!streams.has(stream)) streams.beside.push_back(stream);
  return streams;
}

comparison with_configurations(comparison streams) {
  streams = with_configurations_on_the_loop(std::move(streams));
  streams.beside.insert(streams.beside.end(), {&tlsmode_signer_stream, &tlsmode_job_threads_stream});
  return streams;
}

std::span<const cell> all_cells() { return made_cells(); }

std::vector<const cell*> cells_of(level thoroughness) {
  std::vector<const cell*> chosen;
  for (const cell& one : made_cells())
    if (one.when <= thoroughness) chosen.push_back(&one);
  return chosen;
}

std::vector<const cell*> find_cells(std::string_view text) {
  std::vector<const cell*> found;
  for (const cell& one : made_cells()) {
    if (one.key == text) return {&one};
    if (one.key.starts_with(text) && one.key[text.size()] == '-') found.push_back(&one);
  }
  return found;
}

} // namespace bench
