// SPDX-License-Identifier: BSL-1.0
// The lowest layer below a stream; a next layer that names none is its own.
#ifndef TLSMODE_ASIO_DETAIL_LOWEST_LAYER_HPP
#define TLSMODE_ASIO_DETAIL_LOWEST_LAYER_HPP

namespace tlsmode::detail {

template <class T>
concept has_lowest_layer = requires(T& t) {
  typename T::lowest_layer_type;
  t.lowest_layer();
};

template <class T>
struct lowest_layer_of {
  using type = T;
};
template <has_lowest_layer T>
struct lowest_layer_of<T> {
  using type = typename T::lowest_layer_type;
};
template <class T>
using lowest_layer_t = typename lowest_layer_of<T>::type;

template <class T>
auto& lowest_layer(T& t) noexcept {
  if constexpr (has_lowest_layer<T>)
    return t.lowest_layer();
  else
    return t;
}

} // namespace tlsmode::detail

#endif
