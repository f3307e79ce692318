// SPDX-License-Identifier: BSL-1.0
// The lowest layer below a stream. A next layer that names none publicly is its own; one that has a socket,
// as beast::tcp_stream does, gives that, which is what boost::asio::ssl::stream makes of it as a friend.
#ifndef TLSMODE_ASIO_DETAIL_LOWEST_LAYER_HPP
#define TLSMODE_ASIO_DETAIL_LOWEST_LAYER_HPP

#include <boost/system/error_code.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace tlsmode::detail {

template <class T>
concept has_lowest_layer = requires(T& t) {
  typename T::lowest_layer_type;
  t.lowest_layer();
};

template <class T>
concept has_socket = !has_lowest_layer<T> && requires(T & t, const T& c) {
  requires std::is_lvalue_reference_v<decltype(t.socket())>;
  { c.socket() } -> std::same_as<const std::remove_reference_t<decltype(t.socket())>&>;
};

template <class T>
struct lowest_layer_of {
  using type = T;
};
template <has_lowest_layer T>
struct lowest_layer_of<T> {
  using type = typename T::lowest_layer_type;
};
template <has_socket T>
struct lowest_layer_of<T> {
  using type = std::remove_reference_t<decltype(std::declval<T&>().socket())>;
};
template <class T>
using lowest_layer_t = typename lowest_layer_of<T>::type;

template <class T>
auto& lowest_layer(T& t) noexcept {
  if constexpr (has_lowest_layer<std::remove_const_t<T>>)
    return t.lowest_layer();
  else if constexpr (has_socket<std::remove_const_t<T>>)
    return t.socket();
  else
    return t;
}

/// Cancels what is outstanding on a layer, by what there is for that, on it or at the bottom.
template <class T>
void cancel_all(T& t) {
  boost::system::error_code ignored;
  if constexpr (requires { t.cancel(ignored); })
    t.cancel(ignored);
  else if constexpr (requires { t.cancel(); })
    t.cancel();
  else if constexpr (requires { lowest_layer(t).cancel(ignored); })
    lowest_layer(t).cancel(ignored);
}

} // namespace tlsmode::detail

#endif
