//! Every capability of the Rust SDK, one at a time: the plugin's configuration names it (cases/sdks.ts).
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext, StreamContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root { what: String::new() }) });
}}

fn say(line: &str) {
    hostcalls::log(LogLevel::Info, line).unwrap();
}

fn text(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or("none".to_string(), |b| String::from_utf8_lossy(&b).to_string())
}

struct Root {
    what: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.what = text(self.get_plugin_configuration());
        if self.what == "tick" {
            self.set_tick_period(Duration::from_millis(20));
        }
        true
    }

    fn on_tick(&mut self) {
        say("tick");
        self.set_tick_period(Duration::from_millis(0));
    }

    fn on_queue_ready(&mut self, queue: u32) {
        if let Ok(item) = self.dequeue_shared_queue(queue) {
            say(&format!("queue {}", text(item)));
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Http { what: self.what.clone() }))
    }

    fn create_stream_context(&self, _: u32) -> Option<Box<dyn StreamContext>> {
        Some(Box::new(Tcp {}))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(if self.what == "network" { ContextType::StreamContext } else { ContextType::HttpContext })
    }
}

struct Http {
    what: String,
}

impl Context for Http {
    fn on_http_call_response(&mut self, _: u32, _: usize, body_size: usize, _: usize) {
        say(&format!("called {}", self.get_http_call_response_header(":status").unwrap_or_default()));
        say(&text(self.get_http_call_response_body(0, body_size)));
        self.resume_http_request();
    }

    fn on_grpc_call_response(&mut self, _: u32, status: u32, size: usize) {
        say(&format!("grpc {} {}", status, text(self.get_grpc_call_response_body(0, size))));
        self.resume_http_request();
    }
}

impl Http {
    fn shared(&self) {
        self.set_shared_data("rust-key", Some(b"value"), None).unwrap();
        say(&format!("data {}", text(self.get_shared_data("rust-key").0)));
        let queue = self.register_shared_queue("rust-queue");
        self.enqueue_shared_queue(queue, Some(b"item")).unwrap();
    }

    fn properties(&self) {
        say(&format!("path {}", text(self.get_property(vec!["request", "path"]))));
        self.set_property(vec!["mine"], Some(b"own"));
        say(&format!("mine {}", text(self.get_property(vec!["mine"]))));
        say(&format!("none {}", text(self.get_property(vec!["no", "such"]))));
    }

    fn metrics(&self) {
        let id = hostcalls::define_metric(MetricType::Counter, "rust_counter").unwrap();
        hostcalls::increment_metric(id, 3).unwrap();
        say(&format!("counter {}", hostcalls::get_metric(id).unwrap()));
    }

    fn foreign(&self) {
        let packed = self.call_foreign_function("compress", Some(b"hello")).unwrap();
        let back = self.call_foreign_function("uncompress", packed.as_deref()).unwrap();
        say(&format!("foreign {}", text(back)));
    }
}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match self.what.as_str() {
            "headers" => {
                say(&format!("x-a {}", self.get_http_request_header("x-a").unwrap_or_default()));
                self.add_http_request_header("x-added", "1");
                self.set_http_request_header("x-b", None);
            }
            "body" => self.set_http_request_header("content-length", None),
            "properties" => self.properties(),
            "shared" => self.shared(),
            "metrics" => self.metrics(),
            "foreign" => self.foreign(),
            "local-reply" => {
                self.send_http_response(403, vec![("x-l", "1")], Some(b"no"));
                return Action::Pause;
            }
            "http-callout" => {
                let headers = vec![(":method", "GET"), (":path", "/callout/201"), (":authority", "called")];
                self.dispatch_http_call("upstream", headers, Some(b"hi"), vec![], Duration::from_secs(1)).unwrap();
                return Action::Pause;
            }
            "grpc-callout" => {
                self.dispatch_grpc_call("grpc", "s.S", "Echo", vec![], Some(b"hi"), Duration::from_secs(1)).unwrap();
                return Action::Pause;
            }
            _ => {}
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if self.what != "body" {
            return Action::Continue;
        }
        if !end {
            return Action::Pause;
        }
        let body = text(self.get_http_request_body(0, size));
        say(&format!("body {}", body));
        self.set_http_request_body(0, size, body.to_uppercase().as_bytes());
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        if self.what == "trailers" {
            say(&format!("t {}", self.get_http_request_trailer("t").unwrap_or_default()));
            self.add_http_request_trailer("n", "9");
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if self.what == "headers" {
            self.add_http_response_header("x-resp", "1");
        }
        Action::Continue
    }
}

struct Tcp {}

impl Context for Tcp {}

impl StreamContext for Tcp {
    fn on_downstream_data(&mut self, size: usize, _: bool) -> Action {
        if size > 0 {
            say(&format!("data {}", text(self.get_downstream_data(0, size))));
            self.set_downstream_data(size, 0, b"!");
        }
        Action::Continue
    }
}
