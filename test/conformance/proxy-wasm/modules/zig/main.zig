//! Every capability in Zig, without an SDK and without a C library: the plugin's configuration names it (cases/sdks.ts).
const host = struct {
    extern "env" fn proxy_log(u32, [*]const u8, usize) u32;
    extern "env" fn proxy_get_buffer_bytes(u32, u32, u32, *?[*]u8, *usize) u32;
    extern "env" fn proxy_set_buffer_bytes(u32, u32, u32, [*]const u8, usize) u32;
    extern "env" fn proxy_get_header_map_value(u32, [*]const u8, usize, *?[*]u8, *usize) u32;
    extern "env" fn proxy_add_header_map_value(u32, [*]const u8, usize, [*]const u8, usize) u32;
    extern "env" fn proxy_remove_header_map_value(u32, [*]const u8, usize) u32;
    extern "env" fn proxy_get_property([*]const u8, usize, *?[*]u8, *usize) u32;
    extern "env" fn proxy_set_property([*]const u8, usize, [*]const u8, usize) u32;
    extern "env" fn proxy_set_shared_data([*]const u8, usize, [*]const u8, usize, u32) u32;
    extern "env" fn proxy_get_shared_data([*]const u8, usize, *?[*]u8, *usize, *u32) u32;
    extern "env" fn proxy_register_shared_queue([*]const u8, usize, *u32) u32;
    extern "env" fn proxy_enqueue_shared_queue(u32, [*]const u8, usize) u32;
    extern "env" fn proxy_dequeue_shared_queue(u32, *?[*]u8, *usize) u32;
    extern "env" fn proxy_define_metric(u32, [*]const u8, usize, *u32) u32;
    extern "env" fn proxy_increment_metric(u32, i64) u32;
    extern "env" fn proxy_get_metric(u32, *u64) u32;
    extern "env" fn proxy_set_tick_period_milliseconds(u32) u32;
    extern "env" fn proxy_set_effective_context(u32) u32;
    extern "env" fn proxy_continue_stream(u32) u32;
    extern "env" fn proxy_send_local_response(u32, [*]const u8, usize, [*]const u8, usize, [*]const u8, usize, i32) u32;
    extern "env" fn proxy_http_call([*]const u8, usize, [*]const u8, usize, [*]const u8, usize, [*]const u8, usize, u32, *u32) u32;
    extern "env" fn proxy_grpc_call([*]const u8, usize, [*]const u8, usize, [*]const u8, usize, [*]const u8, usize, [*]const u8, usize, u32, *u32) u32;
    extern "env" fn proxy_call_foreign_function([*]const u8, usize, [*]const u8, usize, *?[*]u8, *usize) u32;
};

// What the host asks for lives until the next callback; contexts and capabilities are few and stay.
var heap: [1 << 16]u8 align(16) = undefined;
var used: usize = 0;

export fn proxy_abi_version_0_2_1() void {}

export fn proxy_on_memory_allocate(size: usize) ?[*]u8 {
    if (used + size > heap.len) return null;
    const at = used;
    used += (size + 15) & ~@as(usize, 15);
    return heap[at..].ptr;
}

var line: [512]u8 = undefined;

fn say(word: []const u8, value: []const u8) void {
    @memcpy(line[0..word.len], word);
    @memcpy(line[word.len..][0..value.len], value);
    _ = host.proxy_log(2, &line, word.len + value.len);
}

const Capability = struct { root: u32 = 0, name: [32]u8 = undefined, len: usize = 0 };
var capabilities: [32]Capability = @splat(.{});
var count: usize = 0;
const Stream = struct { id: u32 = 0, root: u32 = 0 };
var streams: [64]Stream = @splat(.{});
var next_stream: usize = 0;
var http_waits: u32 = 0;
var grpc_waits: u32 = 0;

fn taken(status: u32, data: ?[*]u8, size: usize) []const u8 {
    if (status != 0) return "none";
    return if (data) |bytes| bytes[0..size] else "";
}

fn header(map: u32, key: []const u8) []const u8 {
    var data: ?[*]u8 = null;
    var size: usize = 0;
    const status = host.proxy_get_header_map_value(map, key.ptr, key.len, &data, &size);
    return taken(status, data, size);
}

fn buffer(kind: u32) []const u8 {
    var data: ?[*]u8 = null;
    var size: usize = 0;
    const status = host.proxy_get_buffer_bytes(kind, 0, 1 << 16, &data, &size);
    return taken(status, data, size);
}

fn property(path: []const u8) []const u8 {
    var data: ?[*]u8 = null;
    var size: usize = 0;
    const status = host.proxy_get_property(path.ptr, path.len, &data, &size);
    return taken(status, data, size);
}

fn foreign(name: []const u8, arguments: []const u8) []const u8 {
    var data: ?[*]u8 = null;
    var size: usize = 0;
    const status = host.proxy_call_foreign_function(name.ptr, name.len, arguments.ptr, arguments.len, &data, &size);
    return taken(status, data, size);
}

fn same(a: []const u8, b: []const u8) bool {
    if (a.len != b.len) return false;
    for (a, b) |x, y| if (x != y) return false;
    return true;
}

fn capability(id: u32) []const u8 {
    var root: u32 = 0;
    for (streams) |stream| {
        if (stream.id == id) root = stream.root;
    }
    for (capabilities[0..count]) |*one| {
        if (one.root == root) return one.name[0..one.len];
    }
    return "";
}

export fn proxy_on_context_create(id: u32, parent: u32) void {
    used = 0;
    if (parent == 0) return;
    streams[next_stream % streams.len] = .{ .id = id, .root = parent };
    next_stream += 1;
}

