// The ABI 0.2.1 for C++, as much of it as main.cc needs: the SDK itself is in no registry.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define HOST(name) extern "C" __attribute__((import_module("env"), import_name("proxy_" #name))) uint32_t proxy_##name
#define EXPORT(name) extern "C" __attribute__((export_name("proxy_" #name)))

using Pointer = const char *;
HOST(log)(uint32_t level, Pointer message, size_t size);
HOST(get_buffer_bytes)(uint32_t type, uint32_t start, uint32_t max, char **data, size_t *size);
HOST(set_buffer_bytes)(uint32_t type, uint32_t start, uint32_t length, Pointer data, size_t size);
HOST(get_header_map_value)(uint32_t map, Pointer key, size_t key_size, char **value, size_t *size);
HOST(add_header_map_value)(uint32_t map, Pointer key, size_t key_size, Pointer value, size_t size);
HOST(remove_header_map_value)(uint32_t map, Pointer key, size_t key_size);
HOST(get_property)(Pointer path, size_t path_size, char **value, size_t *size);
HOST(set_property)(Pointer path, size_t path_size, Pointer value, size_t size);
HOST(set_shared_data)(Pointer key, size_t key_size, Pointer value, size_t size, uint32_t cas);
HOST(get_shared_data)(Pointer key, size_t key_size, char **value, size_t *size, uint32_t *cas);
HOST(register_shared_queue)(Pointer name, size_t size, uint32_t *id);
HOST(enqueue_shared_queue)(uint32_t id, Pointer value, size_t size);
HOST(dequeue_shared_queue)(uint32_t id, char **value, size_t *size);
HOST(define_metric)(uint32_t type, Pointer name, size_t size, uint32_t *id);
HOST(increment_metric)(uint32_t id, int64_t delta);
HOST(get_metric)(uint32_t id, uint64_t *value);
HOST(set_tick_period_milliseconds)(uint32_t period);
HOST(set_effective_context)(uint32_t id);
HOST(continue_stream)(uint32_t type);
HOST(send_local_response)(uint32_t code, Pointer details, size_t details_size, Pointer body, size_t body_size, Pointer headers, size_t headers_size, int32_t grpc);
HOST(http_call)(Pointer cluster, size_t cluster_size, Pointer headers, size_t headers_size, Pointer body, size_t body_size, Pointer trailers, size_t trailers_size, uint32_t timeout, uint32_t *id);
HOST(grpc_call)(Pointer service, size_t service_size, Pointer name, size_t name_size, Pointer method, size_t method_size, Pointer metadata, size_t metadata_size, Pointer message, size_t message_size, uint32_t timeout, uint32_t *id);
HOST(call_foreign_function)(Pointer name, size_t name_size, Pointer arguments, size_t arguments_size, char **result, size_t *size);

EXPORT(abi_version_0_2_1) void proxy_abi_version_0_2_1() {}
EXPORT(on_memory_allocate) void *proxy_on_memory_allocate(size_t size) { return malloc(size); }

/// Takes over what the host has allocated.
inline std::string taken(char *data, size_t size) {
  std::string text(data, size);
  free(data);
  return text;
}

inline void say(std::string_view line) { proxy_log(2, line.data(), line.size()); }

inline std::string header(uint32_t map, std::string_view key) {
  char *data = nullptr;
  size_t size = 0;
  if (proxy_get_header_map_value(map, key.data(), key.size(), &data, &size) != 0) return "none";
  return taken(data, size);
}

inline void add(uint32_t map, std::string_view key, std::string_view value) { proxy_add_header_map_value(map, key.data(), key.size(), value.data(), value.size()); }

inline std::string buffer(uint32_t type) {
  char *data = nullptr;
  size_t size = 0;
  if (proxy_get_buffer_bytes(type, 0, 1 << 20, &data, &size) != 0) return "none";
  return taken(data, size);
}

inline std::string property(std::string_view path) {
  char *data = nullptr;
  size_t size = 0;
  if (proxy_get_property(path.data(), path.size(), &data, &size) != 0) return "none";
  return taken(data, size);
}

inline std::string pairs(const std::vector<std::pair<std::string, std::string>> &items) {
  std::string bytes;
  auto word = [&](size_t n) {
    for (int i = 0; i < 4; i++) bytes.push_back(static_cast<char>(n >> (8 * i)));
  };
  word(items.size());
  for (auto &[key, value] : items) {
    word(key.size());
    word(value.size());
  }
  for (auto &[key, value] : items) bytes += key + '\0' + value + '\0';
  return bytes;
}
