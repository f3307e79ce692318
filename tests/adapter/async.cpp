// SPDX-License-Identifier: BSL-1.0
// Whatever makes a stream wait besides its peer: this program's suites are in the other files.
#define BOOST_TEST_MODULE adapter_async
#include <boost/test/unit_test.hpp>
