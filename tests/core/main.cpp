// SPDX-License-Identifier: BSL-1.0
// Gives a test program its main().
#define BOOST_TEST_MODULE tlsmode_core // NOLINT: read by the next line
#include <boost/test/unit_test.hpp>