export fn proxy_on_configure(id: u32, _: u32) u32 {
    const name = buffer(7);
    var one = Capability{ .root = id, .len = name.len };
    @memcpy(one.name[0..name.len], name);
    capabilities[count] = one;
    count += 1;
    if (same(name, "tick")) _ = host.proxy_set_tick_period_milliseconds(20);
    return 1;
}

export fn proxy_on_tick(_: u32) void {
    say("tick", "");
    _ = host.proxy_set_tick_period_milliseconds(0);
}

export fn proxy_on_queue_ready(_: u32, queue: u32) void {
    used = 0;
    var data: ?[*]u8 = null;
    var size: usize = 0;
    if (host.proxy_dequeue_shared_queue(queue, &data, &size) == 0) say("queue ", taken(0, data, size));
}

fn shared() void {
    _ = host.proxy_set_shared_data("zig-key", 7, "value", 5, 0);
    var data: ?[*]u8 = null;
    var size: usize = 0;
    var cas: u32 = 0;
    const status = host.proxy_get_shared_data("zig-key", 7, &data, &size, &cas);
    say("data ", taken(status, data, size));
    var queue: u32 = 0;
    _ = host.proxy_register_shared_queue("zig-queue", 9, &queue);
    _ = host.proxy_enqueue_shared_queue(queue, "item", 4);
}

fn metrics() void {
    var id: u32 = 0;
    var value: u64 = 0;
    _ = host.proxy_define_metric(0, "zig_counter", 11, &id);
    _ = host.proxy_increment_metric(id, 3);
    _ = host.proxy_get_metric(id, &value);
    const digit = [1]u8{@intCast(48 + value % 10)};
    say("counter ", &digit);
}

fn properties() void {
    say("path ", property("request\x00path"));
    _ = host.proxy_set_property("mine", 4, "own", 3);
    say("mine ", property("mine"));
    say("none ", property("no\x00such"));
}

// One pair `x-l: 1`, and three pairs of a request, in the wire form of header maps.
const reply_headers = "\x01\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00x-l\x001\x00";
const call_headers = "\x03\x00\x00\x00" ++ "\x07\x00\x00\x00\x03\x00\x00\x00" ++ "\x05\x00\x00\x00\x0c\x00\x00\x00" ++
    "\x0a\x00\x00\x00\x06\x00\x00\x00" ++ ":method\x00GET\x00:path\x00/callout/201\x00:authority\x00called\x00";

export fn proxy_on_request_headers(id: u32, _: u32, _: u32) u32 {
    used = 0;
    const what = capability(id);
    var token: u32 = 0;
    if (same(what, "headers")) {
        say("x-a ", header(0, "x-a"));
        _ = host.proxy_add_header_map_value(0, "x-added", 7, "1", 1);
        _ = host.proxy_remove_header_map_value(0, "x-b", 3);
    } else if (same(what, "body")) {
        _ = host.proxy_remove_header_map_value(0, "content-length", 14);
    } else if (same(what, "properties")) {
        properties();
    } else if (same(what, "shared")) {
        shared();
    } else if (same(what, "metrics")) {
        metrics();
    } else if (same(what, "foreign")) {
        say("foreign ", foreign("uncompress", foreign("compress", "hello")));
    } else if (same(what, "local-reply")) {
        _ = host.proxy_send_local_response(403, "", 0, "no", 2, reply_headers, reply_headers.len, -1);
        return 1;
    } else if (same(what, "http-callout")) {
        http_waits = id;
        _ = host.proxy_http_call("upstream", 8, call_headers, call_headers.len, "hi", 2, "", 0, 1000, &token);
        return 1;
    } else if (same(what, "grpc-callout")) {
        grpc_waits = id;
        _ = host.proxy_grpc_call("grpc", 4, "s.S", 3, "Echo", 4, "", 0, "hi", 2, 1000, &token);
        return 1;
    }
    return 0;
}

export fn proxy_on_request_body(id: u32, size: u32, end: u32) u32 {
    used = 0;
    if (!same(capability(id), "body")) return 0;
    if (end == 0) return 1;
    const body = buffer(0);
    say("body ", body);
    var upper: [256]u8 = undefined;
    for (body, 0..) |c, i| upper[i] = if (c >= 'a' and c <= 'z') c - 32 else c;
    _ = host.proxy_set_buffer_bytes(0, 0, size, &upper, body.len);
    return 0;
}

export fn proxy_on_request_trailers(id: u32, _: u32) u32 {
    used = 0;
    if (same(capability(id), "trailers")) {
        say("t ", header(1, "t"));
        _ = host.proxy_add_header_map_value(1, "n", 1, "9", 1);
    }
    return 0;
}

export fn proxy_on_response_headers(id: u32, _: u32, _: u32) u32 {
    used = 0;
    if (same(capability(id), "headers")) _ = host.proxy_add_header_map_value(2, "x-resp", 6, "1", 1);
    return 0;
}

fn resumeRequest(stream: u32) void {
    _ = host.proxy_set_effective_context(stream);
    _ = host.proxy_continue_stream(0);
}

export fn proxy_on_http_call_response(_: u32, _: u32, _: u32, _: u32, _: u32) void {
    used = 0;
    say("called ", header(6, ":status"));
    say("", buffer(4));
    resumeRequest(http_waits);
}

export fn proxy_on_grpc_receive(_: u32, _: u32, _: u32) void {
    used = 0;
    say("grpc 0 ", buffer(5));
    resumeRequest(grpc_waits);
}

export fn proxy_on_downstream_data(_: u32, size: u32, _: u32) u32 {
    used = 0;
    if (size > 0) {
        say("data ", buffer(2));
        _ = host.proxy_set_buffer_bytes(2, size, 0, "!", 1);
    }
    return 0;
}
