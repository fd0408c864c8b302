// Every capability in C++, one at a time: the plugin's configuration names it (cases/sdks.ts).
#include "proxy_wasm.h"
#include <map>

using namespace std::string_literals;

namespace {
std::map<uint32_t, std::string> capabilities; // by root context
std::map<uint32_t, uint32_t> roots;           // by stream
uint32_t http_waits = 0, grpc_waits = 0;      // the streams that wait for callouts

const std::string &capability(uint32_t context) { return capabilities[roots[context]]; }

void shared() {
  auto key = "cpp-key"s, value = "value"s, name = "cpp-queue"s, item = "item"s;
  proxy_set_shared_data(key.data(), key.size(), value.data(), value.size(), 0);
  char *data = nullptr;
  size_t size = 0;
  uint32_t cas = 0, queue = 0;
  if (proxy_get_shared_data(key.data(), key.size(), &data, &size, &cas) == 0) say("data " + taken(data, size));
  proxy_register_shared_queue(name.data(), name.size(), &queue);
  proxy_enqueue_shared_queue(queue, item.data(), item.size());
}

void metrics() {
  auto name = "cpp_counter"s;
  uint32_t id = 0;
  uint64_t value = 0;
  proxy_define_metric(0, name.data(), name.size(), &id);
  proxy_increment_metric(id, 3);
  proxy_get_metric(id, &value);
  say("counter " + std::to_string(value));
}

std::string foreign(std::string_view name, std::string_view arguments) {
  char *data = nullptr;
  size_t size = 0;
  if (proxy_call_foreign_function(name.data(), name.size(), arguments.data(), arguments.size(), &data, &size) != 0) return "failed";
  return taken(data, size);
}

void properties() {
  auto name = "mine"s, value = "own"s;
  say("path " + property("request\0path"s));
  proxy_set_property(name.data(), name.size(), value.data(), value.size());
  say("mine " + property(name));
  say("none " + property("no\0such"s));
}

void http_callout() {
  auto cluster = "upstream"s, body = "hi"s;
  auto headers = pairs({{":method", "GET"}, {":path", "/callout/201"}, {":authority", "called"}});
  uint32_t id = 0;
  proxy_http_call(cluster.data(), cluster.size(), headers.data(), headers.size(), body.data(), body.size(), nullptr, 0, 1000, &id);
}

void grpc_callout() {
  auto cluster = "grpc"s, service = "s.S"s, method = "Echo"s, message = "hi"s;
  uint32_t id = 0;
  proxy_grpc_call(cluster.data(), cluster.size(), service.data(), service.size(), method.data(), method.size(), nullptr, 0, message.data(), message.size(), 1000, &id);
}

void resume(uint32_t stream) {
  proxy_set_effective_context(stream);
  proxy_continue_stream(0);
}
} // namespace

EXPORT(on_context_create) void proxy_on_context_create(uint32_t id, uint32_t parent) { roots[id] = parent == 0 ? id : parent; }

EXPORT(on_configure) uint32_t proxy_on_configure(uint32_t id, uint32_t) {
  capabilities[id] = buffer(7);
  if (capabilities[id] == "tick") proxy_set_tick_period_milliseconds(20);
  return 1;
}

EXPORT(on_tick) void proxy_on_tick(uint32_t) {
  say("tick");
  proxy_set_tick_period_milliseconds(0);
}

EXPORT(on_queue_ready) void proxy_on_queue_ready(uint32_t, uint32_t queue) {
  char *data = nullptr;
  size_t size = 0;
  if (proxy_dequeue_shared_queue(queue, &data, &size) == 0) say("queue " + taken(data, size));
}

EXPORT(on_request_headers) uint32_t proxy_on_request_headers(uint32_t id, uint32_t, uint32_t) {
  const auto &what = capability(id);
  if (what == "headers") {
    say("x-a " + header(0, "x-a"));
    add(0, "x-added", "1");
    proxy_remove_header_map_value(0, "x-b", 3);
  } else if (what == "body") {
    proxy_remove_header_map_value(0, "content-length", 14);
  } else if (what == "properties") {
    properties();
  } else if (what == "shared") {
    shared();
  } else if (what == "metrics") {
    metrics();
  } else if (what == "foreign") {
    say("foreign " + foreign("uncompress", foreign("compress", "hello")));
  } else if (what == "local-reply") {
    auto headers = pairs({{"x-l", "1"}});
    proxy_send_local_response(403, nullptr, 0, "no", 2, headers.data(), headers.size(), -1);
    return 1;
  } else if (what == "http-callout") {
    http_waits = id;
    http_callout();
    return 1;
  } else if (what == "grpc-callout") {
    grpc_waits = id;
    grpc_callout();
    return 1;
  }
  return 0;
}

EXPORT(on_request_body) uint32_t proxy_on_request_body(uint32_t id, uint32_t size, uint32_t end) {
  if (capability(id) != "body") return 0;
  if (!end) return 1;
  auto body = buffer(0);
  say("body " + body);
  for (auto &c : body) c = static_cast<char>(toupper(c));
  proxy_set_buffer_bytes(0, 0, size, body.data(), body.size());
  return 0;
}

EXPORT(on_request_trailers) uint32_t proxy_on_request_trailers(uint32_t id, uint32_t) {
  if (capability(id) == "trailers") {
    say("t " + header(1, "t"));
    add(1, "n", "9");
  }
  return 0;
}

EXPORT(on_response_headers) uint32_t proxy_on_response_headers(uint32_t id, uint32_t, uint32_t) {
  if (capability(id) == "headers") add(2, "x-resp", "1");
  return 0;
}

EXPORT(on_http_call_response) void proxy_on_http_call_response(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t) {
  say("called " + header(6, ":status"));
  say(buffer(4));
  resume(http_waits);
}

EXPORT(on_grpc_receive) void proxy_on_grpc_receive(uint32_t, uint32_t, uint32_t) {
  say("grpc 0 " + buffer(5));
  resume(grpc_waits);
}

EXPORT(on_downstream_data) uint32_t proxy_on_downstream_data(uint32_t, uint32_t size, uint32_t) {
  if (size > 0) {
    say("data " + buffer(2));
    proxy_set_buffer_bytes(2, size, 0, "!", 1);
  }
  return 0;
}

EXPORT(on_delete) void proxy_on_delete(uint32_t id) { roots.erase(id); }
