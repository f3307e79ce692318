// SPDX-License-Identifier: BSL-1.0
// Calls into the module.
#include "module.hpp"

#include <algorithm>
#include <dlfcn.h>
#include <stdexcept>
#include <string_view>

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "pkcs11"; }
  std::string message(int value) const override {
    switch (static_cast<CK_RV>(value)) {
    case CKR_HOST_MEMORY: return "CKR_HOST_MEMORY";
    case CKR_GENERAL_ERROR: return "CKR_GENERAL_ERROR";
    case CKR_FUNCTION_FAILED: return "CKR_FUNCTION_FAILED";
    case CKR_DEVICE_ERROR: return "CKR_DEVICE_ERROR";
    case CKR_DEVICE_REMOVED: return "CKR_DEVICE_REMOVED";
    case CKR_KEY_FUNCTION_NOT_PERMITTED: return "CKR_KEY_FUNCTION_NOT_PERMITTED";
    case CKR_KEY_TYPE_INCONSISTENT: return "CKR_KEY_TYPE_INCONSISTENT";
    case CKR_MECHANISM_INVALID: return "CKR_MECHANISM_INVALID";
    case CKR_MECHANISM_PARAM_INVALID: return "CKR_MECHANISM_PARAM_INVALID";
    case CKR_PIN_INCORRECT: return "CKR_PIN_INCORRECT";
    case CKR_PIN_LEN_RANGE: return "CKR_PIN_LEN_RANGE";
    case CKR_PIN_LOCKED: return "CKR_PIN_LOCKED";
    case CKR_SESSION_COUNT: return "CKR_SESSION_COUNT";
    case CKR_SESSION_HANDLE_INVALID: return "CKR_SESSION_HANDLE_INVALID";
    case CKR_TOKEN_NOT_PRESENT: return "CKR_TOKEN_NOT_PRESENT";
    case CKR_USER_NOT_LOGGED_IN: return "CKR_USER_NOT_LOGGED_IN";
    default: return "PKCS#11 error " + std::to_string(value);
    }
  }
};

void check(CK_RV rv, const char* what) {
  if (rv != CKR_OK) throw std::system_error(static_cast<int>(rv), pkcs11_category(), what);
}

// Texts of the module are padded with blanks.
bool is_label(const unsigned char (&padded)[32], std::string_view label) {
  const std::string_view text(reinterpret_cast<const char*>(padded), sizeof padded);
  return label.size() <= text.size() && text.substr(0, label.size()) == label &&
         text.find_first_not_of(' ', label.size()) == std::string_view::npos;
}

CK_BYTE* bytes(const void* p) { return static_cast<CK_BYTE*>(const_cast<void*>(p)); }

} // namespace

const std::error_category& pkcs11_category() noexcept {
  static const category the_category;
  return the_category;
}

void pkcs11_key::close_library::operator()(void* library) const noexcept { ::dlclose(library); }

pkcs11_key::pkcs11_key(const std::string& module, const std::string& token, const std::string& label,
                       const std::string& pin)
    : library_(::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!library_) throw std::runtime_error(::dlerror());
  const auto function_list =
      reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library_.get(), "C_GetFunctionList"));
  if (function_list == nullptr) throw std::runtime_error(module + " is not a PKCS#11 module");
  check(function_list(&functions_), "C_GetFunctionList");

  CK_C_INITIALIZE_ARGS threads{};
  threads.flags = CKF_OS_LOCKING_OK; // several threads will call
  check(functions_->C_Initialize(&threads), "C_Initialize");
  try {
    slot_ = find_token(token);
    const CK_SESSION_HANDLE session = take_session();
    // One login holds for all sessions; it ends when the last of them is closed.
    check(functions_->C_Login(session, CKU_USER, bytes(pin.data()), pin.size()), "C_Login");
    key_ = find_key(session, label);
    give_back(session);
  } catch (...) {
    functions_->C_Finalize(nullptr);
    throw;
  }
}

pkcs11_key::~pkcs11_key() { functions_->C_Finalize(nullptr); } // closes all sessions

CK_SLOT_ID pkcs11_key::find_token(const std::string& label) const {
  CK_ULONG n = 0;
  check(functions_->C_GetSlotList(CK_TRUE, nullptr, &n), "C_GetSlotList");
  std::vector<CK_SLOT_ID> slots(n);
  check(functions_->C_GetSlotList(CK_TRUE, slots.data(), &n), "C_GetSlotList");
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info{};
    if (functions_->C_GetTokenInfo(slot, &info) == CKR_OK && is_label(info.label, label)) return slot;
  }
  throw std::runtime_error("the module has no token with the label '" + label + "'");
}

CK_OBJECT_HANDLE pkcs11_key::find_key(CK_SESSION_HANDLE session, const std::string& label) const {
  CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
  CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &wanted, sizeof wanted},
                               {CKA_LABEL, bytes(label.data()), label.size()}};
  check(functions_->C_FindObjectsInit(session, attributes, 2), "C_FindObjectsInit");
  CK_OBJECT_HANDLE found[2] = {};
  CK_ULONG n = 0;
  const CK_RV rv = functions_->C_FindObjects(session, found, 2, &n);
  functions_->C_FindObjectsFinal(session);
  check(rv, "C_FindObjects");
  if (n == 0) throw std::runtime_error("the token has no private key with the label '" + label + "'");
  if (n > 1) throw std::runtime_error("the token has several private keys with the label '" + label + "'");
  return found[0];
}

CK_SESSION_HANDLE pkcs11_key::take_session() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      const CK_SESSION_HANDLE session = idle_.back();
      idle_.pop_back();
      return session;
    }
  }
  CK_SESSION_HANDLE session = 0;
  check(functions_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session), "C_OpenSession");
  return session;
}

void pkcs11_key::give_back(CK_SESSION_HANDLE session) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    idle_.push_back(session);
  } catch (...) {
    functions_->C_CloseSession(session);
  }
}

std::vector<std::byte> pkcs11_key::sign(CK_MECHANISM_TYPE mechanism, std::span<const std::byte> parameter,
                                        std::span<const std::byte> data) {
  CK_MECHANISM m{mechanism, parameter.empty() ? nullptr : bytes(parameter.data()), parameter.size()};
  const CK_SESSION_HANDLE session = take_session();
  std::vector<std::byte> signature(1024); // of an RSA key with 8192 bits
  CK_ULONG n = signature.size();
  CK_RV rv = functions_->C_SignInit(session, &m, key_);
  if (rv == CKR_OK)
    rv = functions_->C_Sign(session, bytes(data.data()), data.size(), bytes(signature.data()), &n);
  if (rv == CKR_OK)
    give_back(session);
  else
    functions_->C_CloseSession(session); // who knows what state it is in
  check(rv, "C_Sign");
  signature.resize(n);
  return signature;
}
