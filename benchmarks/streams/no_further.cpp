// SPDX-License-Identifier: BSL-1.0
// What tlsmode_demo has in the place of further.cpp: nothing.
#include "registry.hpp"

namespace bench {

std::span<const stream_type* const> further_streams() noexcept { return {}; }

std::span<const std::string_view> absent_streams() noexcept { return {}; }

} // namespace bench
