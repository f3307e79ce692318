// SPDX-License-Identifier: BSL-1.0
// Cells of connections that are made, and of many at a time: handshakes, floods, idle and busy ones.
#include "cell_lists.hpp"

#include <array>

namespace bench {
namespace {

using enum goal::kind;
using goals = std::vector<goal>;

const comparison of_servers{
    &asio_ssl_stream, {&tlsmode_signer_stream, &tlsmode_job_threads_stream, &tlsmode_stream}, {}};
const comparison of_jobs{&tlsmode_stream, {&tlsmode_async_stream}, {}};

} // namespace

// ---- handshakes ----

static workload handshakes(placement where = placement::one_thread) {
  return {scenario::handshake, where, 0, 0, 200, 50};
}

static std::string suffix(placement where) { return where == placement::two_threads ? "-2t" : ""; }
static std::string words(placement where) {
  return where == placement::two_threads ? "both ends on each of two threads" : "both ends on one thread";
}
static std::string words(tls_version version) {
  return version == tls_version::tls1_2 ? "TLS 1.2" : "TLS 1.3";
}
static std::string key_part(tls_version version) { return version == tls_version::tls1_2 ? "-tls12" : ""; }

void add_handshakes(std::vector<cell>& cells) {
  for (const bool resume : {false, true})
    for (const tls_version version : {tls_version::tls1_3, tls_version::tls1_2})
      for (const server_key key : {server_key::ecdsa_p256, server_key::rsa_2048})
        for (const placement where : {placement::one_thread, placement::two_threads}) {
          cell one;
          one.key = resume ? "resume" : "handshake";
          one.title = resume ? "resumptions" : "full handshakes";
          one.key += key_part(version);
          one.title += ", " + words(version);
          one.key += key == server_key::rsa_2048 ? "-rsa" : "";
          one.title += key == server_key::rsa_2048 ? ", RSA-2048" : ", ECDSA P-256";
          one.key += suffix(where);
          one.title += ", " + words(where);
          one.work = handshakes(where);
          one.work.tls.key = key;
          one.work.tls.version = version;
          one.work.tls.resume = resume;
          one.fixed = false;
          one.streams = with_further(of_streams(), version);
          one.goals = {{metric::handshakes, ratio_at_least, resume ? 1.1 : 1.05}};
          const bool usual = version == tls_version::tls1_3 && key == server_key::ecdsa_p256 &&
                             where == placement::one_thread;
          one.when = usual ? level::quick : level::normal;
          if (usual) one.streams = with_configurations_on_the_loop(one.streams);
          cells.push_back(one);
        }
  for (const tls_version version : {tls_version::tls1_3, tls_version::tls1_2})
    for (const placement where : {placement::one_thread, placement::two_threads}) {
      workload work = handshakes(where);
      work.tls.version = version;
      work.tls.resume = work.tls.cached = true;
      cells.push_back({"resume-cache" + key_part(version) + suffix(where),
                       "resumptions from the server's session cache, " + words(version) + ", ECDSA P-256, " +
                           words(where),
                       work,
                       false,
                       with_further(of_streams(), version),
                       {{metric::handshakes, ratio_at_least, 1.1}}});
    }
  for (const std::uint8_t tickets : {std::uint8_t{0}, std::uint8_t{1}}) {
    workload work = handshakes();
    work.tls.tickets = tickets;
    cells.push_back({"handshake-tickets-" + std::to_string(tickets),
                     "full handshakes, TLS 1.3, ECDSA P-256, " +
                         std::string(tickets == 0 ? "no ticket" : "one ticket") + ", both ends on one thread",
                     work,
                     false,
                     of_streams(),
                     {}});
  }
}

// A server that has to take load times as many handshakes as boost::asio::ssl::stream can.
static workload flood(double load, server_key key) {
  workload work{scenario::flood, placement::two_threads, 64, 64, 1000, 200};
  work.tls.key = key;
  work.at_once = 256;
  work.load = load;
  return work;
}

void add_floods(std::vector<cell>& cells) {
  struct offered {
    double load;
    const char *key, *words;
  };
  constexpr std::array<offered, 3> loads{{{0.5, "half", "half of what asio::ssl::stream can take"},
                                          {1, "full", "as many as asio::ssl::stream can take"},
                                          {2, "double", "twice as many as asio::ssl::stream can take"}}};
  cells.push_back({"flood-none",
                   "no flood: the same echoes and the same timer, and no handshake meanwhile",
                   flood(0, server_key::rsa_2048),
                   false,
                   with_further_servers(of_servers),
                   {},
                   level::normal,
                   7});
  for (const server_key key : {server_key::rsa_2048, server_key::rsa_4096})
    for (const auto& [load, name, text] : loads) {
      const bool larger = key == server_key::rsa_4096;
      cells.push_back(
          {std::string(larger ? "flood4096-" : "flood-") + name,
           "a flood of " + std::string(larger ? "RSA-4096" : "RSA-2048") + " handshakes, " + text,
           flood(load, key),
           false,
           load == 0.5 ? with_further_servers(of_servers) : of_servers,
           {{metric::handshakes, ratio_at_least, 0.95}, {metric::late_p999, ratio_at_most, 0.2, true}},
           load == 1 && !larger ? level::quick : level::normal,
           7});
    }
}

// Handshakes with a signature that is worth a way to another thread.
static workload offload(scenario kind) {
  workload work{kind, kind == scenario::offload ? placement::two_threads : placement::one_thread, 0, 0, 128,
                64};
  work.tls.key = server_key::rsa_2048;
  work.at_once = 64;
  return work;
}

void add_jobs(std::vector<cell>& cells) {
  cells.push_back({"handshake-job",
                   "full handshakes, both ends on one thread and in jobs that never pause",
                   handshakes(),
                   false,
                   of_jobs,
                   {{metric::handshake_cpu, ratio_at_most, 1.02},
                    {metric::instructions_handshake, ratio_at_most, 1.02}}});
  cells.push_back({"pingpong-job",
                   "ping-pong: 64-byte messages, both ends on one thread, after handshakes in jobs",
                   pingpong(placement::one_thread),
                   false,
                   of_jobs,
                   {{metric::instructions_message, ratio_at_most, 1.001}}});
  cells.push_back(
      {"handshake-offload",
       "RSA-2048 handshakes, 64 at a time, the server alone: the clients' half is not on the clock",
       offload(scenario::offload),
       false,
       of_servers,
       {{metric::handshakes, ratio_at_least, 1.7}},
       level::quick});
  cells.push_back({"handshake-offload-1t",
                   "RSA-2048 handshakes, 64 at a time, both ends on one thread",
                   offload(scenario::handshake),
                   false,
                   {&asio_ssl_stream, {&tlsmode_signer_stream, &tlsmode_stream}, {}},
                   {{metric::handshakes, ratio_at_least, 1.7}}});
}

// ---- many connections ----

void add_many(std::vector<cell>& cells) {
  const goals idle{{metric::idle_heap, ratio_at_most, 0.19}, {metric::idle_heap, count_at_most, 16000}};
  // Here the program's own part is a little larger than in idle, which asserts the count.
  goals scale{{metric::idle_heap, ratio_at_most, 0.19}, {metric::idle_heap, figure_at_most, 16000}};
  scale.push_back({metric::busy_heap, ratio_at_most, 0.35});
  goals largest = scale;
  largest.push_back({metric::message_cpu_growth, figure_at_most, 1.3});
  for (const tls_version version : {tls_version::tls1_3, tls_version::tls1_2}) {
    const bool older = version == tls_version::tls1_2;
    const auto add = [&](cell one) {
      one.work.tls.version = version;
      one.key += key_part(version);
      one.title += ", " + words(version);
      one.fixed = true;
      one.streams = with_further(with_limit(), version);
      if (!older && one.when != level::full) one.streams = with_configurations_on_the_loop(one.streams);
      cells.push_back(one);
    };
    cell few{"idle", "idle server connections with a read outstanding, slope over 200 to 1000"};
    few.work = {scenario::idle, placement::two_threads, 0, 0, 1000, 200};
    few.goals = idle;
    few.most_rounds = 5;
    few.when = older ? level::normal : level::quick;
    add(few);
    cell thousand{"scale-1k", "100, then 1,000 connections to a server on one thread"};
    thousand.work = {scenario::scale, placement::two_threads, 64, 64, 1000};
    thousand.goals = scale;
    thousand.most_rounds = 3;
    thousand.when = older ? level::full : level::normal;
    add(thousand);
    cell most{"scale-10k", "100, then 1,000, then 10,000 connections to a server on one thread"};
    most.work = {scenario::scale, placement::two_threads, 64, 64, 10'000};
    most.goals = largest;
    most.most_rounds = 3;
    most.when = level::full;
    add(most);
  }
}

} // namespace bench
